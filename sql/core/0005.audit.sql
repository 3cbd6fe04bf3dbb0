-- The audit log: an intake where records are committed with what they are about, and the chains that they are moved to.
-- Chains outlive the Domains that they are about, so nothing here refers to another table.
-- depends: 0001.foundation

CREATE TABLE IF NOT EXISTS plexsphere.audit_chains (
    chain_id      uuid        CONSTRAINT audit_chains_pk PRIMARY KEY,
    pepper_sealed bytea       NOT NULL,
    wrap_key_id   text        NOT NULL,
    head_seq      bigint      NOT NULL DEFAULT 0 CONSTRAINT audit_chains_head_seq_ck CHECK (head_seq >= 0),
    head_hash     bytea       NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
                              CONSTRAINT audit_chains_head_hash_ck CHECK (octet_length(head_hash) = 32),
    begun_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Rows stay here for a moment only: the table is small, and all of its rows die young.
CREATE TABLE IF NOT EXISTS plexsphere.audit_intake (
    position       bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_intake_pk PRIMARY KEY,
    scope          uuid        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    identity_id    uuid        NOT NULL,
    relation       text        NOT NULL,
    object_type    text        NOT NULL,
    object_id      text        NOT NULL,
    reason         text        NOT NULL CONSTRAINT audit_intake_reason_ck CHECK (
                                   reason IN ('granted', 'out_of_scope', 'insufficient_relation', 'caveat_violation',
                                              'unknown', 'stale_granted', 'stale_out_of_scope',
                                              'stale_insufficient_relation', 'stale_caveat_violation')),
    caveats        jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    ip             text,
    user_agent     text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX IF NOT EXISTS audit_intake_scope_ix ON plexsphere.audit_intake (scope, position);

CREATE TABLE IF NOT EXISTS plexsphere.audit_entries (
    chain_id       uuid        NOT NULL,
    seq            bigint      NOT NULL,
    version        smallint    NOT NULL,
    occurred_at    timestamptz NOT NULL,
    pseudonym      bytea       NOT NULL,
    relation       text        NOT NULL,
    object_type    text        NOT NULL,
    object_id      text        NOT NULL,
    reason         text        NOT NULL,
    caveats        jsonb       NOT NULL,
    correlation_id text        NOT NULL,
    ip             text,
    user_agent     text,
    prev_hash      bytea       NOT NULL,
    entry_hash     bytea       NOT NULL,
    archive_etag   text,
    archived_at    timestamptz,
    CONSTRAINT audit_entries_pk PRIMARY KEY (chain_id, seq),
    CONSTRAINT audit_entries_seq_ck CHECK (seq >= 1),
    CONSTRAINT audit_entries_pseudonym_ck CHECK (octet_length(pseudonym) = 32),
    CONSTRAINT audit_entries_hashes_ck CHECK (octet_length(prev_hash) = 32 AND octet_length(entry_hash) = 32),
    CONSTRAINT audit_entries_archive_ck CHECK ((archive_etag IS NULL) = (archived_at IS NULL))
);
CREATE INDEX IF NOT EXISTS audit_entries_correlation_ix ON plexsphere.audit_entries (chain_id, correlation_id, seq);
CREATE INDEX IF NOT EXISTS audit_entries_pseudonym_ix ON plexsphere.audit_entries (chain_id, pseudonym, seq);
CREATE INDEX IF NOT EXISTS audit_entries_object_ix ON plexsphere.audit_entries (chain_id, object_id, seq);
CREATE INDEX IF NOT EXISTS audit_entries_refused_ix ON plexsphere.audit_entries (chain_id, reason, seq)
    WHERE reason NOT IN ('granted', 'stale_granted');
CREATE INDEX IF NOT EXISTS audit_entries_occurred_at_ix ON plexsphere.audit_entries (chain_id, occurred_at, seq);

-- Who is behind a pseudonym: the only thing that erasure removes.
CREATE TABLE IF NOT EXISTS plexsphere.audit_subject_pii (
    chain_id    uuid  NOT NULL,
    pseudonym   bytea NOT NULL,
    identity_id uuid  NOT NULL,
    CONSTRAINT audit_subject_pii_pk PRIMARY KEY (chain_id, pseudonym)
);

-- Which pseudonyms must never lead to an identity again.
CREATE TABLE IF NOT EXISTS plexsphere.audit_erasures (
    chain_id  uuid        NOT NULL,
    pseudonym bytea       NOT NULL,
    erased_at timestamptz NOT NULL,
    CONSTRAINT audit_erasures_pk PRIMARY KEY (chain_id, pseudonym)
);

CREATE OR REPLACE FUNCTION plexsphere.audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE OR REPLACE TRIGGER audit_entries_no_update
    BEFORE UPDATE OF chain_id, seq, version, occurred_at, pseudonym, relation, object_type, object_id, reason, caveats,
                     correlation_id, ip, user_agent, prev_hash, entry_hash
    ON plexsphere.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION plexsphere.audit_entries_append_only();
CREATE OR REPLACE TRIGGER audit_entries_no_delete
    BEFORE DELETE OR TRUNCATE
    ON plexsphere.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION plexsphere.audit_entries_append_only();
