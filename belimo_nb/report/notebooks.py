"""The paths of the notebooks: in the checkout, or inside an installed wheel."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from belimo_nb.errors import BelimoError, UsageError

NOTEBOOKS = ("overview", "device", "heating_energy", "cooling_energy")
PACKAGE = Path(__file__).resolve().parents[1]


def notebook(name: str) -> Path:
    """The path of one of the notebooks in `NOTEBOOKS`.

    Raises:
        UsageError: There is no notebook of this name.
        BelimoError: The installation lacks its notebooks.
    """
    if name not in NOTEBOOKS:
        raise UsageError(f"There is no notebook {name!r}; the notebooks are {', '.join(NOTEBOOKS)}.")
    return _first_existing(PACKAGE / "_notebooks" / f"{name}.ipynb", PACKAGE.parent / "notebooks" / f"{name}.ipynb")


def env_example() -> Path:
    """The path of the settings template.

    Raises:
        BelimoError: The installation lacks it.
    """
    return _first_existing(PACKAGE / "_notebooks" / "env.example", PACKAGE.parent / ".env.example")


def parameters(path: Path) -> tuple[str, ...]:
    """The names assigned in a notebook's cell tagged ``parameters``, in order; empty if it has no such cell."""
    # Read here, not with papermill's inspection: importing papermill costs the command line more than a second.
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "parameters" in cell["metadata"].get("tags", ()):
            return _assigned("".join(cell["source"]))
    return ()


def _assigned(source: str) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for statement in ast.parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names.update((target.id, None) for target in targets if isinstance(target, ast.Name))
    return tuple(names)


def _first_existing(*places: Path) -> Path:
    for place in places:
        if place.is_file():
            return place
    raise BelimoError(f"This installation lacks {places[0].name}; install belimo-nb again.")
