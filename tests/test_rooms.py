"""The folders of the package, in their order, what may import what, and how long a module may be."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import belimo_nb

PACKAGE = Path(belimo_nb.__file__).parent
MOST_LINES = 400

ORDER = (
    *("errors", "quantities", "_version"),
    *("calendar", "energy", "heating", "hydronics", "api"),
    *("display", "plots", "system", "settings", "client", "store", "weather"),
    *("cloud", "files", "summary", "explorer"),
    ".",  # the package itself, `import belimo_nb as bn`
    *("report", "cli", "__main__"),
)
"""The folders and the loose modules, from the ground up: each imports from those before it, types included.

Data flow the same way, but for one turn: a device answers `valve.energy(...)`, so `energy` stands before `cloud`.
"""
PURE = ("errors", "quantities", "_version", "calendar", "energy", "heating", "hydronics", "api")
"""They take and give numbers, text and frames, and know no network, disk or clock."""

PURE_IMPORTS = (
    *("numpy", "pandas"),
    *(
        "__future__",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "difflib",
        "functools",
        "itertools",
        "marshal",
        "math",
        "re",
    ),
    "unicodedata",
    *("statistics", "types", "typing", "warnings"),
)
IMPURE_CALLS = re.compile(r"open|print|input|now|utcnow|today|read_\w+|to_(csv|parquet|excel|pickle|hdf|sql|feather)")

DOORS = {
    ("settings", "demo"): "who has set no credentials is led to the demo cloud, as to any other, by its address",
    ("cli.demo", "demo"): "`belimo-nb demo` runs it",
}
"""The demo cloud stands outside, behind HTTP. Nobody knows of it but these, and it knows nobody."""


@dataclass(frozen=True)
class Import:
    """One name that a module wants.

    Attributes:
        target: The module, below the package ("" for the package itself), or another package by its whole name.
        ours: Whether it is a module of this package.
        when: "start" (when the module is imported), "later" (inside a function, or by a name in a text), or "types"
            (for type checkers alone).
        line: Where.
    """

    target: str
    ours: bool
    when: str
    line: int


def modules():
    """The modules of the package: dotted name below it ("" for the package itself) to file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def own(name):
    """The module of ours that a dotted name stands for, without the package's name; None if it is none of ours."""
    head, _, rest = name.partition(".")
    if head != "belimo_nb":
        return None
    while rest and rest not in MODULES:
        rest = rest.rpartition(".")[0]
    return rest


def imports(text) -> Iterator[Import]:
    """All imports in the text of a module, those in functions and those by a module's name in a text included."""

    def walk(node, when):
        for child in ast.iter_child_nodes(node):
            names = []
            if isinstance(child, ast.Import):
                names = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, "a relative import: write the whole name"
                names = [f"{child.module}.{alias.name}" for alias in child.names]
            elif isinstance(child, ast.Constant) and isinstance(child.value, str) and when != "docstring":
                # import_module("belimo_nb.x"), "belimo_nb.x:function", code for another process
                for name in re.findall(r"\bbelimo_nb\.[\w.]+", child.value):
                    yield Import(own(name), True, "later", child.lineno)
            for name in names:
                ours = own(name)
                yield Import(name if ours is None else ours, ours is not None, when, child.lineno)
            inside = when
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inside = "later"
            elif isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                inside = "docstring"
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                for part in child.body:
                    yield from walk(ast.Module([part], []), "types")
                for part in child.orelse:
                    yield from walk(ast.Module([part], []), when)
            else:
                yield from walk(child, inside)

    yield from walk(ast.parse(text), "start")


def room_of(module):
    """The folder of one of our modules, or the loose module itself."""
    return module.partition(".")[0] or "."


def violations(module, text):
    """What the text of a module imports against the rules, a sentence each."""
    room = room_of(module)
    for one in imports(text):
        there = room_of(one.target) if one.ours else None
        told = f"{module or 'belimo_nb'}, line {one.line}: "
        if one.ours and there == "demo" and room != "demo":
            if (module, one.target) not in DOORS:
                yield told + f"only {' and '.join(door for door, _ in DOORS)} may know of the demo cloud"
        elif one.ours and room == "demo":
            if there != "demo":
                yield told + f"the demo cloud stands outside and may not know {one.target or 'belimo_nb'}"
        elif one.ours and ORDER.index(there) > ORDER.index(room):
            yield told + f"{room} comes before {there} and may not import {one.target or 'belimo_nb'}"
        elif not one.ours and room in PURE and one.target.partition(".")[0] not in PURE_IMPORTS:
            yield told + f"{room} is pure and may not import {one.target}"
    for node in ast.walk(ast.parse(text)) if room in PURE else ():
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if IMPURE_CALLS.fullmatch(called):
                yield f"{module}, line {node.lineno}: {room} is pure and may not call {called}()"


def test_every_module_has_a_place():
    """Every folder and loose module stands in the order, once, and nothing else does."""
    assert len(set(ORDER)) == len(ORDER)
    assert {room_of(module) for module in MODULES} == {*ORDER, "demo"}


def test_the_map_is_small():
    """Who lists the package sees five loose modules and 19 folders, each of which says what lives there."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == {"__init__", "__main__", "_version", "errors", "quantities"}
    folders = [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]
    assert len([folder for folder in folders if folder.parent == PACKAGE]) == 19
    assert all(ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) for folder in folders)


def test_rooms():
    """Modules import from their room and those before; pure ones keep pure, and the demo cloud stays outside."""
    found = [told for module, path in MODULES.items() for told in violations(module, path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("door", DOORS)
def test_doors(door):
    """Each exception is needed."""
    text = MODULES[door[0]].read_text(encoding="utf-8")
    assert door[1] in {one.target for one in imports(text) if one.ours}


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("energy.readings", "import requests", "energy is pure and may not import requests"),
        ("heating.load", "from pathlib import Path", "heating is pure and may not import pathlib.Path"),
        (
            "hydronics.hunting",
            "def f():\n    import time",
            "line 2: hydronics is pure and may not import time",
        ),
        ("hydronics.hunting", "from datetime import datetime\ndatetime.now()", "pure and may not call now()"),
        ("energy.readings", "pd.read_csv(path)", "pure and may not call read_csv()"),
        ("energy.readings", "from belimo_nb import cloud", "energy comes before cloud"),
        ("energy.readings", "from belimo_nb.client.http import secure", "energy comes before client"),
        ("energy.readings", "import belimo_nb", "energy comes before ."),
        (
            "client.transport",
            "class A:\n    def f(self):\n        from belimo_nb.cloud.cloud import Cloud",
            "may not import cloud",
        ),
        ("cloud.cloud", "import_module('belimo_nb.report.run')", "cloud comes before report"),
        ("cloud", "PREPARE = 'belimo_nb.cli.shared:stoppable'", "may not import cli.shared"),
        (
            "cloud",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from belimo_nb.report import run",
            "report",
        ),
        ("report.run", "from belimo_nb.cli.log import Teller", "report comes before cli"),
        ("plots.style", "from belimo_nb.explorer import explore", "plots comes before explorer"),
        ("cloud", "from belimo_nb.demo import DemoCloud", "may know of the demo cloud"),
        ("settings", "from belimo_nb.demo.cloud import DemoCloud", "may know of the demo cloud"),
        ("demo.api", "from belimo_nb.errors import UsageError", "may not know errors"),
    ],
)
def test_violations_are_told(module, text, told):
    """A module that broke the rules would be told, once, with its line."""
    (found,) = violations(module, text)
    assert told in found
    assert found.startswith(f"{module}, line {len(text.splitlines())}")


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("report.jobs", "if TYPE_CHECKING:\n    from belimo_nb.cloud.cloud import Cloud"),
        ("cloud", '"""See `belimo_nb.report.run`."""'),
        ("cli.report", "from belimo_nb.report.run import run"),
        ("summary.parts", "import os\nfrom belimo_nb import plots, display"),
        ("demo.api", "import time\nfrom belimo_nb.demo.server.query import Query"),
    ],
)
def test_what_is_allowed(module, text):
    """Docstrings, what lies below, and impure things outside the pure rooms."""
    assert list(violations(module, text)) == []


def loaded(module):
    """What a module of ours imports of ours when it is imported itself: packages run whole, but not its own."""
    for one in imports(MODULES[module].read_text(encoding="utf-8")):
        if one.ours and one.when == "start":
            parts = one.target.split(".")
            for length in range(1, len(parts) + 1):
                name = ".".join(parts[:length])
                if name != module and not f"{module}.".startswith(f"{name}."):
                    yield name


def cycle(edges):
    """A cycle in a mapping of names to names, as a list that ends where it begins; empty if there is none."""
    done = set()

    def visit(name, path):
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in done:
            for following in edges.get(name, ()):
                if found := visit(following, [*path, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in edges if (found := visit(name, []))), [])


def test_no_cycles():
    """No module needs itself to be imported."""
    assert cycle({"a": ["b", "c"], "b": ["c"], "c": ["d"]}) == []
    assert cycle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert cycle({module: list(loaded(module)) for module in MODULES}) == []


def test_modules_are_short():
    """No module has more than 400 lines."""
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}
