-- breaking: no
-- Builds that workers have had, in the order in which they came, and what is being drained.

CREATE TABLE build (name TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO build SELECT build, min(joined_at) FROM worker GROUP BY build;

-- kind 1: all workers of that build; kind 2: the worker of that name or public id that joined before `at`.
CREATE TABLE drain (
  kind INTEGER NOT NULL, name TEXT NOT NULL, park INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
