-- Domains, Projects, what Projects reserve of their Domain's mesh pool, and Resources.
-- depends: 0001.foundation

CREATE TABLE IF NOT EXISTS plexsphere.domains (
    id                uuid        CONSTRAINT domains_pk PRIMARY KEY,
    name              text        NOT NULL CONSTRAINT domains_name_ck CHECK (length(name) BETWEEN 1 AND 255),
    slug              text        COLLATE "C" NOT NULL
                                  CONSTRAINT domains_slug_uq UNIQUE
                                  CONSTRAINT domains_slug_ck CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 64),
    description       text        NOT NULL CONSTRAINT domains_description_ck CHECK (length(description) <= 1024),
    region            text        CONSTRAINT domains_region_ck CHECK (region ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(region) <= 64),
    mesh_cidr         cidr        NOT NULL,
    -- The three durations as the caller spelled them; the two that evaluators compare with stand beside it as intervals.
    reachability      jsonb       NOT NULL,
    stale_after       interval    NOT NULL,
    unreachable_after interval    NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT domains_pool_uq UNIQUE (id, mesh_cidr),
    CONSTRAINT domains_mesh_cidr_ex EXCLUDE USING gist (mesh_cidr inet_ops WITH &&)
);

CREATE TABLE IF NOT EXISTS plexsphere.projects (
    id          uuid        CONSTRAINT projects_pk PRIMARY KEY,
    domain_id   uuid        NOT NULL CONSTRAINT projects_domain_fk REFERENCES plexsphere.domains (id) ON DELETE RESTRICT,
    name        text        NOT NULL CONSTRAINT projects_name_ck CHECK (length(name) BETWEEN 1 AND 255),
    slug        text        COLLATE "C" NOT NULL
                            CONSTRAINT projects_slug_ck CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 64),
    description text        NOT NULL CONSTRAINT projects_description_ck CHECK (length(description) <= 1024),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT projects_slug_uq UNIQUE (domain_id, slug),
    CONSTRAINT projects_domain_uq UNIQUE (id, domain_id)
);
CREATE INDEX IF NOT EXISTS projects_page_ix ON plexsphere.projects (slug, id);

-- A reservation carries a copy of its Domain's pool, which the foreign key keeps true: with it, no order of events can
-- leave a reservation outside the pool.
CREATE TABLE IF NOT EXISTS plexsphere.project_mesh_ip_reservations (
    project_id uuid CONSTRAINT project_mesh_ip_reservations_pk PRIMARY KEY,
    domain_id  uuid NOT NULL,
    mesh_cidr  cidr NOT NULL,
    sub_range  cidr NOT NULL,
    CONSTRAINT project_mesh_ip_reservations_project_fk FOREIGN KEY (project_id, domain_id)
        REFERENCES plexsphere.projects (id, domain_id) ON DELETE RESTRICT,
    CONSTRAINT project_mesh_ip_reservations_pool_fk FOREIGN KEY (domain_id, mesh_cidr)
        REFERENCES plexsphere.domains (id, mesh_cidr) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT project_mesh_ip_reservations_pool_ck CHECK (sub_range <<= mesh_cidr),
    CONSTRAINT project_mesh_ip_reservations_sibling_ex EXCLUDE USING gist (domain_id WITH =, sub_range inet_ops WITH &&)
);

CREATE TABLE IF NOT EXISTS plexsphere.resources (
    id           uuid        CONSTRAINT resources_pk PRIMARY KEY,
    project_id   uuid        NOT NULL,
    domain_id    uuid        NOT NULL,
    kind         text        NOT NULL CONSTRAINT resources_kind_ck CHECK (length(kind) BETWEEN 1 AND 64),
    external_ref text        CONSTRAINT resources_external_ref_ck CHECK (length(external_ref) BETWEEN 1 AND 256),
    origin       text        NOT NULL CONSTRAINT resources_origin_ck CHECK (origin IN ('adopted', 'provisioned')),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT resources_project_fk FOREIGN KEY (project_id, domain_id)
        REFERENCES plexsphere.projects (id, domain_id) ON DELETE RESTRICT,
    CONSTRAINT resources_external_ref_uq UNIQUE (project_id, external_ref)
);
CREATE INDEX IF NOT EXISTS resources_page_ix ON plexsphere.resources (project_id, created_at, id);
