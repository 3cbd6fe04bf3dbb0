"""What every consumer of the outbox has consumed is kept for a while, for whoever looks back, and then deleted."""

from datetime import timedelta
from typing import Final

from attrs import frozen

from plexsphere_adapters.postgres.pool import Pool, connection
from plexsphere_adapters.postgres.sql import execute

BATCH: Final = 5_000
"""Facts in one statement: few enough for it to stay far below the time that a statement may take."""

SWEEP_EVERY: Final = 600.0
"""Seconds from one sweep to the next."""


@frozen
class OutboxRetention:
    """Any number of replicas may sweep: they delete the same facts. `consumers` are all that read the outbox."""

    pool: Pool
    consumers: tuple[str, ...]
    keep: timedelta = timedelta(hours=24)

    async def sweep(self) -> int:
        """Delete facts that are older than `keep` and behind the cursor of every consumer; how many they were."""
        deleted = 0
        while True:
            batch = await self._delete()
            deleted += batch
            if batch < BATCH:
                return deleted

    async def _delete(self) -> int:
        async with connection(self.pool) as held:
            return await execute(
                held,
                """
                DELETE FROM plexsphere.outbox
                 WHERE (shard, txid, position) IN (
                       SELECT old.shard, old.txid, old.position
                         FROM plexsphere.outbox AS old
                        WHERE old.occurred_at < now() - %(keep)s
                          AND (SELECT count(*)
                                 FROM plexsphere.outbox_cursors AS cursor
                                WHERE cursor.shard = old.shard
                                  AND cursor.consumer = ANY(%(consumers)s)
                                  AND (cursor.txid, cursor.position) >= (old.txid, old.position)) = %(count)s
                        ORDER BY old.occurred_at
                        LIMIT %(limit)s
                          FOR UPDATE SKIP LOCKED)
                """,
                keep=self.keep,
                consumers=list(self.consumers),
                count=len(self.consumers),
                limit=BATCH,
            )
