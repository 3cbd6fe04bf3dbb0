"""One round trip for many callers.

Under load a process asks the same kind of question many times at once: look up this credential, store that heartbeat,
check this relation. A `Coalescer` sends the first question at once, gathers what arrives while the answer is under
way, and asks all of that in the next round trip. An idle system pays no delay; a busy one pays per batch, not per
caller. It keeps nothing: every caller gets an answer that was fetched after it asked.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar, cast

Q = TypeVar("Q")
A = TypeVar("A")


class Coalescer(Generic[Q, A]):
    """Awaitable as a function from one question to its answer.

    `flush` answers a list of questions in their order. What it raises reaches every caller of that batch. At most
    `lanes` batches of at most `limit` questions are under way at any time.
    """

    def __init__(self, flush: Callable[[list[Q]], Awaitable[Sequence[A]]], *, limit: int = 512, lanes: int = 1) -> None:
        self._flush = flush
        self._limit = limit
        self._lanes = lanes
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, question: Q) -> A:
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if len(self._running) < self._lanes:
            task = asyncio.create_task(self._drain())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
            live = [(question, future) for question, future in batch if not future.done()]
            if live:
                await self._answer(live)
        # Here and not only when the task is done: who was just answered may ask again before that is noticed.
        self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _answer(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._flush([question for question, _ in batch])
        except BaseException as failure:
            outcome = failure if isinstance(failure, Exception) else ConnectionAbortedError("the batch was cancelled")
            for _, future in batch:
                if not future.done():
                    future.set_exception(outcome)
            if not isinstance(failure, Exception):
                raise
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
