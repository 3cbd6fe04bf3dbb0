"""A role and a schema for SpiceDB, and nothing for anybody else."""

import os

from psycopg.sql import SQL, Literal
from yoyo import step


def create(connection):
    """The role's password comes from the environment, so that it stands in no file."""
    password = os.environ["SPICEDB_ROLE_PASSWORD"]
    cursor = connection.cursor()
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'spicedb'")
    verb = SQL("ALTER" if cursor.fetchone() else "CREATE")
    cursor.execute(SQL("{} ROLE spicedb LOGIN PASSWORD {}").format(verb, Literal(password)))


def drop(connection):
    connection.cursor().execute("DROP ROLE IF EXISTS spicedb")


steps = [
    step(create, drop),
    step(
        "REVOKE ALL ON DATABASE spicedb FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE spicedb TO PUBLIC",
    ),
    step(
        "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE spicedb TO spicedb", "REVOKE ALL ON DATABASE spicedb FROM spicedb"
    ),
    step("REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA public TO PUBLIC"),
    step("GRANT ALL ON SCHEMA public TO spicedb", "REVOKE ALL ON SCHEMA public FROM spicedb"),
]
