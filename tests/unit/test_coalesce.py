"""Questions that arrive together travel together, and nobody waits for ever."""

import asyncio
from collections.abc import Sequence

import pytest

from plexsphere_adapters.coalesce import Coalescer


async def test_who_was_answered_may_ask_again_at_once() -> None:
    batches: list[list[int]] = []

    async def flush(questions: list[int]) -> Sequence[int]:
        batches.append(questions)
        await asyncio.sleep(0)
        return [2 * question for question in questions]

    ask = Coalescer(flush)

    async def caller(number: int) -> None:
        for turn in range(20):
            assert await ask(100 * number + turn) == 2 * (100 * number + turn)

    async with asyncio.timeout(5):
        await asyncio.gather(*(caller(number) for number in range(8)))
    assert sum(len(batch) for batch in batches) == 160
    assert len(batches) < 160


async def test_a_failure_reaches_every_caller_of_its_batch_and_no_other() -> None:
    async def flush(questions: list[str]) -> Sequence[str]:
        await asyncio.sleep(0)
        if "bad" in questions:
            raise ValueError
        return questions

    ask = Coalescer(flush, limit=2)
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*map(ask, ["a", "b", "c", "bad", "d"]), return_exceptions=True)
    assert [isinstance(outcome, ValueError) for outcome in outcomes] == [False, False, True, True, False]
    with pytest.raises(ValueError):
        await ask("bad")
    assert await ask("a") == "a"
