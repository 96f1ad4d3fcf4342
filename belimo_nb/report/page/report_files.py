"""Write the files of a report from its executed notebook."""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from belimo_nb.display import MIME
from belimo_nb.report.jobs import Job, slugify
from belimo_nb.report.page import page
from belimo_nb.report.page.tables import semicolons, workbook
from belimo_nb.settings.secret import MASK, spellings
from belimo_nb.system.files import write_text

COMPRESSED, PLAIN = "compressed", "plain"  # how executed notebooks are kept


def write_report(
    notebook: NotebookNode,
    job: Job,
    out: Path,
    *,
    made_at: datetime,
    version: str,
    failed: bool,
    notebooks: str = PLAIN,
    tables: str = "csv",
) -> dict[str, str]:
    """Write a report's files, each in one step, and remove the tables that an earlier run had and this has not.

    Args:
        notebook: The executed notebook, tidied.
        job: Its job, which names the files.
        out: The output folder.
        made_at: When the run was made, aware.
        version: The version of belimo_nb.
        failed: True if it failed; then no tables are written, since they could pass for complete.
        notebooks: How the executed notebook is kept.
        tables: How its tables are written, "csv", "csv-semicolon" or "xlsx".

    Returns:
        The files' paths relative to `out`: "html", "ipynb", and "csv:<table name>" or "xlsx".
    """
    shown = page.export(notebook, title=job.title, made_at=made_at, version=version)
    made: dict[str, tuple[str, str | bytes]] = {"html": (f"{job.slug}.html", shown)}
    if notebooks == COMPRESSED:  # of the time that the run began: the same notebook is the same file
        packed = gzip.compress(_text(notebook).encode(), mtime=int(made_at.timestamp()))
        made["ipynb"] = (f"{job.slug}.ipynb.gz", packed)
    elif notebooks == PLAIN:
        made["ipynb"] = (f"{job.slug}.ipynb", _text(notebook))
    found = {} if failed else _tables(notebook)
    if tables == "xlsx" and found:
        made["xlsx"] = (f"{job.slug}.xlsx", workbook(found, job.title, made_at))
    elif tables != "xlsx":
        for name, table in found.items():
            text = semicolons(table) if tables == "csv-semicolon" else table["csv"]
            made[f"csv:{name}"] = (f"{job.slug}-{name}.csv", text)
    for name, content in made.values():
        write_text(out / name, content, inside=out)
    files = {kind: name for kind, (name, _) in made.items()}
    # Tables that this run has not made go, but not those of another report whose name begins alike.
    folder, stem = (out / job.slug).parent, Path(job.slug).name
    others = [f"{page.stem}-" for page in folder.glob(f"{stem}-*.html")]
    for old in [*folder.glob(f"{stem}-*.csv"), *folder.glob(f"{stem}.xlsx")]:
        if old.relative_to(out).as_posix() not in files.values() and not old.name.startswith(tuple(others)):
            old.unlink(missing_ok=True)
    return files


def remove_private(notebook: NotebookNode, *, name: str, secrets: Iterable[str], folder: Path) -> NotebookNode:
    """Remove what must not be published: this machine's paths, and credentials that slipped into an output.

    Args:
        notebook: An executed notebook; it is not changed.
        name: The name of the notebook that it was made from.
        secrets: The credentials.
        folder: The private folder that it ran in.
    """
    text = _text(notebook)
    # In the notebook's JSON text: whatever field of whatever output a credential has slipped into, it is found.
    for form in spellings(secrets):
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


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """An error's sentence with credentials masked."""
    for form in spellings(secrets):
        text = text.replace(form, MASK)
    return text


def key_figures(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    """The figures of the notebook's first key-figures object; empty if it shows none."""
    return [figure for data in islice(_display_data(notebook, "key-figures"), 1) for figure in data["figures"]]


def beside_figures(notebook: NotebookNode, name: str) -> Mapping[str, Any] | None:
    """The "trend" (label, unit, values), "condition" or "record" of the first key figures; None if they have none."""
    return next((data.get(name) for data in _display_data(notebook, "key-figures")), None)


def completeness(notebook: NotebookNode) -> float | None:
    """The share of the data that is known, 0 to 1, from the notebook's header; None if it does not say."""
    return next((data["completeness"] for data in _display_data(notebook, "header")), None)


def _text(notebook: NotebookNode) -> str:
    return str(nbformat.writes(notebook))  # type: ignore[no-untyped-call]


def _tables(notebook: NotebookNode) -> dict[str, dict[str, Any]]:
    """The tables that the notebook shows, by name; of equal names, the later ones are numbered."""
    tables: dict[str, dict[str, Any]] = {}
    for data in _display_data(notebook, "table"):
        stem = name = slugify(str(data["name"])) or "table"
        number = 2
        while name in tables:
            name, number = f"{stem}-{number}", number + 1
        tables[name] = data
    return tables


def _display_data(notebook: NotebookNode, kind: str) -> Iterable[dict[str, Any]]:
    """The data of the display objects of one kind, in the notebook's order.

    Plain dicts, since they are pickled for the caller, which a NotebookNode would make import nbformat.
    """
    for output in _outputs(notebook):
        data = output.get("data", {}).get(MIME)
        if data is not None and data.get("kind") == kind:
            yield json.loads(json.dumps(data))


def _outputs(notebook: NotebookNode) -> Sequence[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def _without_paths(text: str, folder: Path) -> str:
    """The text of an error or a warning without this machine's folders."""
    package = Path(__file__).resolve().parents[3]
    home = Path("~").expanduser() if "HOME" in os.environ else package
    # The longest first: the home folder may contain the others.
    for place in sorted({folder, package, Path(sys.prefix), Path(sys.base_prefix), home}, key=lambda p: -len(str(p))):
        if place != Path(place.anchor):
            text = re.sub(re.escape(str(place)) + r"[\\/]?", "", text)
    return text
