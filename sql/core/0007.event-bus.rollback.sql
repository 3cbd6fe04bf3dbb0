DROP TABLE IF EXISTS plexsphere.outbox_parked;
