-- breaking: no
-- What must be told to webhooks, as in the SQLite store. A row is written in the transaction of what it tells, and deleted
-- when it was told.
CREATE TABLE webhook_call (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, webhook text NOT NULL, event smallint NOT NULL, at bigint NOT NULL,
  run bigint NOT NULL, secret text NOT NULL, definition text NOT NULL, namespace text NOT NULL, tenant text, path text, act int,
  status smallint, detail text, tries int NOT NULL, due_at bigint, claimed_by bigint, problem text
);
CREATE INDEX webhook_due ON webhook_call (webhook, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_of_run ON webhook_call (run, webhook, id);
CREATE INDEX webhook_given_up ON webhook_call (id) WHERE due_at IS NULL;
CREATE INDEX webhook_claimed ON webhook_call (claimed_by) WHERE claimed_by IS NOT NULL;
