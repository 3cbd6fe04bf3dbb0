DROP TABLE IF EXISTS plexsphere.api_tokens;
