"""Filling the store from the command line: the progress bar, and what is told at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from belimo_nb.cli.shared import printable

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud
    from belimo_nb.store.sync import Outcome, Plan

__all__ = ["fill", "remarks", "tell_failures"]


def fill(cloud: Cloud, planned: Plan, *, refresh: bool = False, quiet: bool = False) -> Outcome:
    """Do what is planned, with a progress bar on a terminal unless `quiet`."""
    from belimo_nb.store.sync import run
    from belimo_nb.system.progress import bar

    progress = bar(planned.requests, "request", "Fetching history", shown=not quiet)
    devices, points = 0, 0

    def on_answer(values: int) -> None:
        nonlocal points
        points += values
        progress.update()

    def on_device(_: str, __: str | None) -> None:
        nonlocal devices
        devices += 1
        progress.set_postfix_str(f"{devices} of {len(planned.open)} devices, {points:,} values")

    with progress:
        return run(cloud.archive, planned, cloud.stamp, refresh=refresh, on_answer=on_answer, on_device=on_device)


def tell_failures(outcome: Outcome) -> None:
    """Say on standard error what is not as it should be."""
    for name, reason in outcome.failures.items():
        click.echo(printable(f"Failed: {name}: {reason}"), err=True)
    for remark in remarks(outcome):
        click.echo(printable(remark), err=True)


def remarks(outcome: Outcome) -> list[str]:
    """What a sync has noticed, beside failures: a sentence each."""
    found = [
        f"Warning: The cloud's history of {name} lacks {', '.join(datapoints)}."
        for name, datapoints in outcome.lacking.items()
    ]
    if outcome.changed:
        were = "value that was settled has" if outcome.changed == 1 else "values that were settled have"
        found.append(f"Note: {outcome.changed:,} {were} changed in the cloud; the new ones are kept.")
    return found
