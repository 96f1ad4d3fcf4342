"""What `belimo-nb report` says of its reports: while they are made, and at the end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from belimo_nb.cli.shared import printable

if TYPE_CHECKING:
    from belimo_nb.cli.log import Teller
    from belimo_nb.report.jobs import Result
    from belimo_nb.report.output.upload import Upload
    from belimo_nb.report.run import Outcome

__all__ = ["Progress", "tell_outcome"]


class Progress:
    """A progress bar on a terminal; elsewhere only failures are told, as they come."""

    def __init__(self, total: int, teller: Teller) -> None:
        from belimo_nb.system.progress import bar

        self._teller = teller
        self._bar: Any = bar(total, "report", "Making reports", shown=not teller.quiet)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, result: Result) -> None:
        """Tell of a report that is made, was kept, or has failed."""
        job = result.job
        if result.status != "ok":
            self._bar.write(printable(f"Failed: {job.title}: {result.error}"), file=sys.stderr)
            self._teller.log("failed", f"{job.slug} in {result.seconds:.1f} s, {job.title}: {result.error}")
        elif result.kept:
            self._teller.log("kept", f"{job.slug} as made at {result.made_at:%Y-%m-%dT%H:%M:%S%z}, {job.title}")
        else:
            self._teller.log("made", f"{job.slug} in {result.seconds:.1f} s, {job.title}")
        self._bar.update()

    def retry(self, result: Result) -> None:
        """Tell of a report that is tried once more."""
        self._bar.write(printable(f"Trying again: {result.job.title}: {result.error}"), file=sys.stderr)
        self._teller.log("again", f"{result.job.slug}, {result.job.title}: {result.error}")


def tell_outcome(outcome: Outcome, what: str, teller: Teller, upload: Upload | None) -> None:
    """Say at the end what was made, and where; `what` is the source and the period. The last line is the index."""
    total, failed, kept = len(outcome.results), len(outcome.failed), len(outcome.kept)
    made = total - failed - kept
    every = f"{total} report{'s' * (total != 1)}"
    count = f"{every} made" if made == total else f"{made} of {total} reports made"
    if kept:
        count = f"{every}: {made} made, {kept} kept from an earlier run,"
    ending = f"; {failed} {'not finished or ' * outcome.stopped}failed" if failed else ""
    teller.summary = f"{made} made, {kept} kept, {failed} failed in {outcome.seconds:.0f} s"
    teller.say(f"{'Interrupted: ' * outcome.stopped}{count} in {outcome.seconds:.0f} s ({what}){ending}.")
    if upload is not None and outcome.stopped:
        teller.note(f"Nothing was uploaded to {upload.url}; run the same again with --resume.")
    teller.say(str(outcome.index) if upload is None or outcome.stopped else upload.index)
