-- breaking: yes
-- Namespaces are walls: who may enter one, and which definitions are known in it.

-- A token is kept as its SHA-256 alone. It holds 160 random bits, so that nothing is found by trying: a slow hash with a
-- salt, as passwords need, would protect nothing more and cost every request.
CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  public_id TEXT NOT NULL UNIQUE,   -- what people name it by; says nothing of the token
  hash TEXT NOT NULL UNIQUE,        -- SHA-256 of the token, hex
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  namespace INTEGER,                -- null: every namespace
  created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER,
  last_used_at INTEGER              -- to the minute at best: it is no log
) STRICT;

-- Until here every definition came from the fleet itself, which serves all namespaces: it is known in every one (0), and
-- the row of a namespace holds a card only when a worker of that namespace brought it.
INSERT INTO definition (namespace, name, card) SELECT 0, name, card FROM definition WHERE namespace = 1 AND card <> 'null' ORDER BY id;
UPDATE definition SET card = 'null' WHERE namespace = 1;
