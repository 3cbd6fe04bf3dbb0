"""`plexsphere-sim`: agents that behave as plexd does, and a verdict on the server they met."""

import asyncio
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Final

import orjson
import typer
import uvloop
from attrs import asdict

from plexsphere_apps.simulator.fleet import Fleet, Report
from plexsphere_apps.simulator.http import Origin
from plexsphere_apps.simulator.operator import Operator, OperatorRefused
from plexsphere_apps.simulator.seeding import Plan, seed
from plexsphere_apps.simulator.standing import Standing
from plexsphere_apps.simulator.timing import Timing
from plexsphere_apps.version_flag import HELP_FLAGS, version_flag
from plexsphere_domain.kernel.secrets import SecretStr

EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2

DEMO_RECONCILE: Final = 10.0
"""Seconds between pulls in a demonstration, so that the table follows what happens."""

app = typer.Typer(context_settings=HELP_FLAGS, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    core_url: Annotated[str, typer.Option(help="The API's base URL.")],
    operator_token_file: Annotated[Path, typer.Option(help="The file with an operator's API token.")],
    nodes: Annotated[int, typer.Option(min=1, help="How many agents.")] = 1,
    project: Annotated[str | None, typer.Option(help="The id of an existing Project; otherwise one is made.")] = None,
    domain: Annotated[str, typer.Option(help="The slug of the Domain that is found or made.")] = "demo",
    resource_prefix: Annotated[str | None, typer.Option(help="What Resources and agents are called.")] = None,
    duration: Annotated[float, typer.Option(min=0, help="Seconds to run once all agents were started.")] = 30.0,
    state_dir: Annotated[Path | None, typer.Option(help="Keeps the agents' identities over restarts.")] = None,
    stream_lifetime: Annotated[
        float | None, typer.Option(help="Agents cut their own event stream after so many seconds, as some plexd do.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Registrations under way at any time.")] = 64,
    demo: Annotated[bool, typer.Option("--demo", help="Run until told to stop; a JSON line for each change.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    _version: Annotated[bool, version_flag("plexsphere-sim")] = False,
) -> None:
    """Enrol agents, let them run, and report what they saw.

    Exit codes: 0 the server kept its protocol; 1 it broke its protocol, no agent enrolled, or the run could not begin;
    2 the call is wrong.
    """
    plan = Plan(
        nodes=nodes,
        prefix=resource_prefix or ("node" if demo else f"sim-{token_hex(3)}"),
        domain=domain,
        project="demo",
        project_id=project,
        state_dir=state_dir,
    )
    timing = Timing(stream_lifetime=stream_lifetime, reconcile=DEMO_RECONCILE if demo else Timing().reconcile)
    fleet = Fleet(_origin(core_url), timing=timing, concurrency=concurrency)
    if demo:
        fleet.watch(changes(typer.echo))
    operator = Operator(origin=fleet.origin, token=_token(operator_token_file), tell=_each_once(_say))
    _make_private(state_dir)
    _allow_connections(nodes)
    try:
        uvloop.run(_simulate(plan, operator, fleet, None if demo else duration))
    except* OperatorRefused as refused:
        raise _gives_up(str(refused.exceptions[0]), EXIT_ERROR) from None
    report = fleet.report()
    if json or not demo:
        typer.echo(as_json(report) if json else as_text(report))
    raise typer.Exit(0 if report.clean and report.proves_something else EXIT_ERROR)


async def _simulate(plan: Plan, operator: Operator, fleet: Fleet, duration: float | None) -> None:
    """Until the duration is over, or somebody says stop."""
    running = asyncio.create_task(_run(plan, operator, fleet, duration))
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


async def _run(plan: Plan, operator: Operator, fleet: Fleet, duration: float | None) -> None:
    await seed(plan, operator, fleet)
    async with fleet.running():
        await fleet.settled()
        await asyncio.sleep(duration) if duration is not None else await asyncio.Event().wait()


def changes(emit: Callable[[str], None]) -> Callable[[Standing], None]:
    """A watcher that emits one JSON line whenever something changed that a person would want to see."""
    shown: dict[str, bytes] = {}

    def watch(standing: Standing) -> None:
        line = orjson.dumps(
            {
                "node_id": str(standing.node_id),
                "name": standing.name,
                "mesh_ip": standing.mesh_ip,
                "reachability": standing.reachability,
                "last_event": standing.last_event,
                "events": standing.events,
            }
        )
        if shown.get(standing.name) != line:
            shown[standing.name] = line
            emit(line.decode())

    return watch


def as_json(report: Report) -> str:
    return orjson.dumps(asdict(report), option=orjson.OPT_INDENT_2).decode()


def as_text(report: Report) -> str:
    lines = [
        f"{report.enrolled} of {report.agents} agents enrolled, {report.streaming} streaming, {report.heard} heard, "
        f"{report.events} events",
        *(
            f"{name:<10} {latency.count:>7} × p50 {latency.p50:>9.2f} ms  p99 {latency.p99:>9.2f} ms"
            for name, latency in report.latencies.items()
        ),
        *(f"{name:<32} {count}" for name, count in report.counts.items()),
    ]
    for broken in report.violations:
        first = broken.samples[0]
        lines.append(f"VIOLATION {broken.count} × {first.where}: {first.rule} ({first.node} {first.detail})")
    if not report.clean:
        lines.append(f"{len(report.violations)} rules were broken")
    else:
        lines.append("no violations" if report.proves_something else "no agent enrolled, so nothing is shown")
    return "\n".join(lines)


def _origin(core_url: str) -> Origin:
    try:
        return Origin(core_url)
    except ValueError as fault:
        raise _gives_up(f"--core-url: {fault}", EXIT_USAGE) from None


def _token(file: Path) -> SecretStr:
    try:
        token = file.read_text(encoding="ascii").strip()
    except OSError as failure:
        raise _gives_up(f"cannot read {file}: {failure.strerror}", EXIT_ERROR) from None
    except UnicodeDecodeError:
        token = ""
    if not token.isprintable() or not token:
        raise _gives_up(f"{file} holds no API token", EXIT_ERROR)
    return SecretStr(token)


def _make_private(directory: Path | None) -> None:
    if directory is None:
        return
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failure:
        raise _gives_up(f"cannot make {directory}: {failure.strerror}", EXIT_ERROR) from None


def _gives_up(why: str, code: int) -> typer.Exit:
    """Says why in one line; the exit is for the caller to raise."""
    _say(why)
    return typer.Exit(code)


def _say(line: str) -> None:
    typer.echo(f"plexsphere-sim: {line}", err=True)


def _each_once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """As `tell`, without repetitions: many calls meet the same outage."""
    told: set[str] = set()

    def once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    return once


def _allow_connections(nodes: int) -> None:
    """A stream and a few calls for each agent."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * nodes + 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
