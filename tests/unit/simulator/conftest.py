"""A fake server and an agent that loses its patience quickly."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from plexsphere_apps.simulator import Agent, Enrolment, Origin, Timing
from plexsphere_domain.kernel.secrets import SecretStr
from tests.unit.simulator.fake import fake_core

BRISK = Timing(
    connect=2.0,
    request=2.0,
    heartbeat=0.05,
    reconcile=5.0,
    stream_idle=5.0,
    backoff_first=0.01,
    backoff_ceiling=0.05,
    give_up_registering=0.5,
    degrade_after=0.1,
    reprobe=0.02,
)

ENROLMENT = Enrolment(
    project_id="0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0c1",
    resource_handle="node-01",
    bootstrap_token=SecretStr("psb_dev_" + "a" * 26 + "_node_" + "b" * 26),
)


@pytest.fixture
async def core():
    async with fake_core() as core:
        yield core


@pytest.fixture
def agent(core):
    origin = Origin(core.url)
    yield Agent(origin, "one", ENROLMENT, timing=BRISK)
    origin.close()


@asynccontextmanager
async def running(agent: Agent):
    """The agent with all its loops, for the block."""
    task = asyncio.create_task(agent.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def rules(agent: Agent) -> set[str]:
    """The rules that the server broke."""
    return {samples[0].rule for _, samples in agent.observations.violations}
