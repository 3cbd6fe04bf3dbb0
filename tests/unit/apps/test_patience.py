"""A start that waits for OpenBao."""

import asyncio
import socket

import pytest
import structlog

from plexsphere_adapters.openbao.client import Config, OpenBao, SecretStoreUnavailable
from plexsphere_apps.core import patience
from plexsphere_apps.core.patience import once_there
from plexsphere_apps.serving import CannotStart
from plexsphere_domain.kernel.secrets import SecretStr


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.01)


async def answering(status: bytes) -> asyncio.Server:
    """A server that answers every request with this status."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + status + b'\r\ncontent-length: 13\r\nconnection: close\r\n\r\n{"errors":[]}')
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def openbao_at(port: int) -> OpenBao:
    return OpenBao(Config(address=f"http://127.0.0.1:{port}", token=lambda: SecretStr("s.wrong")))


@pytest.mark.parametrize(
    ("status", "why"), [(b"403 Forbidden", "refuses the token"), (b"503 Service Unavailable", "is sealed")]
)
async def test_the_reason_is_logged_once_and_told_when_the_start_is_ended(status: bytes, why: str) -> None:
    async with await answering(status) as server:
        openbao = openbao_at(server.sockets[0].getsockname()[1])
        tries = asyncio.Semaphore(0)

        async def read() -> object:
            tries.release()
            return await openbao.read("any")

        with structlog.testing.capture_logs() as logged:
            waiting = asyncio.create_task(once_there(read))
            for _ in range(3):
                await tries.acquire()
            waiting.cancel()
            with pytest.raises(CannotStart, match=why):
                await waiting
        openbao.close()
    assert [why in line["reason"] for line in logged] == [True]


async def test_an_openbao_that_is_away_is_told_from_one_that_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    openbao = openbao_at(port)
    with pytest.raises(SecretStoreUnavailable) as caught:
        await openbao.read("any")
    openbao.close()
    assert "cannot be reached" in caught.value.why


async def test_what_it_holds_is_returned_as_soon_as_it_is_there() -> None:
    answers = iter([SecretStoreUnavailable(), "key"])

    async def read() -> str:
        answer = next(answers)
        if isinstance(answer, SecretStoreUnavailable):
            raise answer
        return answer

    assert await once_there(read) == "key"


async def test_a_start_that_waits_for_nothing_is_just_cancelled() -> None:
    waiting = asyncio.create_task(once_there(asyncio.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
