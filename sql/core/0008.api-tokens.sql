-- API tokens: the bearer credentials of operators. The plaintext is never stored; the look-up is by primary key.
-- depends: 0006.authz

CREATE TABLE IF NOT EXISTS plexsphere.api_tokens (
    id             uuid        CONSTRAINT api_tokens_pk PRIMARY KEY,
    principal_kind text        NOT NULL CONSTRAINT api_tokens_principal_kind_ck CHECK (principal_kind IN ('user', 'service')),
    principal_id   uuid        NOT NULL,
    name           text        NOT NULL CONSTRAINT api_tokens_name_ck CHECK (length(name) BETWEEN 1 AND 255),
    hash           text        NOT NULL CONSTRAINT api_tokens_hash_ck CHECK (hash LIKE '$argon2id$%'),
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz,
    revoked_at     timestamptz
);

CREATE INDEX IF NOT EXISTS api_tokens_principal_ix ON plexsphere.api_tokens (principal_kind, principal_id, created_at);
CREATE INDEX IF NOT EXISTS api_tokens_name_ix ON plexsphere.api_tokens (name, created_at);
