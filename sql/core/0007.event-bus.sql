-- Facts that wait aside because their Domain has no signing key: copies of their rows in the outbox.
-- depends: 0001.foundation

CREATE TABLE IF NOT EXISTS plexsphere.outbox_parked (
    shard       smallint    NOT NULL,
    domain_id   uuid        NOT NULL,
    txid        xid8        NOT NULL,
    position    bigint      NOT NULL,
    id          uuid        NOT NULL,
    type        text        NOT NULL,
    payload     jsonb       NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT outbox_parked_pk PRIMARY KEY (shard, domain_id, txid, position),
    CONSTRAINT outbox_parked_id_uq UNIQUE (id)
);
