"""The output folder of a run: locked for one run at a time, published when the run is whole."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.exchange import ASIDE, RunExchange
from belimo_nb.system.files import check_inside, read_bytes, write_text
from belimo_nb.system.locks import LockedByOtherError, NoLocksError, locked

PRIVATE, NOTES = ".belimo-nb", "results.jsonl"
UNLINKED_PATHS = (PRIVATE, f"{PRIVATE}/next", f"{PRIVATE}/lock", ASIDE, "devices", "index.html", reports_json.NAME)
"""Paths that a run writes to or through. None may be a link: it could make us overwrite or delete files elsewhere."""
GENERATOR = '<meta name="generator" content="belimo-nb '
LOCK_TIMEOUT = 2.0
"""Seconds to wait for the lock: the children of a killed run end a moment after it, and may hold it until then."""


class OutputFolder:
    """A folder that only this process writes to; made by `claim`.

    Reports are written to `staging`, below the folder and so on the same disk, and appear all at once with `publish`.
    Until then, and after a crash, readers have the run before.

    Attributes:
        path: The folder, absolute.
        private: A folder below it for our own files, which readers do not look into.
        staging: The folder for the files of this run, under the names that they will have.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.private = path / PRIVATE
        self.staging = self.private / "next"
        self._notes = self.private / NOTES
        self._exchange = RunExchange(path, self.private, self.staging)
        # A run that was killed while it published is finished first: its files are half in place.
        if self._exchange.finish():
            self._notes.unlink(missing_ok=True)
        self.earlier = reports_json.read(path / reports_json.NAME) or reports_json.EarlierRun()
        self.check_free(("index.html", reports_json.NAME))

    def check_free(self, names: Iterable[str]) -> None:
        """Refuse to write over a file that no run of ours has made.

        Raises:
            UsageError: There is one in the place of one of these.
        """
        made = reports_json.files_made(_text(self.path / reports_json.NAME))
        for name in names:
            place = self.path / name
            if name not in made and os.path.lexists(place) and GENERATOR not in _text(place):
                raise UsageError(
                    f"The output folder {str(self.path)!r} holds {name!r}, which no run of belimo-nb has made; move it "
                    "elsewhere, or choose another folder with --out."
                )

    def begin(self, facts: reports_json.RunFacts, *, resume: bool = False) -> Mapping[str, Mapping[str, Any]]:
        """Prepare the staging folder for a run.

        Args:
            facts: What the run is about.
            resume: Keep the reports that a killed run had finished.

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
        """Append the entry of a finished report to the notes, which a later run reads if this one is killed."""
        # A full disk costs only the chance to resume: the report itself was written before.
        with contextlib.suppress(OSError), self._notes.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def publish(self, index: str, reports: str, *, keep: set[str]) -> Path:
        """Replace the run that readers see with this one; see `RunExchange`.

        Args:
            index: The text of `index.html`.
            reports: The text of `reports.json`.
            keep: The paths of the run's files and of earlier ones that stay, relative to the folder.

        Returns:
            The path of `index.html`.

        Raises:
            BelimoError: The disk is full, or another program holds a file open; the next run goes on from there.
            UsageError: A file of another's is in the place of one of ours.
        """
        self.check_free(name for name in keep if (self.staging / name).is_file())
        try:
            write_text(self.staging / "index.html", index)
            write_text(self.staging / reports_json.NAME, reports)
            self._exchange.prepare(earlier=self.earlier.files, keep=keep)
            try:
                self._exchange.finish()
            except KeyboardInterrupt:
                self._exchange.finish()  # it takes a moment, and half of it would leave readers with a mixture
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
        for item in _read_notes(self._notes):
            files = reports_json.files_of(item).values()
            if files and all((self.staging / name).is_file() for name in files):
                found[str(item.get("slug"))] = item
        return found


@contextlib.contextmanager
def claim(out: Path) -> Iterator[OutputFolder]:
    """Lock an output folder for this process, and create it if need be.

    The lock is the system's, so it ends with the process, however that ends: no stale lock blocks the next run.

    Raises:
        UsageError: The folder cannot be made, written to or locked, or another run has it.
    """
    try:
        ours = out.resolve() / PRIVATE
        for name in UNLINKED_PATHS:
            check_inside(out.resolve() / name, out)
        if not ours.exists() and os.path.lexists(out / ASIDE):
            raise UsageError(
                f"The output folder {str(out)!r} holds {ASIDE!r}, which no run of belimo-nb has made; choose another "
                "with --out."
            )
        ours.mkdir(parents=True, exist_ok=True)
        stack = contextlib.ExitStack()
        stack.enter_context(locked(ours / "lock", LOCK_TIMEOUT))
    except LockedByOtherError:
        raise UsageError(
            f"The output folder {str(out)!r} is in use by {_lock_holder(ours)}; wait until it is done, or choose "
            "another with --out."
        ) from None
    except NoLocksError as error:
        raise UsageError(
            f"The output folder {str(out)!r} cannot be locked ({error}); choose another with --out."
        ) from None
    except OSError as error:
        raise _unwritable(out, error) from None
    except RuntimeError:  # a link that leads to itself, before Python 3.13
        raise _unwritable(out, OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from None
    # For the message of a second run: the lock itself does not say who has it.
    holder = ours / "run.json"
    try:
        try:
            started = datetime.now().astimezone().isoformat(timespec="seconds")
            write_text(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": started}))
            folder = OutputFolder(out.resolve())
        except OSError as error:
            raise _unwritable(out, error) from None
        yield folder
    finally:
        try:
            holder.unlink(missing_ok=True)
        finally:
            stack.close()


def _text(path: Path) -> str:
    """The text of a file; "" if it is none."""
    try:
        return read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _unwritable(out: Path, error: OSError) -> UsageError:
    return UsageError(
        f"The output folder {str(out)!r} cannot be written to ({error.strerror}); choose another with --out."
    )


def unfinished(out: Path) -> reports_json.EarlierRun | None:
    """The run before, if it was killed or interrupted or had failed reports; None if it was complete.

    Needs no lock: it is asked before the run is planned.
    """
    killed = next(iter(_read_notes(out / PRIVATE / NOTES)), None)
    if killed is not None and "as_of" in killed:
        return reports_json.EarlierRun(
            period=str(killed["period"]), source=str(killed["source"]), as_of=reports_json.parse_time(killed["as_of"])
        )
    earlier = reports_json.read(out / reports_json.NAME)
    return None if earlier is None or earlier.complete else earlier


def _read_notes(path: Path) -> list[Mapping[str, Any]]:
    """The lines that a killed run has noted, without one that it was killed in."""
    found: list[Mapping[str, Any]] = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                item = json.loads(line)
                if isinstance(item, dict):
                    found.append(item)
    return found


def _lock_holder(ours: Path) -> str:
    """The run that has the lock, in words."""
    try:
        body = json.loads((ours / "run.json").read_text(encoding="utf-8"))
        return f"another run (process {int(body['pid'])} on {body['host']}, since {body['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
