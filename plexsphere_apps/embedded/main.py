"""`plexsphere-up`: a whole plexsphere on this machine, until Ctrl-C."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from attrs import frozen
from rich.console import Console

from plexsphere_apps.embedded import leftovers, ports, ready_file
from plexsphere_apps.embedded.answers import http_client
from plexsphere_apps.embedded.demo import Simulator, show
from plexsphere_apps.embedded.failures import CannotStart, first_of
from plexsphere_apps.embedded.report import Report
from plexsphere_apps.embedded.state import StateDirectory, opened
from plexsphere_apps.embedded.stores import Stores
from plexsphere_apps.embedded.supervisor import Supervisor
from plexsphere_apps.embedded.system import Applications, applications_on, facts, start_applications, start_stores
from plexsphere_apps.version_flag import HELP_FLAGS, version_flag

app = typer.Typer(context_settings=HELP_FLAGS, add_completion=False, pretty_exceptions_enable=False)


@frozen(kw_only=True)
class Plan:
    """What a person asked for."""

    ready_file: Path | None
    stores_only: bool
    demo_nodes: int


@app.command()
def up(
    state_dir: Annotated[Path, typer.Option(help="Where all is kept; a second start continues with it.")] = Path(
        ".plexsphere"
    ),
    ready_file: Annotated[
        Path | None, typer.Option(help="Write addresses, credentials and process ids (JSON, 0600) when all is ready.")
    ] = None,
    stores_only: Annotated[bool, typer.Option("--stores-only", help="Start the stores and nothing on them.")] = False,
    demo: Annotated[int, typer.Option(min=0, help="Seed a Domain with so many simulated Nodes and show them.")] = 0,
    _version: Annotated[bool, version_flag("plexsphere-up")] = False,
) -> None:
    """Start a whole plexsphere on this machine and keep it running until Ctrl-C."""
    if stores_only and demo:
        raise typer.BadParameter("--demo needs more than the stores")
    plan = Plan(ready_file=ready_file.absolute() if ready_file else None, stores_only=stores_only, demo_nodes=demo)
    failure: CannotStart | None = None
    try:
        if plan.ready_file is not None and not plan.ready_file.resolve().is_relative_to(
            state_dir.expanduser().resolve()
        ):
            refuse_unwritable(plan.ready_file)  # before there is a state directory; it may come to lie in that one
        with opened(state_dir) as state:
            leftovers.end_all(state)
            asyncio.run(run_until_told_to_stop(state, plan))
    except* CannotStart as failures:
        failure = first_of(failures)
    if failure is not None:
        give_up(failure)


async def run_until_told_to_stop(state: StateDirectory, plan: Plan) -> None:
    """Run the system. The first SIGINT, SIGTERM or SIGHUP ends it in order; a second one cuts the grace short."""
    if plan.ready_file is not None:
        refuse_unwritable(plan.ready_file)
        plan.ready_file.unlink(missing_ok=True)
    report = Report()
    supervisor = Supervisor(state, report)
    running = asyncio.create_task(run(supervisor, plan))
    told = asyncio.Event()

    def stop() -> None:
        if told.is_set():
            supervisor.kill()
        told.set()
        running.cancel()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signal_number, stop)
    try:
        with suppress(asyncio.CancelledError):
            await running
    finally:
        if plan.ready_file is not None:
            plan.ready_file.unlink(missing_ok=True)
        await supervisor.stop()


async def run(supervisor: Supervisor, plan: Plan) -> None:
    """Bring everything up, say so, and keep it up."""
    kept = supervisor.state.load("ports")
    async with http_client() as http:
        stores = Stores.at(supervisor.state, http)
        applications = None if plan.stores_only else applications_on(stores, supervisor.state, http)
        for line in ports.moved(kept, supervisor.state.load("ports")):
            supervisor.report.trouble("port", line)
        await start_stores(supervisor, stores)
        if applications is not None:
            await start_applications(supervisor, applications)
        simulator = simulator_on(applications, supervisor.state, plan.demo_nodes)
        if simulator is not None:
            await supervisor.start(simulator)

        async def tell() -> None:
            if plan.ready_file is None:
                return
            try:
                ready_file.write(plan.ready_file, facts(stores, applications, supervisor.pids()))
            except OSError as failure:  # a full disk is no reason to end what runs
                supervisor.report.trouble("ready file", str(failure))

        supervisor.changed = tell
        await tell()
        welcome(supervisor.report, supervisor.state, applications)
        async with asyncio.TaskGroup() as going_on:
            going_on.create_task(supervisor.watch())
            if simulator is not None:
                going_on.create_task(show(supervisor.report, simulator))


def refuse_unwritable(path: Path) -> None:
    """Raise `CannotStart` when the ready file could not be written, before anything is started for it."""
    if not os.access(path.parent, os.W_OK) or path.is_dir():
        raise CannotStart(f"cannot write {path}", "choose another --ready-file")


def simulator_on(applications: Applications | None, state: StateDirectory, nodes: int) -> Simulator | None:
    """The simulated Nodes that were asked for, if any."""
    if applications is None or nodes == 0:
        return None
    return Simulator(
        state=state,
        nodes=nodes,
        core_url=applications.core.address,
        operator_token_file=applications.operator_token_file,
    )


def welcome(report: Report, state: StateDirectory, applications: Applications | None) -> None:
    """Say that all is ready, and where to look."""
    report.say(f"Ready after {report.elapsed():.1f} s.")
    if applications is not None:
        report.say(f"  API             {applications.core.address} (described at {applications.core.address}/v1/docs)")
        report.say(f"  operator token  {applications.operator_token_file}")
    report.say(f"  logs            {state.root / 'logs'}")
    report.say("Ctrl-C ends everything.")


def give_up(failure: CannotStart) -> NoReturn:
    """Print the line that says what is wrong and what to do, and exit with 1."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"plexsphere-up: {failure}", markup=False)
    raise typer.Exit(1)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
