"""Run the benchmarks on a system of their own: `python -m tests.bench [NAME …]`."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from plexsphere_apps.embedded.ready_file import Facts
from tests.bench import audit, delivery, heartbeats, registrations, relay, report, state
from tests.bench.floors import DSN_VARIABLE
from tests.embedded import started

BENCHMARKS: Mapping[str, Any] = {
    "heartbeats": lambda facts, floor: heartbeats.run(facts, floor),
    "relay": lambda facts, floor: relay.run(facts),
    "delivery": lambda facts, floor: delivery.run(facts),
    "audit": lambda facts, floor: audit.run(facts),
    "registrations": lambda facts, floor: registrations.run(facts),
    "state": lambda facts, floor: state.run(facts, floor),
}


def main(chosen: list[str]) -> int:
    """Exit code 1 when a ratio misses its target."""
    unknown = set(chosen) - BENCHMARKS.keys()
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}\n")
        return 1
    ratios = []
    with (
        tempfile.TemporaryDirectory(prefix="plexsphere-bench-") as scratch,
        started(Path(scratch) / "state") as facts,
        floors(facts, Path(scratch) / "floor") as floor,
    ):
        for name in chosen or BENCHMARKS:
            sys.stderr.write(f"{name} …\n")
            ratios.append(asyncio.run(BENCHMARKS[name](facts, floor)))
    report.show(ratios)
    return 0 if all(ratio.met for ratio in ratios) else 1


@contextmanager
def floors(facts: Facts, addr_file: Path) -> Iterator[str]:
    """The bare handlers, in a process of their own."""
    environ = {**os.environ, DSN_VARIABLE: make_conninfo(str(facts.postgres_dsn))}
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.floors", str(addr_file)], env=environ)
    try:
        deadline = time.monotonic() + 15
        while not (addr_file.exists() and addr_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield addr_file.read_text()
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
