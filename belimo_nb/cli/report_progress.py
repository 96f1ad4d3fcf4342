"""Progress and outcome of `belimo-nb report`, on the terminal and in the log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from belimo_nb.errors import printable
from belimo_nb.quantities import plural

if TYPE_CHECKING:
    from belimo_nb.cli.log import RunLog
    from belimo_nb.report.jobs import Result
    from belimo_nb.report.output.upload import Upload
    from belimo_nb.report.run import Outcome


class Progress:
    """A progress bar on a terminal; elsewhere only failures are printed, as they come."""

    def __init__(self, total: int, log: RunLog) -> None:
        from belimo_nb.system.progress import bar

        self._log = log
        self._bar: Any = bar(total, "report", "Making reports", shown=not log.quiet)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, result: Result) -> None:
        """Count a report that was made, kept, or has failed, and log it."""
        job = result.job
        if result.status != "ok":
            self._bar.write(printable(f"Failed: {job.title}: {result.error}"), file=sys.stderr)
            self._log.log("failed", f"{job.slug} in {result.seconds:.1f} s, {job.title}: {result.error}")
        elif result.kept:
            self._log.log("kept", f"{job.slug} as made at {result.made_at:%Y-%m-%dT%H:%M:%S%z}, {job.title}")
        else:
            self._log.log("made", f"{job.slug} in {result.seconds:.1f} s, {job.title}")
        self._bar.update()

    def retry(self, result: Result) -> None:
        """Print and log that a report is tried once more."""
        self._bar.write(printable(f"Trying again: {result.job.title}: {result.error}"), file=sys.stderr)
        self._log.log("again", f"{result.job.slug}, {result.job.title}: {result.error}")


def print_outcome(outcome: Outcome, what: str, log: RunLog, upload: Upload | None) -> None:
    """Print what was made of `what`, a source and a period. The last line is the index, for scripts to read."""
    total, failed, kept = len(outcome.results), len(outcome.failed), len(outcome.kept)
    made = total - failed - kept
    every, took = plural(total, "report"), f"in {outcome.seconds:.0f} s ({what})"
    said = f"{every} made {took}" if made == total else f"{made} of {every} made {took}"
    if kept:
        said = f"{every}: {made} made, {kept} kept from an earlier run, {took}"
    if failed:
        said = f"{said}; {failed} not finished or failed" if outcome.stopped else f"{said}; {failed} failed"
    log.summary = f"{made} made, {kept} kept, {failed} failed in {outcome.seconds:.0f} s"
    log.say(f"Interrupted: {said}." if outcome.stopped else f"{said}.")
    if upload is not None and outcome.stopped:
        log.note(f"Nothing was uploaded to {upload.url}; run the same again with --resume.")
    log.say(str(outcome.index) if upload is None or outcome.stopped else upload.index)
