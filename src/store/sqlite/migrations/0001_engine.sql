-- breaking: yes
-- Wide rows are inserted once (task, outcome, attempt, emit); narrow rows move (ready, delayed, running, gate). Status is
-- where the row is. Instants are ms since the epoch. What each index and event row costs: bench/schema.md.

CREATE TABLE namespace (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO namespace (id, name) VALUES (1, 'default');

-- One life of an orchestrator; `id` is the boot half of every fence.
CREATE TABLE orchestrator (
  id INTEGER PRIMARY KEY AUTOINCREMENT, nonce TEXT NOT NULL, pid INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER
) STRICT;

CREATE TABLE worker (
  id INTEGER PRIMARY KEY, orchestrator INTEGER NOT NULL, name TEXT NOT NULL, pid INTEGER NOT NULL,
  build TEXT NOT NULL, joined_at INTEGER NOT NULL, left_at INTEGER, left_how TEXT
) STRICT;

CREATE TABLE definition (
  id INTEGER PRIMARY KEY, namespace INTEGER NOT NULL, name TEXT NOT NULL, card TEXT NOT NULL, UNIQUE (namespace, name)
) STRICT;

-- What dispatch claims by: one definition, one set of needs, one build constraint ('' is any).
CREATE TABLE lane (
  id INTEGER PRIMARY KEY, definition INTEGER NOT NULL, needs TEXT NOT NULL, build TEXT NOT NULL DEFAULT '',
  UNIQUE (definition, needs, build)
) STRICT;

CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  run INTEGER NOT NULL,             -- id of the root task
  parent INTEGER, act INTEGER,      -- null for a root; act n is the n-th ask of the parent's code
  key TEXT, input_hash TEXT, asked_after INTEGER,
  secret TEXT,                      -- roots: 128 random bits of the public id
  path TEXT,                        -- children: acts from the root, '3.1'
  definition INTEGER NOT NULL, lane INTEGER NOT NULL, prio INTEGER NOT NULL, pass INTEGER NOT NULL,
  tenant TEXT, depth INTEGER NOT NULL, detached INTEGER NOT NULL DEFAULT 0,
  input TEXT NOT NULL, options TEXT, created_at INTEGER NOT NULL
) STRICT;
-- The journal of a parent, and the way from a public id to a row. By act and not by key: appending costs nothing
-- measurable, a random key costs 9 us a row at 100,000 children.
CREATE UNIQUE INDEX task_journal ON task (parent, act) WHERE parent IS NOT NULL;
CREATE INDEX task_of_run ON task (run, id) WHERE parent IS NOT NULL;
CREATE INDEX task_roots ON task (namespace, id) WHERE parent IS NULL;

CREATE TABLE ready (
  lane INTEGER NOT NULL, prio INTEGER NOT NULL, pass INTEGER NOT NULL, task INTEGER NOT NULL,
  lease_no INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, alone INTEGER NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (lane, prio, pass, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE delayed (
  due_at INTEGER NOT NULL, task INTEGER NOT NULL, lane INTEGER NOT NULL, prio INTEGER NOT NULL, pass INTEGER NOT NULL,
  lease_no INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, alone INTEGER NOT NULL,
  PRIMARY KEY (due_at, task)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX delayed_task ON delayed (task);

-- Waits for a person or another build, with a reason.
CREATE TABLE held (
  task INTEGER PRIMARY KEY, reason TEXT NOT NULL, error TEXT, since INTEGER NOT NULL,
  lease_no INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL
) STRICT;

-- The lease is the row. `top` is the highest leaseNo ever given to the task, so that it never resets.
CREATE TABLE running (
  task INTEGER NOT NULL, lease_no INTEGER NOT NULL, top INTEGER NOT NULL, orchestrator INTEGER NOT NULL, worker INTEGER NOT NULL,
  attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, alone INTEGER NOT NULL, claimed_at INTEGER NOT NULL,
  PRIMARY KEY (task, lease_no)
) STRICT, WITHOUT ROWID;

-- Exists from a task's first act. `acts`: committed acts, a prefix of what was asked. `last_seq`: settled children and
-- steps, in order. `remaining`: children under way. `armed`: the code is idle until something settles.
CREATE TABLE gate (
  task INTEGER PRIMARY KEY, remaining INTEGER NOT NULL DEFAULT 0, acts INTEGER NOT NULL DEFAULT 0,
  last_seq INTEGER NOT NULL DEFAULT 0, armed INTEGER NOT NULL DEFAULT 0, started_at INTEGER NOT NULL
) STRICT;

-- seq null: begun and not known to have ended.
CREATE TABLE step (
  task INTEGER NOT NULL, act INTEGER NOT NULL, key TEXT NOT NULL, asked_after INTEGER NOT NULL, lease_no INTEGER NOT NULL,
  begun_at INTEGER NOT NULL, seq INTEGER, ended_at INTEGER, value TEXT, ref TEXT, error TEXT,
  PRIMARY KEY (task, act)
) STRICT, WITHOUT ROWID;

CREATE TABLE emit (
  task INTEGER NOT NULL, act INTEGER NOT NULL, key TEXT NOT NULL, asked_after INTEGER NOT NULL,
  name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (task, act)
) STRICT, WITHOUT ROWID;

-- At most one outcome per task: the primary key. It carries the attempt that ended the task; `attempt` has the others.
CREATE TABLE outcome (
  task INTEGER PRIMARY KEY, lease_no INTEGER NOT NULL, status INTEGER NOT NULL, attempt INTEGER NOT NULL, worker INTEGER,
  seq INTEGER,                      -- place in the parent's order of delivery
  started_at INTEGER, finished_at INTEGER NOT NULL, value TEXT, ref TEXT, error TEXT,
  micro_usd INTEGER, input_tokens INTEGER, output_tokens INTEGER
) STRICT;

CREATE TABLE attempt (
  task INTEGER NOT NULL, lease_no INTEGER NOT NULL, attempt INTEGER NOT NULL, worker INTEGER, started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL, how TEXT NOT NULL, error TEXT, micro_usd INTEGER, input_tokens INTEGER, output_tokens INTEGER,
  PRIMARY KEY (task, lease_no)
) STRICT, WITHOUT ROWID;

-- From a run's first child on. `cursor` numbers its events in the transactions that make them.
CREATE TABLE run (
  id INTEGER PRIMARY KEY, cursor INTEGER NOT NULL DEFAULT 0,
  micro_usd INTEGER NOT NULL DEFAULT 0, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE run_stage (
  run INTEGER NOT NULL, definition INTEGER NOT NULL, total INTEGER NOT NULL DEFAULT 0, succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0, canceled INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0,
  retried INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (run, definition)
) STRICT, WITHOUT ROWID;
-- type 1: the task settled; type 2: the emit with that act. The rest is read from the rows they name.
CREATE TABLE event (
  run INTEGER NOT NULL, cursor INTEGER NOT NULL, type INTEGER NOT NULL, task INTEGER NOT NULL, act INTEGER,
  PRIMARY KEY (run, cursor)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  namespace INTEGER NOT NULL, definition INTEGER NOT NULL, key TEXT NOT NULL, task INTEGER NOT NULL, input_hash TEXT NOT NULL,
  PRIMARY KEY (namespace, definition, key)
) STRICT, WITHOUT ROWID;

-- A cancel on its way down: the children of `task` after act `after_act` are still to be closed.
CREATE TABLE cancel_job (task INTEGER PRIMARY KEY, after_act INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
