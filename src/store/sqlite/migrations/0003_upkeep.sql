-- breaking: yes
-- What keeps a store: which run uses which artifact, what is being deleted, and what outlives a deleted run.

-- A run that is being deleted. Its tasks up to `verified` are known to be closed; once `deleting`, its root is gone and the
-- rest follows in slices. `purge`: a person asked, so that its key goes too and its bytes are overwritten.
CREATE TABLE prune_job (
  run INTEGER PRIMARY KEY, verified INTEGER NOT NULL DEFAULT 0, deleting INTEGER NOT NULL DEFAULT 0, purge INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Numbers that outlive rows: `task_high`, because an id is never given out twice; `retention_cursor`, the last root looked at.
CREATE TABLE upkeep (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Written and taken away again, to see whether a store that was full has room.
CREATE TABLE room (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

-- Of keys that are kept longer than their run. The id that a repeated start answers with needs the secret.
CREATE TABLE pruned_key (task INTEGER PRIMARY KEY, secret TEXT NOT NULL, tenant TEXT, until INTEGER NOT NULL) STRICT;
CREATE INDEX pruned_key_until ON pruned_key (until);
CREATE INDEX idempotency_task ON idempotency (task);

-- A file of the artifact store is there as long as it has a row.
CREATE TABLE artifact_use (hash TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (hash, run)) STRICT, WITHOUT ROWID;
CREATE INDEX artifact_use_run ON artifact_use (run);

-- What earlier versions stored without saying so.
INSERT OR IGNORE INTO artifact_use SELECT o.ref, t.run FROM outcome o JOIN task t ON t.id = o.task WHERE o.ref IS NOT NULL;
INSERT OR IGNORE INTO artifact_use SELECT s.ref, t.run FROM step s JOIN task t ON t.id = s.task WHERE s.ref IS NOT NULL;
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM task t, json_tree(t.input) j
  WHERE t.input LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM outcome o JOIN task t ON t.id = o.task, json_tree(o.value) j
  WHERE o.value LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM step s JOIN task t ON t.id = s.task, json_tree(s.value) j
  WHERE s.value LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM emit e JOIN task t ON t.id = e.task, json_tree(e.value) j
  WHERE e.value LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM wait w JOIN task t ON t.id = w.task, json_tree(w.value) j
  WHERE w.value LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
INSERT OR IGNORE INTO artifact_use SELECT j.atom, t.run FROM message m JOIN task t ON t.id = m.task, json_tree(m.value) j
  WHERE m.value LIKE '%"$artifact":"%' AND j.key = '$artifact' AND j.type = 'text';
