"""PostgreSQL: the truth, the outbox and the audit chain, in plain SQL. No other package imports psycopg."""
