-- breaking: no
-- Starts that a user's own transaction has asked for: visible when it commits, then taken by any orchestrator, which deletes
-- the row in the transaction that makes the run. `task`: the first id of a block of its own, so that it is nobody else's.
CREATE TABLE outbox (
  task bigint PRIMARY KEY, secret text NOT NULL, namespace bigint NOT NULL, definition bigint NOT NULL, key text COLLATE "C",
  input_hash text, request text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
-- Two transactions that ask with one key: the second waits for the first, as with any unique index.
CREATE UNIQUE INDEX outbox_key ON outbox (namespace, definition, key) WHERE key IS NOT NULL;

-- What a user's connection calls. It may be another user than ours: the right to call this is all that it needs, beside
-- USAGE on the schema. `channel`: to be notified at the commit, null for nobody.
DO $make$ BEGIN EXECUTE format($text$
CREATE FUNCTION submit(secret text, namespace bigint, definition bigint, key text, hash text, request text, channel text, payload text)
RETURNS TABLE (task text, held_by text, input_hash text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = %I, pg_temp AS $$
#variable_conflict use_column
BEGIN
  FOR tries IN 1..10 LOOP
    IF $4 IS NOT NULL THEN
      RETURN QUERY SELECT i.task::text, coalesce(t.secret, p.secret, ''), i.input_hash FROM idempotency i
        LEFT JOIN task t ON t.id = i.task LEFT JOIN pruned_key p ON p.task = i.task
        WHERE i.namespace = $2 AND i.definition = $3 AND i.key = $4;
      IF FOUND THEN RETURN; END IF;
    END IF;
    RETURN QUERY INSERT INTO outbox (task, secret, namespace, definition, key, input_hash, request)
      VALUES (nextval('task_block') * 1024, $1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING outbox.task::text, NULL::text, NULL::text;
    IF FOUND THEN
      IF $7 IS NOT NULL THEN PERFORM pg_notify($7, $8); END IF;
      RETURN;
    END IF;
    -- Another transaction has the key, and has committed; its row may be a run by now.
    RETURN QUERY SELECT o.task::text, o.secret, o.input_hash FROM outbox o
      WHERE o.namespace = $2 AND o.definition = $3 AND o.key = $4;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
  RAISE EXCEPTION 'the key is held by a transaction that this one cannot see' USING ERRCODE = '40001';
END $$
$text$, current_schema()); END $make$;
REVOKE ALL ON FUNCTION submit(text, bigint, bigint, text, text, text, text, text) FROM PUBLIC;

-- Tasks that complete in a user's own transaction: this row is there when it has committed, and whoever ends the attempt in
-- any way settles the task with this value. Rows of tasks that have ended are cleared by the sweep.
CREATE TABLE completion (
  task bigint PRIMARY KEY, lease_no int NOT NULL, value text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- The attempt that began under that lease goes on. Another orchestrator may have taken it over with its worker, under a
-- higher number; the end of an attempt that leaves its task open is a row in `attempt`.
DO $make$ BEGIN EXECUTE format($text$
CREATE FUNCTION goes_on(task bigint, lease_no int) RETURNS boolean LANGUAGE sql STABLE SET search_path = %1$I, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM running r WHERE r.task = $1 AND r.lease_no >= $2)
    AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.task = $1 AND a.lease_no >= $2)
$$;
CREATE FUNCTION complete(task bigint, lease_no int, value text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = %1$I, pg_temp AS $$
#variable_conflict use_column
BEGIN
  IF NOT goes_on($1, $2) THEN RETURN 'lost'; END IF;
  INSERT INTO completion (task, lease_no, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;
  IF FOUND THEN RETURN 'held'; ELSE RETURN 'done'; END IF;
END $$;
-- At the commit, so that the engine waits for no longer than that takes. Each statement sees what is true after the lock.
CREATE FUNCTION refuse_lost() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = %1$I, pg_temp AS $$
BEGIN
  PERFORM 1 FROM running r WHERE r.task = NEW.task AND r.lease_no >= NEW.lease_no FOR KEY SHARE;
  IF NOT (SELECT goes_on(NEW.task, NEW.lease_no)) THEN
    RAISE EXCEPTION 'the task that this transaction completes was given to another attempt, or has ended' USING ERRCODE = 'FL003';
  END IF;
  RETURN NULL;
END $$
$text$, current_schema()); END $make$;
REVOKE ALL ON FUNCTION goes_on(bigint, int), complete(bigint, int, text), refuse_lost() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER completion_goes_on AFTER INSERT ON completion
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_lost();
