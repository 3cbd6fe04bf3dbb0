-- The schema itself, the outbox, and the cursors of its consumers.
CREATE SCHEMA IF NOT EXISTS plexsphere;
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE IF NOT EXISTS plexsphere.outbox (
    txid        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    position    bigint      GENERATED ALWAYS AS IDENTITY,
    shard       smallint    NOT NULL,
    id          uuid        NOT NULL,
    type        text        NOT NULL,
    domain_id   uuid,
    payload     jsonb       NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT outbox_pk PRIMARY KEY (shard, txid, position)
);
CREATE INDEX IF NOT EXISTS outbox_occurred_at_ix ON plexsphere.outbox (occurred_at);

CREATE TABLE IF NOT EXISTS plexsphere.outbox_cursors (
    consumer text     NOT NULL,
    shard    smallint NOT NULL,
    txid     xid8     NOT NULL,
    position bigint   NOT NULL,
    CONSTRAINT outbox_cursors_pk PRIMARY KEY (consumer, shard)
);
