"""Tests in other time zones and at odd moments: `make test-times`; `test_moved_clock.py` always runs a sample.

The clock is moved for a whole tree of processes, C code included, by a library that is preloaded (`moved_clock.c`).
That needs Linux and a C compiler.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS / "moved_clock.c"


@dataclass(frozen=True)
class Moment:
    """A clock and a time zone to run tests with.

    Attributes:
        name: What is odd about it.
        zone: TZ.
        begin: When the tests begin, UTC.
    """

    name: str
    zone: str
    begin: str

    def environment(self, library: Path) -> dict[str, str]:
        """The environment of a process that lives at this moment."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "BELIMO_"))}
        moved = round(datetime.fromisoformat(self.begin).timestamp() - time.time())
        return ours | {"TZ": self.zone, "LD_PRELOAD": str(library), "MOVED_CLOCK": str(moved)}


MOMENTS = (
    Moment("2018", "UTC", "2018-07-01T12:00:00Z"),
    Moment("29 February", "America/Santiago", "2020-02-29T15:00:00Z"),
    Moment("a change of half an hour", "Australia/Lord_Howe", "2018-10-06T15:29:45Z"),
    Moment("an hour is skipped", "Europe/Zurich", "2019-03-31T00:59:45Z"),
    Moment("an hour comes twice", "Europe/Zurich", "2018-10-28T00:59:45Z"),
)
"""Where clocks change, they do so 15 seconds after the tests have begun."""

SAMPLE = ("auth", "settings", "periods", "intervals", "http", "statement")
"""What runs every time."""

KNOWING = (
    *("auth", "settings", "periods", "intervals", "http", "transport", "cloud", "certificates"),
    *("energy", "statement", "degree_days", "load", "signature", "weather", "history", "archive", "store", "sync"),
    *("coverage", "report_index", "report_page", "report_jobs", "display", "plots", "cli"),
)
"""The modules about time, or with a clock in them: what `make test-times` runs at each moment."""


def built(folder: Path) -> Path | None:
    """The library, compiled into a folder; None where that cannot be."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if sys.platform != "linux" or compiler is None:
        return None
    library = folder / "moved_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def files(names: tuple[str, ...]) -> list[str]:
    """The paths of test modules by their short names."""
    return [str(path) for name in names for path in sorted(TESTS.rglob(f"test_{name}.py"))]


def command(base: Path, *arguments: str) -> list[str]:
    """The command that runs pytest with a folder of its own for temporary files."""
    quiet = ("-q", "-p", "no:cacheprovider", "-W", "ignore:System time is way off")  # urllib3 knows when it was made
    return [sys.executable, "-m", "pytest", *quiet, "--basetemp", str(base), *arguments]


def main() -> int:
    """Run the tests at every moment; the status is 1 if any failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--all", action="store_true", help="the whole suite, not only what knows of time")
    parser.add_argument("--moment", choices=[moment.name for moment in MOMENTS], help="only this one")
    chosen = parser.parse_args()
    failed = []
    with tempfile.TemporaryDirectory(prefix="moved-clock-") as name:
        library = built(Path(name))
        if library is None:
            sys.stderr.write("The clock can be moved on Linux only, and with a C compiler: install gcc.\n")
            return 2
        for number, moment in enumerate(MOMENTS):
            if chosen.moment in (None, moment.name):
                began = time.monotonic()
                sys.stdout.write(f"{moment.name}: TZ={moment.zone}, the clock says {moment.begin}\n")
                sys.stdout.flush()
                paths = [] if chosen.all else ["-m", "not slow and not browser", *files(KNOWING)]
                line = command(Path(name) / str(number), "-n", "auto", "--dist", "loadgroup", *paths)
                if subprocess.run(line, cwd=TESTS.parent, env=moment.environment(library), check=False).returncode:
                    failed.append(moment.name)
                sys.stdout.write(f"{moment.name}: {time.monotonic() - began:.0f} s\n")
    sys.stdout.write(f"Failed: {', '.join(failed)}.\n" if failed else "No failures at any moment.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
