DROP TABLE IF EXISTS plexsphere.bootstrap_tokens;
