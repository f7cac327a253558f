-- breaking: no
-- Schedules, and the instants at which runs are closed. Rows exist only for what asks for them.

-- AUTOINCREMENT: a number that was in use is never given again, so what was read of a deleted schedule fits no other.
CREATE TABLE schedule (
  id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, name TEXT NOT NULL,
  rev INTEGER NOT NULL,             -- moves with every change of the schedule, not with its ticks
  origin TEXT NOT NULL, spec TEXT NOT NULL, input TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, paused_at INTEGER,
  next_at INTEGER,                  -- null: paused, or no tick is left
  last_at INTEGER, last_run INTEGER,
  skipped_from INTEGER, skipped_to INTEGER, skipped_why TEXT,
  UNIQUE (namespace, name)
) STRICT;
CREATE INDEX schedule_due ON schedule (next_at) WHERE next_at IS NOT NULL;

-- Runs of schedules that start nothing beside a run that goes on; those that have ended are cleared at the next tick.
CREATE TABLE schedule_open (schedule INTEGER NOT NULL, task INTEGER NOT NULL, PRIMARY KEY (schedule, task)) STRICT, WITHOUT ROWID;

-- kind 1: the run's deadline; kind 2: its ttl, which holds until an attempt has begun.
CREATE TABLE expiry (
  at INTEGER NOT NULL, task INTEGER NOT NULL, kind INTEGER NOT NULL, PRIMARY KEY (at, task, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX expiry_of ON expiry (task);
