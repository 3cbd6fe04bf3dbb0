"""`plexsphere-up`: a whole plexsphere on this machine, until Ctrl-C."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from attrs import frozen
from rich.console import Console

from plexsphere_apps.embedded import leftovers, ready_file
from plexsphere_apps.embedded.answers import http_client
from plexsphere_apps.embedded.failures import CannotStart, first_of
from plexsphere_apps.embedded.report import Report
from plexsphere_apps.embedded.state import StateDirectory, opened
from plexsphere_apps.embedded.stores import Stores
from plexsphere_apps.embedded.supervisor import Supervisor
from plexsphere_apps.embedded.system import applications_on, facts, start_applications, start_stores

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@frozen(kw_only=True)
class Plan:
    """What a person asked for."""

    ready_file: Path | None
    stores_only: bool


@app.command()
def up(
    state_dir: Annotated[Path, typer.Option(help="Where all is kept; a second start continues with it.")] = Path(
        ".plexsphere"
    ),
    ready_file: Annotated[
        Path | None, typer.Option(help="Write addresses, credentials and process ids (JSON, 0600) when all is ready.")
    ] = None,
    stores_only: Annotated[bool, typer.Option("--stores-only", help="Start the stores and nothing on them.")] = False,
) -> None:
    """Start a whole plexsphere on this machine and keep it running until Ctrl-C."""
    plan = Plan(ready_file=ready_file.absolute() if ready_file else None, stores_only=stores_only)
    failure: CannotStart | None = None
    try:
        with opened(state_dir) as state:
            leftovers.end_all(state)
            asyncio.run(run_until_told_to_stop(state, plan))
    except* CannotStart as failures:
        failure = first_of(failures)
    if failure is not None:
        give_up(failure)


async def run_until_told_to_stop(state: StateDirectory, plan: Plan) -> None:
    """Run the system. The first SIGINT, SIGTERM or SIGHUP ends it in order; a second one cuts the grace short."""
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
    async with http_client() as http:
        stores = Stores.at(supervisor.state, http)
        applications = None if plan.stores_only else applications_on(stores, supervisor.state, http)
        await start_stores(supervisor, stores)
        if applications is not None:
            await start_applications(supervisor, applications)

        async def tell() -> None:
            if plan.ready_file is not None:
                ready_file.write(plan.ready_file, facts(stores, applications, supervisor.pids()))

        supervisor.changed = tell
        await tell()
        supervisor.report.say(f"Ready after {supervisor.report.elapsed():.1f} s. Ctrl-C ends everything.")
        await supervisor.watch()


def give_up(failure: CannotStart) -> NoReturn:
    """Print the line that says what is wrong and what to do, and exit with 1."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"plexsphere-up: {failure}", markup=False)
    raise typer.Exit(1)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
