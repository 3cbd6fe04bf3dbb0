-- Nodes, their keys and addresses, how they are heard of, and what their peers have to learn of them.
-- depends: 0002.tenancy

-- Every change to a Domain's Nodes moves this number on, under the Domain's turn, so that it orders the changes.
CREATE TABLE IF NOT EXISTS plexsphere.mesh_versions (
    domain_id uuid   CONSTRAINT mesh_versions_pk PRIMARY KEY
                     CONSTRAINT mesh_versions_domain_fk REFERENCES plexsphere.domains (id) ON DELETE CASCADE,
    version   bigint NOT NULL
);

-- The live Nodes. No foreign key binds the token: what a Node enrolled with is history, and may be forgotten.
CREATE TABLE IF NOT EXISTS plexsphere.nodes (
    id                 uuid        CONSTRAINT nodes_pk PRIMARY KEY,
    domain_id          uuid        NOT NULL CONSTRAINT nodes_domain_fk REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    project_id         uuid        NOT NULL,
    resource_id        uuid        NOT NULL CONSTRAINT nodes_resource_fk REFERENCES plexsphere.resources (id) ON DELETE RESTRICT,
    bootstrap_token_id uuid        NOT NULL CONSTRAINT nodes_bootstrap_token_uq UNIQUE,
    mesh_ip            inet        NOT NULL
                                   CONSTRAINT nodes_mesh_ip_ck CHECK (masklen(mesh_ip) = CASE family(mesh_ip) WHEN 4 THEN 32 ELSE 128 END),
    public_key         bytea       NOT NULL CONSTRAINT nodes_public_key_ck CHECK (octet_length(public_key) = 32),
    fallback_endpoint  text,
    peers_version      bigint      NOT NULL,
    registered_at      timestamptz NOT NULL,
    CONSTRAINT nodes_project_fk FOREIGN KEY (project_id, domain_id)
        REFERENCES plexsphere.projects (id, domain_id) ON DELETE RESTRICT,
    CONSTRAINT nodes_mesh_ip_uq UNIQUE (domain_id, mesh_ip)
);
CREATE INDEX IF NOT EXISTS nodes_page_ix ON plexsphere.nodes (domain_id, id);
CREATE INDEX IF NOT EXISTS nodes_peers_version_ix ON plexsphere.nodes (domain_id, peers_version);
CREATE INDEX IF NOT EXISTS nodes_project_ix ON plexsphere.nodes (project_id);
CREATE INDEX IF NOT EXISTS nodes_resource_ix ON plexsphere.nodes (resource_id);

-- Node Secret Keys at rest: sealed under the wrap key of that id, and the SHA-256 by which they are recognised.
CREATE TABLE IF NOT EXISTS plexsphere.node_secrets (
    node_id     uuid  CONSTRAINT node_secrets_pk PRIMARY KEY
                      CONSTRAINT node_secrets_node_fk REFERENCES plexsphere.nodes (id) ON DELETE CASCADE,
    nsk_sha256  bytea NOT NULL CONSTRAINT node_secrets_nsk_sha256_ck CHECK (octet_length(nsk_sha256) = 32),
    nsk_sealed  bytea NOT NULL,
    wrap_key_id text  NOT NULL
);

-- What remains of retired Nodes. Nothing is referred to, so that Resource, Project and Domain can go.
CREATE TABLE IF NOT EXISTS plexsphere.node_tombstones (
    node_id         uuid        CONSTRAINT node_tombstones_pk PRIMARY KEY,
    domain_id       uuid        NOT NULL,
    nsk_sha256      bytea       NOT NULL,
    peers_version   bigint      NOT NULL,
    deregistered_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS node_tombstones_peers_version_ix ON plexsphere.node_tombstones (domain_id, peers_version);

-- Written for every heartbeat: no index but the key, and room on the page for the next version of the row, so that the
-- update stays on its page (HOT).
CREATE TABLE IF NOT EXISTS plexsphere.node_heartbeats (
    node_id           uuid        CONSTRAINT node_heartbeats_pk PRIMARY KEY
                                  CONSTRAINT node_heartbeats_node_fk REFERENCES plexsphere.nodes (id) ON DELETE CASCADE,
    domain_id         uuid        NOT NULL,
    enrolled_at       timestamptz NOT NULL,
    last_heartbeat_at timestamptz,
    run_began_at      timestamptz,
    admitted_at       timestamptz,
    announced         text        NOT NULL DEFAULT 'never_reported'
                                  CONSTRAINT node_heartbeats_announced_ck
                                  CHECK (announced IN ('never_reported', 'healthy', 'stale', 'unreachable')),
    binary_checksum   bytea       CONSTRAINT node_heartbeats_binary_checksum_ck CHECK (octet_length(binary_checksum) = 32),
    binary_version    text,
    nat_summary       jsonb,
    CONSTRAINT node_heartbeats_run_ck CHECK ((last_heartbeat_at IS NULL) = (run_began_at IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- The free addresses, as disjoint ranges per pool. Derived: a pool that is not there is computed anew by the next
-- allocation, so deleting from mesh_pools is always safe. `owner_id` is the Project whose reservation the pool is, the
-- Domain itself for the flat pool.
CREATE TABLE IF NOT EXISTS plexsphere.mesh_pools (
    domain_id uuid NOT NULL CONSTRAINT mesh_pools_domain_fk REFERENCES plexsphere.domains (id) ON DELETE CASCADE,
    owner_id  uuid NOT NULL,
    first_ip  inet NOT NULL,
    last_ip   inet NOT NULL,
    CONSTRAINT mesh_pools_pk PRIMARY KEY (domain_id, owner_id)
);
CREATE TABLE IF NOT EXISTS plexsphere.mesh_free_ranges (
    domain_id uuid NOT NULL,
    owner_id  uuid NOT NULL,
    first_ip  inet NOT NULL,
    last_ip   inet NOT NULL,
    CONSTRAINT mesh_free_ranges_pk PRIMARY KEY (domain_id, owner_id, first_ip),
    CONSTRAINT mesh_free_ranges_pool_fk FOREIGN KEY (domain_id, owner_id)
        REFERENCES plexsphere.mesh_pools (domain_id, owner_id) ON DELETE CASCADE,
    CONSTRAINT mesh_free_ranges_order_ck CHECK (first_ip <= last_ip)
);

-- One allocation, release or change of pools at a time in a Domain.
CREATE OR REPLACE FUNCTION plexsphere.take_mesh_turn(domain uuid) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('plexsphere.mesh:' || domain, 0))
$$;

CREATE OR REPLACE FUNCTION plexsphere.forget_mesh_pools() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    concerned uuid := CASE WHEN TG_TABLE_NAME = 'domains' THEN to_jsonb(NEW) ->> 'id'
                           ELSE coalesce(to_jsonb(NEW), to_jsonb(OLD)) ->> 'domain_id' END;
BEGIN
    PERFORM plexsphere.take_mesh_turn(concerned);
    DELETE FROM plexsphere.mesh_pools WHERE domain_id = concerned;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER domains_mesh_pools AFTER UPDATE OF mesh_cidr ON plexsphere.domains
    FOR EACH ROW WHEN (OLD.mesh_cidr IS DISTINCT FROM NEW.mesh_cidr) EXECUTE FUNCTION plexsphere.forget_mesh_pools();
CREATE OR REPLACE TRIGGER project_mesh_ip_reservations_mesh_pools
    AFTER INSERT OR DELETE OR UPDATE OF project_id, sub_range ON plexsphere.project_mesh_ip_reservations
    FOR EACH ROW EXECUTE FUNCTION plexsphere.forget_mesh_pools();
