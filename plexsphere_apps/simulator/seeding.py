"""A fleet out of nothing: Domain, Project and Resources as far as they are missing, and an agent for each Resource."""

import asyncio
from pathlib import Path
from typing import Final

from attrs import frozen

from plexsphere_apps.simulator.fleet import Fleet
from plexsphere_apps.simulator.operator import Operator

CONCURRENCY: Final = 8
"""Operator calls under way at any time: issuing a token costs the server a slow hash."""


@frozen(kw_only=True)
class Plan:
    """`project_id` names an existing Project; without it, one called `project` is found or made in the Domain
    `domain`. Agents and Resources are called `<prefix>-<number>`. `state_dir` keeps the agents' identities."""

    nodes: int
    prefix: str
    domain: str
    project: str
    project_id: str | None = None
    state_dir: Path | None = None


async def seed(plan: Plan, operator: Operator, fleet: Fleet) -> None:
    """Adds the agents to the fleet. One whose identity was kept needs nothing from the operator."""
    missing: list[str] = []
    for number in range(1, plan.nodes + 1):
        name = f"{plan.prefix}-{number:0{max(2, len(str(plan.nodes)))}d}"
        kept = _kept(plan, name)
        if kept is not None and kept.exists():
            fleet.add(name, None, kept=kept)
        else:
            missing.append(name)
    if missing:
        await _prepare(plan, operator, fleet, missing)


async def _prepare(plan: Plan, operator: Operator, fleet: Fleet, names: list[str]) -> None:
    project_id = plan.project_id
    if project_id is None:
        project_id = await operator.project(await operator.domain(plan.domain), plan.project)
    there = await operator.handles(project_id)
    places = asyncio.Semaphore(CONCURRENCY)

    async def prepare(name: str) -> None:
        async with places:
            if name not in there:
                await operator.resource(project_id, name)
            enrolment = await operator.enrolment(project_id, name)
        fleet.add(name, enrolment, kept=_kept(plan, name))

    async with asyncio.TaskGroup() as preparing:
        for name in names:
            preparing.create_task(prepare(name))


def _kept(plan: Plan, name: str) -> Path | None:
    return plan.state_dir / f"{name}.json" if plan.state_dir else None
