-- breaking: no
-- Builds that workers have had, and what is being drained, as in the SQLite store.
CREATE TABLE build (name text PRIMARY KEY, since bigint NOT NULL);
CREATE TABLE drain (kind smallint NOT NULL, name text NOT NULL, park smallint NOT NULL, at bigint NOT NULL, PRIMARY KEY (kind, name));

-- Versions of code and of schemas that the workers of this life take tasks of, JSON.
ALTER TABLE orchestrator ADD COLUMN versions text NOT NULL DEFAULT '[]';
-- Lanes that they serve, names of definitions that they fulfil, and the workers themselves as they are shown; JSON.
ALTER TABLE orchestrator ADD COLUMN lanes text NOT NULL DEFAULT '[]', ADD COLUMN names text NOT NULL DEFAULT '[]',
  ADD COLUMN roster text NOT NULL DEFAULT '[]';
