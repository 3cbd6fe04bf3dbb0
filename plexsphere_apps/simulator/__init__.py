"""plexsphere-sim: agents that behave as plexd does, for demonstrations, end-to-end tests and benchmarks.

    fleet = Fleet(Origin(core_url))
    fleet.add("one", enrolment)
    async with fleet.running():
        await fleet.until(lambda standing: standing.mode is Mode.STREAMING)
    assert fleet.report().clean

The simulator shares no code with the server beyond the type that hides secrets: it encodes, verifies and validates on
its own, so that a mistake of the server does not cancel out.
"""

from plexsphere_apps.simulator.agent import Agent
from plexsphere_apps.simulator.fleet import Fleet, Report
from plexsphere_apps.simulator.http import Origin
from plexsphere_apps.simulator.identity import Enrolment, Identity
from plexsphere_apps.simulator.observations import Observations
from plexsphere_apps.simulator.operator import Operator
from plexsphere_apps.simulator.reconnection import Mode
from plexsphere_apps.simulator.seeding import Plan, seed
from plexsphere_apps.simulator.standing import Standing
from plexsphere_apps.simulator.timing import Timing

__all__ = [
    "Agent",
    "Enrolment",
    "Fleet",
    "Identity",
    "Mode",
    "Observations",
    "Operator",
    "Origin",
    "Plan",
    "Report",
    "Standing",
    "Timing",
    "seed",
]
