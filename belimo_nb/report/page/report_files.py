"""From an executed notebook to the files of a report."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import nbformat
from nbformat import NotebookNode

from belimo_nb.display import MIME
from belimo_nb.report.jobs import Job, slugify
from belimo_nb.report.page import page
from belimo_nb.system.files import write_text

__all__ = ["completeness", "key_figures", "masked", "publish", "tidy", "trend"]

MASK = "********"
SHORTEST_SECRET = 8
"""Shorter ones occur in ordinary words and numbers; masking them would garble the report."""


def publish(
    notebook: NotebookNode, job: Job, out: Path, *, made_at: datetime, version: str, failed: bool
) -> dict[str, str]:
    """Write a report's files, each in one step, and remove the tables that an earlier run had and this has not.

    Args:
        notebook: The executed notebook, tidied.
        job: Its job, which names the files.
        out: The output folder.
        made_at: When the run was made, aware.
        version: The version of belimo_nb.
        failed: True if it failed: then its page says so, and there are no tables, which could pass for complete.

    Returns:
        The files' paths relative to `out`: "html", "ipynb" and "csv:<table name>".
    """
    shown = page.export(notebook, title=job.title, slug=job.slug, made_at=made_at, version=version)
    made = {"html": (f"{job.slug}.html", shown), "ipynb": (f"{job.slug}.ipynb", _text(notebook))}
    for name, csv in [] if failed else _tables(notebook):
        made[f"csv:{name}"] = (f"{job.slug}-{name}.csv", csv)
    for name, text in made.values():
        write_text(out / name, text, inside=out)
    files = {kind: name for kind, (name, _) in made.items()}
    # A device's slug ends with its id, so no other report's tables begin with it.
    for old in (out / job.slug).parent.glob(f"{Path(job.slug).name}-*.csv"):
        if old.relative_to(out).as_posix() not in files.values():
            old.unlink(missing_ok=True)
    return files


def tidy(notebook: NotebookNode, *, name: str, secrets: Iterable[str], folder: Path) -> NotebookNode:
    """Take out what must not be published: the machine's paths, and any credential that slipped into an output.

    Args:
        notebook: An executed notebook; it stays as it is.
        name: What to call the notebook that it was made from.
        secrets: The credentials.
        folder: The private folder that it ran in.
    """
    text = _text(notebook)
    for form in _forms(secrets):
        text = text.replace(json.dumps(form, ensure_ascii=False)[1:-1], MASK)
    clean: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    recorded = clean.metadata.get("papermill", {})
    for key in ("output_path", "environment_variables", "default_parameters"):
        recorded.pop(key, None)
    if recorded:
        recorded["input_path"] = f"{name}.ipynb"
    for output in _outputs(clean):
        if output["output_type"] == "error":
            output["traceback"] = [_without_paths(line, folder) for line in output["traceback"]]
        elif output["output_type"] == "stream":
            output["text"] = _without_paths(output["text"], folder)
    return clean


def masked(text: str, secrets: Iterable[str]) -> str:
    """A sentence of an error without the credentials that may have slipped into it."""
    for form in _forms(secrets):
        text = text.replace(form, MASK)
    return text


def _forms(secrets: Iterable[str]) -> list[str]:
    """The ways in which credentials may be written, the longest first."""
    found = {
        form
        for secret in secrets
        if len(secret) >= SHORTEST_SECRET
        for form in (secret, repr(secret)[1:-1], html.escape(secret), quote_plus(secret))
    }
    return sorted(found, key=lambda form: (-len(form), form))


def key_figures(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    """The figures of the notebook's first key-figures object; empty if it shows none."""
    return [figure for data in islice(_shown(notebook, "key-figures"), 1) for figure in data["figures"]]


def trend(notebook: NotebookNode) -> Mapping[str, Any] | None:
    """The course over the period that the first key figures carry (label, unit, values); None if they carry none."""
    return next((data.get("trend") for data in _shown(notebook, "key-figures")), None)


def completeness(notebook: NotebookNode) -> float | None:
    """The share of the data that is known, 0 to 1, from the notebook's header; None if it does not say."""
    return next((data["completeness"] for data in _shown(notebook, "header")), None)


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def _tables(notebook: NotebookNode) -> list[tuple[str, str]]:
    """(name, CSV) of each table that the notebook shows; of equal names, the later ones are numbered."""
    tables: dict[str, str] = {}
    for data in _shown(notebook, "table"):
        stem = name = slugify(str(data["name"])) or "table"
        number = 2
        while name in tables:
            name, number = f"{stem}-{number}", number + 1
        tables[name] = data["csv"]
    return list(tables.items())


def _shown(notebook: NotebookNode, kind: str) -> Iterable[dict[str, Any]]:
    """The JSON of the display objects of one kind, in the notebook's order, as plain dicts.

    What is sent to the process that runs the whole should not make it import nbformat.
    """
    for output in _outputs(notebook):
        data = output.get("data", {}).get(MIME)
        if data is not None and data.get("kind") == kind:
            yield json.loads(json.dumps(data))


def _outputs(notebook: NotebookNode) -> Sequence[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _without_paths(text: str, folder: Path) -> str:
    """The text of an error or a warning with this machine's folders left out."""
    package = Path(__file__).resolve().parents[3]
    home = Path("~").expanduser() if "HOME" in os.environ else package
    for place in sorted({folder, package, Path(sys.prefix), Path(sys.base_prefix), home}, key=lambda p: -len(str(p))):
        if place != Path(place.anchor):
            text = re.sub(re.escape(str(place)) + r"[\\/]?", "", text)
    return text
