DROP TABLE IF EXISTS plexsphere.outbox_cursors;
DROP TABLE IF EXISTS plexsphere.outbox;
DROP SCHEMA IF EXISTS plexsphere;
