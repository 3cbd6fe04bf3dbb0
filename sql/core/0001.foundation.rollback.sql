DROP TABLE IF EXISTS plexsphere.outbox_cursors;
DROP TABLE IF EXISTS plexsphere.outbox;
DROP EXTENSION IF EXISTS btree_gist;
DROP SCHEMA IF EXISTS plexsphere;
