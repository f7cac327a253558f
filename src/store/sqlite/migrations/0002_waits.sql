-- breaking: yes
-- What a workflow waits for besides children and steps: time, messages, people. And where it is while it waits outside
-- every worker's memory.

-- `ended_at` null: open. An ended one has its place in the order of delivery, as children and steps have.
CREATE TABLE wait (
  task INTEGER NOT NULL, act INTEGER NOT NULL, kind INTEGER NOT NULL, key TEXT NOT NULL, input_hash TEXT NOT NULL,
  asked_after INTEGER NOT NULL,
  name TEXT,                        -- of the message that it waits for
  detail TEXT,                      -- of an approval, JSON
  begun_at INTEGER NOT NULL, due_at INTEGER,
  ended_at INTEGER, seq INTEGER, status INTEGER, value TEXT, error TEXT,
  given_back INTEGER NOT NULL DEFAULT 0, -- its code left it when its message was under way: that is another wait's
  PRIMARY KEY (task, act)
) STRICT, WITHOUT ROWID;
CREATE INDEX wait_due ON wait (due_at, task, act) WHERE ended_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX wait_message ON wait (task, name, act) WHERE ended_at IS NULL AND kind = 2;
CREATE INDEX wait_approval ON wait (begun_at, task, act) WHERE ended_at IS NULL AND kind = 3;

-- Messages that nobody has taken yet, in the order of arrival. One with a key stays when it is taken, so that the same
-- key is not taken twice.
CREATE TABLE message (
  id INTEGER PRIMARY KEY, task INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL,
  key TEXT, act INTEGER
) STRICT;
CREATE INDEX message_waiting ON message (task, name, id) WHERE act IS NULL;
CREATE UNIQUE INDEX message_key ON message (task, key) WHERE key IS NOT NULL;

-- What a workflow's code sent: the act is recorded, the message is the receiver's.
CREATE TABLE sent (
  task INTEGER NOT NULL, act INTEGER NOT NULL, key TEXT NOT NULL, input_hash TEXT NOT NULL, asked_after INTEGER NOT NULL,
  PRIMARY KEY (task, act)
) STRICT, WITHOUT ROWID;

-- Waiting workflows that no worker holds in memory; what settles for one makes it ready.
CREATE TABLE parked (
  task INTEGER PRIMARY KEY, lease_no INTEGER NOT NULL, attempt INTEGER NOT NULL, crashes INTEGER NOT NULL, since INTEGER NOT NULL
) STRICT;

-- `armed`: 0 its code runs or is about to, 1 idle in a worker's memory, 2 parked. `waits`: rows of `wait` that are open.
ALTER TABLE gate ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
-- Where the execution began that counts now: `ctx.continueAs` moves it past everything asked and settled before.
ALTER TABLE gate ADD COLUMN base_act INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate ADD COLUMN base_seq INTEGER NOT NULL DEFAULT 0;
-- A workflow (`unwinds`) that is being canceled learns of it at this place in its order, and ends by itself.
ALTER TABLE gate ADD COLUMN unwinds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate ADD COLUMN cancel_seq INTEGER;
ALTER TABLE gate ADD COLUMN cancel_reason TEXT;
ALTER TABLE gate ADD COLUMN cancel_at INTEGER;

-- Children up to act `upto` only; null: all. `shielded`: also those that a shield protects.
ALTER TABLE cancel_job ADD COLUMN upto INTEGER;
ALTER TABLE cancel_job ADD COLUMN shielded INTEGER NOT NULL DEFAULT 1;

-- The input with which a task that has continued was first asked, and the act after which its last execution began: the
-- gate knows it too, but goes with the task's end.
CREATE TABLE continued (
  task INTEGER PRIMARY KEY, first_input TEXT NOT NULL, generation INTEGER NOT NULL, base_act INTEGER NOT NULL
) STRICT;

-- Runs that go on from others: a repair, a fork, a redrive. What they keep they copy, so the other run is needed only
-- while this one is open.
CREATE TABLE origin (run INTEGER PRIMARY KEY, of_task INTEGER NOT NULL, of_run INTEGER NOT NULL, how TEXT NOT NULL) STRICT;
CREATE INDEX origin_of ON origin (of_run);

-- What a partial outcome lacks, JSON.
ALTER TABLE outcome ADD COLUMN gaps TEXT;
