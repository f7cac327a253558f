-- breaking: yes
-- Text that is sorted or searched by its beginning is in byte order, as in SQLite, whatever the database's locale.
-- The tables of the SQLite store with the same meanings (its migrations say what each is for), and what several
-- orchestrators on one database need besides. Status is where the row is. Instants are ms since the epoch.
--
-- The lock of a run is its root's row in `task`: whoever changes anything that belongs to a run holds it. Locks are taken in
-- the order of the ids, all of them in the first statement of a transaction; so within a run everything happens one after
-- the other, as with one writer, and nobody waits in a circle.

CREATE TABLE namespace (id bigint PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO namespace (id, name) VALUES (1, 'default');

-- Blocks of task ids: each call gives 1,024 of them, n * 1024 up to n * 1024 + 1023.
CREATE SEQUENCE task_block;

-- Lives that go on. One that is not here owns nothing. `last_batch`: the number of its last committed batch, which tells a
-- life that lost its connection whether its COMMIT was done; `last_void`: a number that nobody may take. `beating_since`: no
-- gap between its beats since then; only a life that has beaten for a whole lease may call others dead, because after an
-- outage of the database everybody is late.
CREATE TABLE orchestrator (
  id bigint PRIMARY KEY, nonce text NOT NULL, pid int NOT NULL, host text NOT NULL, version text NOT NULL,
  started_at bigint NOT NULL, expires_at timestamptz NOT NULL, beating_since timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_batch bigint NOT NULL DEFAULT 0, last_void bigint NOT NULL DEFAULT 0,
  workers int NOT NULL DEFAULT 0, slots int NOT NULL DEFAULT 0, busy int NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Lives that have ended, and may have left rows in `running`.
CREATE TABLE swept (boot bigint PRIMARY KEY, at bigint NOT NULL);

CREATE TABLE worker (
  id bigint PRIMARY KEY, orchestrator bigint NOT NULL, name text NOT NULL, pid bigint NOT NULL,
  build text NOT NULL, joined_at bigint NOT NULL, left_at bigint, left_how text
);
CREATE INDEX worker_live ON worker (orchestrator) WHERE left_at IS NULL;

CREATE TABLE definition (
  id bigint PRIMARY KEY, namespace bigint NOT NULL, name text NOT NULL, card text NOT NULL, UNIQUE (namespace, name)
);
CREATE TABLE lane (
  id bigint PRIMARY KEY, definition bigint NOT NULL, needs text NOT NULL, build text NOT NULL DEFAULT '',
  UNIQUE (definition, needs, build)
);

CREATE TABLE task (
  id bigint PRIMARY KEY,
  namespace bigint NOT NULL, run bigint NOT NULL, parent bigint, act int,
  key text COLLATE "C", input_hash text, asked_after int, secret text, path text,
  definition bigint NOT NULL, lane bigint NOT NULL, prio smallint NOT NULL, pass bigint NOT NULL,
  tenant text, depth int NOT NULL, detached smallint NOT NULL DEFAULT 0,
  input text NOT NULL, options text, created_at bigint NOT NULL
);
CREATE UNIQUE INDEX task_journal ON task (parent, act) WHERE parent IS NOT NULL;
CREATE INDEX task_of_run ON task (run, id) WHERE parent IS NOT NULL;
CREATE INDEX task_roots ON task (namespace, id) WHERE parent IS NULL;

-- The primary key is the claim order; no other index, because rows come and go.
CREATE TABLE ready (
  lane bigint NOT NULL, prio smallint NOT NULL, pass bigint NOT NULL, task bigint NOT NULL,
  lease_no int NOT NULL, attempt int NOT NULL, crashes int NOT NULL, alone smallint NOT NULL, since bigint NOT NULL,
  PRIMARY KEY (lane, prio, pass, task)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

CREATE TABLE delayed (
  due_at bigint NOT NULL, task bigint NOT NULL UNIQUE, lane bigint NOT NULL, prio smallint NOT NULL, pass bigint NOT NULL,
  lease_no int NOT NULL, attempt int NOT NULL, crashes int NOT NULL, alone smallint NOT NULL,
  PRIMARY KEY (due_at, task)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

CREATE TABLE held (
  task bigint PRIMARY KEY, reason text NOT NULL, error text, since bigint NOT NULL,
  lease_no int NOT NULL, attempt int NOT NULL, crashes int NOT NULL
);

CREATE TABLE running (
  task bigint NOT NULL, lease_no int NOT NULL, top int NOT NULL, orchestrator bigint NOT NULL, worker bigint NOT NULL,
  attempt int NOT NULL, crashes int NOT NULL, alone smallint NOT NULL, claimed_at bigint NOT NULL,
  PRIMARY KEY (task, lease_no)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
CREATE INDEX running_of ON running (orchestrator);

CREATE TABLE gate (
  task bigint PRIMARY KEY, remaining int NOT NULL DEFAULT 0, acts int NOT NULL DEFAULT 0,
  last_seq int NOT NULL DEFAULT 0, armed smallint NOT NULL DEFAULT 0, started_at bigint NOT NULL,
  waits int NOT NULL DEFAULT 0, base_act int NOT NULL DEFAULT 0, base_seq int NOT NULL DEFAULT 0,
  unwinds smallint NOT NULL DEFAULT 0, cancel_seq int, cancel_reason text, cancel_at bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE parked (
  task bigint PRIMARY KEY, lease_no int NOT NULL, attempt int NOT NULL, crashes int NOT NULL, since bigint NOT NULL
);

CREATE TABLE step (
  task bigint NOT NULL, act int NOT NULL, key text NOT NULL, asked_after int NOT NULL, lease_no int NOT NULL,
  begun_at bigint NOT NULL, seq int, ended_at bigint, value text, ref text, error text,
  PRIMARY KEY (task, act)
);
CREATE TABLE emit (
  task bigint NOT NULL, act int NOT NULL, key text NOT NULL, asked_after int NOT NULL,
  name text NOT NULL, value text NOT NULL, at bigint NOT NULL, PRIMARY KEY (task, act)
);
CREATE TABLE wait (
  task bigint NOT NULL, act int NOT NULL, kind smallint NOT NULL, key text NOT NULL, input_hash text NOT NULL,
  asked_after int NOT NULL, name text, detail text, begun_at bigint NOT NULL, due_at bigint,
  ended_at bigint, seq int, status smallint, value text, error text, given_back smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (task, act)
);
CREATE INDEX wait_due ON wait (due_at, task, act) WHERE ended_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX wait_message ON wait (task, name, act) WHERE ended_at IS NULL AND kind = 2;
CREATE INDEX wait_approval ON wait (begun_at, task, act) WHERE ended_at IS NULL AND kind = 3;

-- `id` orders the messages of one task: under the lock of its run they come one after the other.
CREATE SEQUENCE message_id;
CREATE TABLE message (
  task bigint NOT NULL, id bigint NOT NULL, name text NOT NULL, value text NOT NULL, at bigint NOT NULL,
  key text, act int, PRIMARY KEY (task, id)
);
CREATE INDEX message_waiting ON message (task, name, id) WHERE act IS NULL;
CREATE UNIQUE INDEX message_key ON message (task, key) WHERE key IS NOT NULL;

CREATE TABLE sent (
  task bigint NOT NULL, act int NOT NULL, key text NOT NULL, input_hash text NOT NULL, asked_after int NOT NULL,
  PRIMARY KEY (task, act)
);

CREATE TABLE outcome (
  task bigint PRIMARY KEY, lease_no int NOT NULL, status smallint NOT NULL, attempt int NOT NULL, worker bigint,
  seq int, started_at bigint, finished_at bigint NOT NULL, value text, ref text, error text,
  micro_usd bigint, input_tokens bigint, output_tokens bigint, gaps text
);
CREATE TABLE attempt (
  task bigint NOT NULL, lease_no int NOT NULL, attempt int NOT NULL, worker bigint, started_at bigint NOT NULL,
  ended_at bigint NOT NULL, how text NOT NULL, error text, micro_usd bigint, input_tokens bigint, output_tokens bigint,
  PRIMARY KEY (task, lease_no)
);

CREATE TABLE run (
  id bigint PRIMARY KEY, cursor bigint NOT NULL DEFAULT 0,
  micro_usd bigint NOT NULL DEFAULT 0, input_tokens bigint NOT NULL DEFAULT 0, output_tokens bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE run_stage (
  run bigint NOT NULL, definition bigint NOT NULL, total bigint NOT NULL DEFAULT 0, succeeded bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0, canceled bigint NOT NULL DEFAULT 0, quarantined bigint NOT NULL DEFAULT 0,
  retried bigint NOT NULL DEFAULT 0, PRIMARY KEY (run, definition)
) WITH (fillfactor = 50);
CREATE TABLE event (
  run bigint NOT NULL, cursor bigint NOT NULL, type smallint NOT NULL, task bigint NOT NULL, act int, PRIMARY KEY (run, cursor)
);

CREATE TABLE idempotency (
  namespace bigint NOT NULL, definition bigint NOT NULL, key text COLLATE "C" NOT NULL, task bigint NOT NULL, input_hash text NOT NULL,
  PRIMARY KEY (namespace, definition, key)
);
CREATE INDEX idempotency_task ON idempotency (task);

CREATE TABLE cancel_job (
  task bigint PRIMARY KEY, after_act int NOT NULL, reason text NOT NULL, at bigint NOT NULL, upto int, shielded smallint NOT NULL DEFAULT 1
);
CREATE TABLE continued (task bigint PRIMARY KEY, first_input text NOT NULL, generation int NOT NULL, base_act int NOT NULL);
CREATE TABLE origin (run bigint PRIMARY KEY, of_task bigint NOT NULL, of_run bigint NOT NULL, how text NOT NULL);
CREATE INDEX origin_of ON origin (of_run);

CREATE TABLE prune_job (
  run bigint PRIMARY KEY, verified bigint NOT NULL DEFAULT 0, deleting smallint NOT NULL DEFAULT 0, purge smallint NOT NULL DEFAULT 0
);
CREATE TABLE upkeep (name text PRIMARY KEY, value bigint NOT NULL);
-- 'catalogue' moves with every change of definitions and lanes. 'boot' is the last boot number given out, 'lives' how many
-- lives there were: workers are numbered by it, because boot numbers are drawn with gaps.
INSERT INTO upkeep (name, value) VALUES ('catalogue', 0), ('boot', 0), ('lives', 0);
CREATE TABLE room (id bigint PRIMARY KEY, bytes bytea NOT NULL);
-- Zeros that are compressed would find room on any disk.
ALTER TABLE room ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE pruned_key (task bigint PRIMARY KEY, secret text NOT NULL, tenant text, until bigint NOT NULL);
CREATE INDEX pruned_key_until ON pruned_key (until);
CREATE TABLE artifact_use (hash text NOT NULL, run bigint NOT NULL, PRIMARY KEY (hash, run));
CREATE INDEX artifact_use_run ON artifact_use (run);

CREATE TABLE schedule (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, namespace bigint NOT NULL, name text COLLATE "C" NOT NULL,
  rev bigint NOT NULL, origin text NOT NULL, spec text NOT NULL, input text NOT NULL,
  created_at bigint NOT NULL, updated_at bigint NOT NULL, paused_at bigint, next_at bigint,
  last_at bigint, last_run bigint, skipped_from bigint, skipped_to bigint, skipped_why text,
  UNIQUE (namespace, name)
);
CREATE INDEX schedule_due ON schedule (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE schedule_open (schedule bigint NOT NULL, task bigint NOT NULL, PRIMARY KEY (schedule, task));
CREATE TABLE expiry (at bigint NOT NULL, task bigint NOT NULL, kind smallint NOT NULL, PRIMARY KEY (at, task, kind));
CREATE INDEX expiry_of ON expiry (task);

-- What a commit of one life means for an attempt that another holds; written in the same transaction, deleted when its
-- reader has dealt with it. kind 1 delivery, 2 closed, 3 question, 4 answer.
CREATE TABLE notice (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, boot bigint NOT NULL, kind smallint NOT NULL,
  task bigint, lease_no int, seq int, act int, detail text
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX notice_of ON notice (boot, id);

-- Ready tasks of each lane, as the sum over lives of what each has put in less what it has taken out: exact, and no two
-- lives wait for one row. Lane -1 counts delayed tasks, lane -2 parked ones. Boot 0 has what ended lives have left.
CREATE TABLE lane_depth (lane bigint NOT NULL, boot bigint NOT NULL, tasks bigint NOT NULL, PRIMARY KEY (lane, boot)) WITH (fillfactor = 50);

-- Results and inputs that are too large for a row, by their SHA-256, in chunks. `at`: when it was last put.
CREATE TABLE artifact (hash text PRIMARY KEY, bytes bigint NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE artifact_chunk (hash text NOT NULL, n int NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (hash, n));
-- Artifacts that have lost their last use, and may have been put again a moment ago: looked at once more when that is over.
CREATE TABLE artifact_left (hash text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX artifact_left_at ON artifact_left (at);

-- Starts that a user's own transaction has asked for: visible when it commits, taken by any orchestrator.
CREATE TABLE outbox (
  task bigint PRIMARY KEY, secret text NOT NULL, request text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How each batch of a life begins. FOR KEY SHARE: a sweep steps over the life meanwhile, a beat does not wait. The runs are
-- locked in the order of their ids. Answers how far the events of each run are numbered.
CREATE FUNCTION enter(life bigint, batch bigint, runs bigint[]) RETURNS TABLE (run bigint, events bigint) LANGUAGE plpgsql AS $$
DECLARE
  done bigint;
BEGIN
  SELECT o.last_batch INTO done FROM orchestrator o WHERE o.id = life FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'life % has ended', life USING ERRCODE = 'FL001', DETAIL = life::text;
  ELSIF done <> batch - 1 THEN
    RAISE EXCEPTION 'batch % of life % was given up', batch, life USING ERRCODE = 'FL002';
  END IF;
  PERFORM 1 FROM task t WHERE t.id = ANY (runs) ORDER BY t.id FOR NO KEY UPDATE;
  RETURN QUERY SELECT r.id, r.cursor FROM run r WHERE r.id = ANY (runs);
END $$;

-- Whether that batch was stored. If not it never will be. Waits for the connection that may still be at it.
CREATE FUNCTION resolve_batch(life bigint, batch bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  o record;
BEGIN
  SELECT last_batch, last_void INTO o FROM orchestrator WHERE id = life FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'life % has ended', life USING ERRCODE = 'FL001', DETAIL = life::text;
  ELSIF o.last_batch >= batch THEN
    RETURN o.last_void <> batch;
  END IF;
  UPDATE orchestrator SET last_batch = batch, last_void = batch WHERE id = life;
  RETURN false;
END $$;
