"""`plexsphere-migrate`: brings a database's schema to a release, and back."""
