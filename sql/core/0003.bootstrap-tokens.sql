-- Bootstrap tokens: the one-shot credentials of machines. The plaintext is never stored; the selector finds the row.
-- depends: 0002.tenancy

CREATE TABLE IF NOT EXISTS plexsphere.bootstrap_tokens (
    id                uuid        CONSTRAINT bootstrap_tokens_pk PRIMARY KEY,
    project_id        uuid        NOT NULL
                                  CONSTRAINT bootstrap_tokens_project_fk REFERENCES plexsphere.projects (id) ON DELETE RESTRICT,
    kind              text        NOT NULL CONSTRAINT bootstrap_tokens_kind_ck CHECK (kind IN ('node', 'bridge')),
    env_prefix        text        NOT NULL CONSTRAINT bootstrap_tokens_env_prefix_ck CHECK (env_prefix ~ '^[a-z]{1,32}$'),
    selector          text        NOT NULL,
    hash              text        NOT NULL CONSTRAINT bootstrap_tokens_hash_ck CHECK (hash LIKE '$argon2id$%'),
    issued_at         timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    issued_by_user_id uuid        NOT NULL,
    consumed_at       timestamptz,
    -- SHA-256 of the nonce: requests may spell it in more bytes than an index entry holds.
    consumed_nonce    bytea       CONSTRAINT bootstrap_tokens_consumed_nonce_ck CHECK (octet_length(consumed_nonce) = 32),
    revoked_at        timestamptz,
    CONSTRAINT bootstrap_tokens_expiry_ck CHECK (expires_at > issued_at),
    CONSTRAINT bootstrap_tokens_fate_ck CHECK (consumed_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT bootstrap_tokens_consumed_ck CHECK ((consumed_at IS NULL) = (consumed_nonce IS NULL))
);
CREATE UNIQUE INDEX IF NOT EXISTS bootstrap_tokens_nonce_uq ON plexsphere.bootstrap_tokens (project_id, consumed_nonce)
    WHERE consumed_nonce IS NOT NULL;
CREATE INDEX IF NOT EXISTS bootstrap_tokens_selector_ix
    ON plexsphere.bootstrap_tokens (project_id, kind, env_prefix, selector);
CREATE INDEX IF NOT EXISTS bootstrap_tokens_page_ix ON plexsphere.bootstrap_tokens (project_id, issued_at, id);
