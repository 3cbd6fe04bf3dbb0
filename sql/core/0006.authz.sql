-- The tuples of the relation graph as the truth has them, and the newest revision of the graph.
-- depends: 0002.tenancy

-- `granted_in` is the Project whose operators granted the tuple; null where the tuple follows from a fact.
CREATE TABLE IF NOT EXISTS plexsphere.relation_tuples (
    object_type      text  NOT NULL,
    object_id        text  NOT NULL,
    relation         text  NOT NULL,
    subject_type     text  NOT NULL,
    subject_id       text  NOT NULL,
    subject_relation text  NOT NULL DEFAULT '',
    caveat_name      text,
    caveat_context   jsonb,
    granted_in       uuid CONSTRAINT relation_tuples_granted_in_fk REFERENCES plexsphere.projects (id) ON DELETE RESTRICT,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT relation_tuples_pk
        PRIMARY KEY (object_type, object_id, relation, subject_type, subject_id, subject_relation),
    CONSTRAINT relation_tuples_caveat_ck CHECK ((caveat_name IS NULL) = (caveat_context IS NULL))
);
CREATE INDEX IF NOT EXISTS relation_tuples_granted_in_ix
    ON plexsphere.relation_tuples (granted_in) WHERE granted_in IS NOT NULL;

-- One row: the revision (a ZedToken) that holds every change so far; null until the graph was written once.
CREATE TABLE IF NOT EXISTS plexsphere.graph_watermark (
    singleton  boolean     NOT NULL DEFAULT true CONSTRAINT graph_watermark_pk PRIMARY KEY
                           CONSTRAINT graph_watermark_singleton_ck CHECK (singleton),
    revision   text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO plexsphere.graph_watermark (singleton) VALUES (true) ON CONFLICT DO NOTHING;
