"""Statements: named parameters in, plain rows out."""

from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

Connection = AsyncConnection[Any]


async def fetch(connection: Connection, statement: LiteralString, **parameters: object) -> list[DictRow]:
    """Every row of the answer."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


async def fetch_one(connection: Connection, statement: LiteralString, **parameters: object) -> DictRow | None:
    """The first row of the answer, None where it is empty."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchone()


async def execute(connection: Connection, statement: LiteralString, **parameters: object) -> int:
    """The number of rows that the statement touched."""
    cursor = await connection.execute(statement, parameters)
    return cursor.rowcount
