"""The output folder of a run: one run at a time, and what it makes stays out of sight until it is whole."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.exchange import ASIDE, Switch
from belimo_nb.system.files import check_inside, write_text

__all__ = ["OutputFolder", "claim", "unfinished"]

OURS, NOTES = ".belimo-nb", "results.jsonl"
PLACES = (OURS, f"{OURS}/next", f"{OURS}/lock", ASIDE, "devices", "index.html", reports_json.NAME)
"""What a run writes to or through: none of it may be a link, which could lead anywhere."""
PATIENCE = 2.0
"""Seconds to wait for a lock: the children of a run that was killed end a moment after it."""


class OutputFolder:
    """A folder that readers see and this process alone writes to; made by `claim`.

    Reports are written to `staging`, below the folder but out of the readers' sight, and appear all at once with
    `publish`. Until then, and after a crash, readers have the run before.

    Attributes:
        path: The folder, absolute.
        private: A folder below it for our own files, which readers do not look into.
        staging: Where the files of the run under way are written, under the names that they will have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.private = path / OURS
        self.staging = self.private / "next"
        self._notes = self.private / NOTES
        self._switch = Switch(path, self.private, self.staging)
        if self._switch.finish():  # what a run that was killed had begun
            self._notes.unlink(missing_ok=True)
        self.earlier = reports_json.read(path / reports_json.NAME) or reports_json.Earlier()

    def begin(self, facts: reports_json.RunFacts, *, resume: bool = False) -> Mapping[str, Mapping[str, Any]]:
        """Get ready for a run.

        Args:
            facts: What it is about.
            resume: Leave what a run that was killed had finished.

        Returns:
            The entries of these reports by slug; empty without `resume`.
        """
        found = self._unpublished() if resume else {}
        if not found:
            shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)
        as_of = facts.as_of.isoformat() if facts.as_of else None
        lines = [{"period": facts.period_label, "source": facts.source, "as_of": as_of}, *found.values()]
        write_text(self._notes, "".join(json.dumps(line) + "\n" for line in lines))
        return found

    def note(self, line: Mapping[str, Any]) -> None:
        """Remember a report that is finished, for the case that the run is killed."""
        with contextlib.suppress(OSError), self._notes.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def publish(self, index: str, reports: str, *, keep: set[str]) -> Path:
        """Let readers see the run instead of the one before; see `Switch`.

        Args:
            index: The text of `index.html`.
            reports: The text of `reports.json`.
            keep: The paths of the run's files and of earlier ones that stay, relative to the folder.

        Returns:
            The path of `index.html`.

        Raises:
            BelimoError: The disk is full, or another program holds a file open; the next run goes on from there.
        """
        try:
            write_text(self.staging / "index.html", index)
            write_text(self.staging / reports_json.NAME, reports)
            self._switch.prepare(earlier=self.earlier.files, keep=keep)
            try:
                self._switch.finish()
            except KeyboardInterrupt:
                self._switch.finish()  # it is a matter of moments, and half of it would help no one
        except OSError as error:
            raise BelimoError(
                f"The reports cannot be put into {self.path} ({error.strerror}), which still holds the run before; "
                "make room there, and run the same again with --resume."
            ) from None
        self._notes.unlink(missing_ok=True)
        return self.path / "index.html"

    def _unpublished(self) -> dict[str, Mapping[str, Any]]:
        """The entries of reports that a killed run had finished, whose files are all there."""
        found = {}
        for item in _noted(self._notes):
            files = reports_json.files_of(item).values()
            if files and all((self.staging / name).is_file() for name in files):
                found[str(item.get("slug"))] = item
        return found


@contextlib.contextmanager
def claim(out: Path) -> Iterator[OutputFolder]:
    """Make a folder if need be, and be the only run that writes to it.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        UsageError: The folder cannot be made, written to or locked, or another run has it.
    """
    try:
        ours = out.resolve() / OURS
        for name in PLACES:
            check_inside(out.resolve() / name, out)
        ours.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(ours / "lock")
        lock.acquire(timeout=PATIENCE, poll_interval=0.05)
    except filelock.Timeout:
        raise UsageError(
            f"The output folder {str(out)!r} is in use by {_holder(ours)}; wait until it is done, or choose another "
            "with --out."
        ) from None
    except NotImplementedError:
        raise UsageError(
            f"The output folder {str(out)!r} is on a disk that knows no locks; choose another with --out."
        ) from None
    except OSError as error:
        raise _unwritable(out, error) from None
    holder = ours / "run.json"
    try:
        started = datetime.now().astimezone().isoformat(timespec="seconds")
        write_text(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started}))
        try:
            folder = OutputFolder(out.resolve())
        except OSError as error:
            raise _unwritable(out, error) from None
        yield folder
    finally:
        try:
            holder.unlink(missing_ok=True)
        finally:
            lock.release()


def _unwritable(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"The output folder {str(out)!r} cannot be written to ({error.strerror}); choose another with --out."
    )


def unfinished(out: Path) -> reports_json.Earlier | None:
    """The run before, if it was killed or interrupted or had reports that failed; None if it was complete.

    Needs no claim: the run that is about to begin is planned by it.
    """
    killed = next(iter(_noted(out / OURS / NOTES)), None)
    if killed is not None and "as_of" in killed:
        return reports_json.Earlier(
            period=str(killed["period"]), source=str(killed["source"]), as_of=reports_json.moment(killed["as_of"])
        )
    earlier = reports_json.read(out / reports_json.NAME)
    return None if earlier is None or earlier.complete else earlier


def _noted(path: Path) -> list[Mapping[str, Any]]:
    """What a killed run has noted; the line that it was killed in is none."""
    found: list[Mapping[str, Any]] = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                item = json.loads(line)
                if isinstance(item, dict):
                    found.append(item)
    return found


def _holder(ours: Path) -> str:
    """Who has the lock, in words."""
    try:
        body = json.loads((ours / "run.json").read_text(encoding="utf-8"))
        return f"another run (process {int(body['pid'])} on {body['host']}, since {body['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
