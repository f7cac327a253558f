-- breaking: no
-- What must be told to webhooks. A row is written in the transaction of what it tells, and deleted when it was told.

-- AUTOINCREMENT: ids are the order of creation, and none is given out again.
CREATE TABLE webhook_call (
  id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, event INTEGER NOT NULL, at INTEGER NOT NULL,
  run INTEGER NOT NULL, secret TEXT NOT NULL, definition TEXT NOT NULL, namespace TEXT NOT NULL, tenant TEXT, path TEXT, act INTEGER,
  status INTEGER, detail TEXT,
  tries INTEGER NOT NULL,           -- claims so far: a claim is fenced by it
  due_at INTEGER,                   -- not claimed before, or when the claim runs out; null: given up
  claimed_by INTEGER, problem TEXT
) STRICT;
CREATE INDEX webhook_due ON webhook_call (webhook, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_of_run ON webhook_call (run, webhook, id);
CREATE INDEX webhook_given_up ON webhook_call (id) WHERE due_at IS NULL;
CREATE INDEX webhook_claimed ON webhook_call (claimed_by) WHERE claimed_by IS NOT NULL;
