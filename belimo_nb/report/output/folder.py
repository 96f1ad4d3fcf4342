"""The output folder: one run at a time, a folder for each period, published when the run is whole."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from belimo_nb.calendar.periods import Period
from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.hydronics.worth import Prices
from belimo_nb.report.jobs import Result
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.exchange import put_in_place, recover
from belimo_nb.report.output.reports_json import NAME, Run, RunFacts
from belimo_nb.report.page import index
from belimo_nb.report.page.links import link_pages
from belimo_nb.report.page.tables import can_write_workbooks, workbook
from belimo_nb.report.work_list import as_table, work_list
from belimo_nb.system.files import check_inside, read_bytes, write_text
from belimo_nb.system.locks import UNKNOWN, LockedByOtherError, NoLocksError, locked

PRIVATE, NOTES, INDEX = ".belimo-nb", "results.jsonl", "index.html"
WORK_LIST = "work-list"
WORK_LISTS = (f"{WORK_LIST}.csv", f"{WORK_LIST}.xlsx")
NO_PRICES = Prices()
UNLINKED_PATHS = (PRIVATE, f"{PRIVATE}/next", f"{PRIVATE}/lock", INDEX, NAME)
"""Paths that a run writes to or through. None may be a link: it could make us overwrite or delete files elsewhere."""
GENERATOR = '<meta name="generator" content="belimo-nb '
LOCK_TIMEOUT = 2.0
"""Seconds to wait for the lock: the children of a killed run end a moment after it, and may hold it until then."""


class OutputFolder:
    """A folder that only this process writes to; made by `claim`.

    Reports are written to `staging`, below the folder and so on the same disk, and appear all at once with `publish`,
    in the folder of their period. Until then, and after a crash, readers have the runs before.

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
        recover(path, self.private)
        self._runs = runs(path)
        self.check_free()
        if self._runs:  # killed after a run was put in its place and before the index told so: that is made up for
            self._show()
        basis, _ = _read_notes(self._notes)
        if basis in map(_noted, self._runs.values()):
            self._clear()

    def check_free(self, folder: str = "", names: Iterable[str] = ()) -> None:
        """Refuse to write over a file that no run of ours has made.

        Args:
            folder: That of a period; "" for the output folder itself.
            names: The files to be written there beside those that every run has.

        Raises:
            UsageError: There is one in the place of one of these, or of a folder of theirs.
        """
        place = self.path / folder
        made = reports_json.files_made(_text(place / NAME))
        suffered = not made and GENERATOR in _text(place / INDEX)  # what names the files of a run of ours
        for name in (INDEX, NAME, *WORK_LISTS * bool(folder), *names):
            path = place / name
            way = [it for it in path.parents if self.path in it.parents and os.path.lexists(it) and not it.is_dir()]
            way += [it for it in path.parents if place in it.parents and it.is_symlink()]
            ours = not os.path.lexists(path) or suffered or name in made or GENERATOR in _text(path)
            if way or not ours:
                taken = [*way, path][0].relative_to(self.path).as_posix()
                raise UsageError(
                    f"The output folder {str(self.path)!r} holds {taken!r}, which no run of belimo-nb has made; move "
                    "it elsewhere, or choose another folder with --out."
                )

    def begin(self, facts: RunFacts, *, resume: bool = False) -> dict[str, Result]:
        """Prepare the staging folder for a run.

        Args:
            facts: What the run is about.
            resume: Keep the reports that a run on the same basis had made before it was interrupted or killed, or
                others of its reports failed.

        Returns:
            The results of these reports by slug; empty without `resume`.

        Raises:
            UsageError: The folder of the period leads elsewhere.
        """
        place = self.path / facts.period.name
        try:
            check_inside(place, self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        basis, noted = _read_notes(self._notes)
        same = resume and basis[:-1] == facts.basis
        found = [it for it in noted if same and all((self.staging / name).is_file() for name in it.files.values())]
        if not found:
            shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)
        lines = [_noted(facts), *map(reports_json.entry, found)]
        write_text(self._notes, "".join(json.dumps(line) + "\n" for line in lines))
        run = reports_json.read(place / NAME)
        if resume and run is not None and not run.complete and run.facts.basis == facts.basis:
            found = [it for it in run.results if all((place / name).is_file() for name in it.files.values())] + found
        # What was carried on from a run before is of another list of devices, if that is older than what it shows.
        return {
            it.job.slug: replace(it, kept=True)
            for it in found
            if it.status == "ok" and it.made_at and (facts.as_of is None or it.made_at >= facts.as_of)
        }

    def note(self, result: Result) -> None:
        """Append a finished report to the notes, which a later run reads if this one is killed."""
        # A full disk costs only the chance to resume: the report itself was written before.
        with contextlib.suppress(OSError), self._notes.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(reports_json.entry(result)) + "\n")

    def publish(
        self,
        facts: RunFacts,
        results: Sequence[Result],
        prices: Prices = NO_PRICES,
        *,
        keep: int | None = None,
        year: bool = False,
    ) -> Run:
        """Put the run into the folder of its period in one step, and tell of it in the index on top.

        Args:
            facts: What the run was about.
            results: What it has made.
            prices: What energy costs, for the work list.
            keep: Keep only so many of the newest runs.
            year: Compare with the run over the same days a year before instead of the last one before.

        Returns:
            The run, compared.

        Raises:
            BelimoError: The disk is full, or another program holds a file open; the run before is still there.
            UsageError: A file of another's is in the place of one of ours.
        """
        place = self.path / facts.period.name
        # What lies beside a page of ours is ours, too, if no run tells of it any more.
        known = {it.job.slug for it in results if GENERATOR in _text(place / f"{it.job.slug}.html")}
        pairs = [(it.job.slug in known, name) for it in results for name in it.files.values()]
        self.check_free(place.name, [name for ours, name in pairs if not ours or name.endswith(".html")])
        try:
            before = reports_json.read(place / NAME)
            run = Run.of(facts, _joined(facts, results, before))
            ago = self._before(facts, year=True)
            run = run.compared(ago if year else self._before(facts), ago)
            run = replace(run, work=work_list(run.devices, prices))
            self._carry(place, run, before)
            link_pages(self.staging, run.results, place.name)
            as_workbook = self._write_work_list(run)
            write_text(self.staging / INDEX, index.page(run, workbook=as_workbook))
            write_text(self.staging / NAME, reports_json.document(run))
            if before is not None and self._runs:  # no figure of the old run beside links to the new one, at no moment
                self._show(figures=False)
            put_in_place(self.staging, place, self.private)
            self._clear()
            self._runs = _newest_first({**self._runs, place.name: run.facts})
            gone = [name for name in list(self._runs)[keep:] if not (self.path / name).is_symlink()] if keep else []
            for name in gone:
                del self._runs[name]
            self._show()
            for name in gone:
                _remove(self.path / name)
        except OSError as error:
            raise BelimoError(
                f"The reports cannot be put into {self.path} ({error.strerror}), where the runs before still are; "
                "make room there, and run the same again with --resume."
            ) from None
        return run

    def _write_work_list(self, run: Run) -> bool:
        """Write the work list beside the index, as CSV and, if that can be written, as a workbook: whether it was."""
        listed = as_table(run.work)
        write_text(self.staging / f"{WORK_LIST}.csv", listed.csv())
        if as_workbook := can_write_workbooks():
            made = workbook({WORK_LIST: listed.data()}, "Work list", run.facts.made_at)
            write_text(self.staging / f"{WORK_LIST}.xlsx", made)
        return as_workbook

    def _before(self, facts: RunFacts, *, year: bool = False) -> Run | None:
        """The run to compare with: the last one before of about the same length, or that of a year before."""
        wanted, span = facts.period.year_before.name, facts.period.end - facts.period.start
        found = {
            name: one.period
            for name, one in self._runs.items()
            if one.source == facts.source
            # By their calendars: November is not before November of a zone further west.
            and one.period.end.tz_localize(None) < facts.period.end.tz_localize(None)
            and (one.whole or not facts.whole)
            and (name == wanted if year else 0.8 < (one.period.end - one.period.start) / span < 1.25)
        }
        last = max(found, key=lambda name: found[name].end, default="")
        return reports_json.read(self.path / last / NAME) if last else None

    def _carry(self, place: Path, run: Run, before: Run | None) -> None:
        """Take along what the folder of the period holds and the new run has not made: addresses do not vanish.

        Only tables that a report does not have any more go.
        """
        anew = {it.job.slug for it in run.results if not it.kept}
        old = [it for it in before.results if it.job.slug in anew] if before is not None else []
        dropped = {INDEX, NAME, *WORK_LISTS, *(name for it in old for name in it.files.values())}
        for path in place.rglob("*") if place.exists() else ():
            name = path.relative_to(place).as_posix()
            target = self.staging / name
            if (path.is_symlink() or not path.is_dir()) and not target.exists() and name not in dropped:
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(path, target)

    def _show(self, *, figures: bool = True) -> None:
        """Write the index on top, and `reports.json`: the newest run, and all that there are."""
        newest = next(iter(self._runs))
        run = (reports_json.read(self.path / newest / NAME) or Run(self._runs[newest])).below(newest)
        as_workbook = (self.path / newest / f"{WORK_LIST}.xlsx").is_file()
        page = index.page(run, self._runs, figures=figures, workbook=as_workbook)
        write_text(self.path / INDEX, page, durable=True)
        if figures:
            write_text(self.path / NAME, reports_json.document(run, self._runs), durable=True)

    def _clear(self) -> None:
        self._notes.unlink(missing_ok=True)
        shutil.rmtree(self.staging, ignore_errors=True)


def runs(out: Path) -> dict[str, RunFacts]:
    """The runs in an output folder by the names of their folders, the newest first."""
    found = {path.parent.name: reports_json.read(path) for path in out.glob(f"[!.]*/{NAME}")}
    there = {name: run.facts for name, run in found.items() if run is not None and (out / name / INDEX).is_file()}
    return _newest_first(there)


def _newest_first(found: Mapping[str, RunFacts]) -> dict[str, RunFacts]:
    return dict(sorted(found.items(), key=lambda item: item[1].made_at, reverse=True))


def unfinished_as_of(out: Path, period: Period, source: str) -> datetime | None:
    """When the list of devices of an unfinished run over a period was fetched; None if it is not known, or none is."""
    basis, _ = _read_notes(out / PRIVATE / NOTES)
    if basis[:2] == [period.name, source]:
        return reports_json.parse_time(basis[4])
    run = reports_json.read(out / period.name / NAME)
    return run.facts.as_of if run is not None and not run.complete and run.facts.source == source else None


def _joined(facts: RunFacts, results: Sequence[Result], before: Run | None) -> list[Result]:
    """The results of a run, and those of the run before over the same period that it has not made again."""
    found = {result.job.slug: result for result in results}
    notebooks = {result.job.notebook for result in results} if facts.whole else set()
    for old in before.results if before is not None and before.facts.source == facts.source else ():
        new = found.get(old.job.slug)
        if new is None and old.status == "ok" and old.job.notebook not in notebooks:
            found[old.job.slug] = replace(old, kept=True)
        elif new is not None and "html" not in new.files and "html" in old.files:
            found[old.job.slug] = replace(new, files=old.files, made_at=old.made_at, kept=True)
    return list(found.values())


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the disk cannot do that."""
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, target, follow_symlinks=False)


def _remove(place: Path) -> None:
    """Delete a run, but nothing else in its folder; who is killed meanwhile leaves what names the rest."""
    run = reports_json.read(place / NAME)
    names = {name for result in (run.results if run else ()) for name in result.files.values()}
    for path in [place / INDEX, *(place / name for name in sorted({*names, *WORK_LISTS})), place / NAME]:
        check_inside(path, place)
        if path != place / INDEX or GENERATOR in _text(path):
            path.unlink(missing_ok=True)
    for folder in sorted((path for path in place.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):  # there are other files in it
            folder.rmdir()
    with contextlib.suppress(OSError):
        place.rmdir()


@contextlib.contextmanager
def claim(out: Path) -> Iterator[OutputFolder]:
    """Lock an output folder for this process, and create it if need be.

    The lock is the system's, so it ends with the process, however that ends: no stale lock blocks the next run.

    Raises:
        UsageError: The folder cannot be made, written to or locked, or another run has it.
    """
    with contextlib.ExitStack() as stack:
        try:
            ours = out.resolve() / PRIVATE
            for name in UNLINKED_PATHS:
                check_inside(out.resolve() / name, out)
            ours.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(ours / "lock", LOCK_TIMEOUT))
            folder = OutputFolder(out.resolve())
        except LockedByOtherError as other:
            holder = "another run" if str(other) == UNKNOWN else f"another run ({other})"
            raise UsageError(
                f"The output folder {str(out)!r} is in use by {holder}; wait until it is done, or choose another with "
                "--out."
            ) from None
        except NoLocksError as error:
            raise UsageError(
                f"The output folder {str(out)!r} cannot be locked ({error}); choose another with --out."
            ) from None
        except OSError as error:
            raise _unwritable(out, error) from None
        except RuntimeError:  # a link that leads to itself, before Python 3.13
            raise _unwritable(out, OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from None
        yield folder


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


def _noted(facts: RunFacts) -> list[Any]:
    """The first line of the notes: on what basis the run is, and which one it is."""
    return [*facts.basis, facts.made_at.isoformat()]


def _read_notes(path: Path) -> tuple[list[Any], list[Result]]:
    """The basis and the results that a killed run has noted, without a line that it was killed in."""
    lines: list[Any] = []
    with contextlib.suppress(OSError):
        for text in read_bytes(path).decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(text))
    if not lines or not isinstance(lines[0], list):
        return [], []
    found = []
    for line in lines[1:]:
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            found.append(reports_json.result_of(line))
    return lines[0], found
