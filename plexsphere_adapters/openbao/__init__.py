"""OpenBao: the secret store. Holds the keys that seal what PostgreSQL keeps; no other package imports hvac."""
