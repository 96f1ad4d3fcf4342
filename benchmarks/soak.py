"""Soak: for five minutes 36 devices are synced and reported again and again while a fifth of all requests fails.

Each round begins with nothing kept. Store, tables and key figures are held against those of a run without failures.
`make soak` runs it; BELIMO_SOAK_SECONDS is for another length.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from belimo_nb.demo import DemoCloud

SECONDS = float(os.environ.get("BELIMO_SOAK_SECONDS") or 300)
PERIOD = ("--from", "2018-11-01", "--to", "2018-12-01")
KINDS = (
    *("server-error", "bad-gateway", "unavailable", "too-many-requests"),
    *("drop-connection", "drop-body", "truncated-json"),
)
MIX = tuple(f"{kind}=0.032" for kind in KINDS)
"""Together they hit a fifth of all requests."""

Made = dict[str, object]


def figures() -> Iterator[str]:
    """The measured lines."""
    folder = Path(tempfile.mkdtemp(prefix="belimo-nb-soak-"))
    try:
        with DemoCloud() as server:
            yield from _rounds(server, folder)
    finally:
        shutil.rmtree(folder)


def _rounds(server: DemoCloud, folder: Path) -> Iterator[str]:
    whole, seconds, told = _round(server, folder / "whole")
    yield f"without failures: {len(whole)} files and reports, {seconds:.0f} s; {told or 'no word'}"
    server.faults = MIX
    server.requests.clear()
    begin, rounds, different, named = time.perf_counter(), 0, 0, 0
    while time.perf_counter() - begin < SECONDS:
        made, seconds, told = _round(server, folder / str(rounds))
        wrong = sorted(name for name in whole.keys() | made.keys() if whole.get(name) != made.get(name))
        rounds, different, named = rounds + 1, different + len(wrong), named + bool(told)
        yield f"round {rounds}: {seconds:.0f} s, {len(wrong)} of {len(whole)} differ {wrong[:3]}; {told or 'no word'}"
    failed = sum(request.status == 0 or request.status >= 400 for request in server.requests)
    yield (
        f"{rounds} rounds, {len(server.requests):,} requests, {failed:,} of them refused or dropped, besides bodies "
        f"that were cut; {different} differences, {named} rounds in which something was lost and named"
    )


def _round(server: DemoCloud, folder: Path) -> tuple[Made, float, str]:
    """Sync and report once; what was made, how long it took, and what was said on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
    environment |= server.environment() | {"BELIMO_DATA_DIR": str(folder / "data")}
    command, told = [sys.executable, "-m", "belimo_nb"], ""
    begin = time.perf_counter()
    for arguments in (("sync", *PERIOD), ("report", *PERIOD, "--out", str(folder / "reports"))):
        told += subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True).stderr
    seconds = time.perf_counter() - begin
    made: Made = {path.name: path.read_bytes() for path in folder.rglob("*.parquet")}
    made |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.csv")}
    reports = json.loads((folder / "reports" / "reports.json").read_text(encoding="utf-8"))["reports"]
    made |= {report["slug"]: (report["status"], report["key_figures"]) for report in reports}
    shutil.rmtree(folder)
    return made, seconds, told.strip()


if __name__ == "__main__":
    for line in figures():
        print(line, flush=True)
