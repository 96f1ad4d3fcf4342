"""The rooms of the package, what may import what, and how long a module may be: `ROOMS` is the map for newcomers."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import belimo_nb

PACKAGE = Path(belimo_nb.__file__).parent
REPOSITORY = PACKAGE.parent
DECISION = REPOSITORY / "docs" / "decisions" / "0013-long-modules.md"
MOST_LINES = 250

# From the ground up: a module imports from its own room and from the rooms before it, never from a later one. Data
# flows the same way, but for one turn: a device answers `valve.energy(...)`, so the pure rooms stand before the cloud.
ROOMS = {
    "words": "errors quantities _version",  # what goes wrong, what is measured
    "calendar": "timestamps moments periods intervals baseline",  # time: local days, months, clock changes
    "energy": "energy",  # counters become kWh
    "heating": "heating",  # degree days, energy signatures, load
    "hydronics": "hydronics",  # the checks of a valve
    "answers": "paging profile history records lookup troubles counter measured",  # the API's JSON becomes frames
    "display": "display",  # tables, key figures, notes as HTML and text
    "plots": "plots",  # figures
    "machine": "files cores progress notebook_files",  # this computer: disk, processor, terminal
    "settings": "secrecy addresses setting_values settings",  # where each value came from
    "auth": "patience wire responses token_file auth",  # HTTP, signing in
    "transport": "transport",  # requests to the API, at the rate that it allows
    "store": "store",  # history on disk
    "weather": "weather",  # outdoor temperatures
    "cloud": "device_list dataprofiles cloud device checkup survey surveyed surveyors selection",  # what notebooks call
    "summary": "summary",  # what notebooks show
    "explorer": "explorer",  # widgets
    "face": ".",  # `import belimo_nb as bn`; `.` is the package itself
    "report": "report",  # notebooks become pages
    "cli": "cli __main__",  # the command line
}
PURE = ("words", "calendar", "energy", "heating", "hydronics", "answers")
"""They take and give numbers, text and frames, and know no network, disk or clock."""

PURE_IMPORTS = (
    *("numpy", "pandas"),
    *("__future__", "collections", "dataclasses", "datetime", "difflib", "functools", "itertools", "math", "re"),
    *("statistics", "typing", "warnings"),
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
    """The room of one of our modules; "demo" for the demo cloud, which is none of them, and None for a stranger."""
    top = module.partition(".")[0] or "."
    if top == "demo":
        return "demo"
    return next((room for room, tops in ROOMS.items() if top in tops.split()), None)


def violations(module, text):
    """What the text of a module imports against the rules, a sentence each."""
    order = list(ROOMS)
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
        elif one.ours and order.index(there) > order.index(room):
            # What a function is given is often of a later room; its type may be named, since nothing is loaded by
            # that. But the widgets, the reports and the command line are named by nobody.
            if one.when != "types" or order.index(there) > order.index("summary") > order.index(room):
                yield told + f"the room {room} comes before the room {there} and may not import {one.target}"
        elif not one.ours and room in PURE and one.target.partition(".")[0] not in PURE_IMPORTS:
            yield told + f"the room {room} is pure and may not import {one.target}"
    for node in ast.walk(ast.parse(text)) if room in PURE else ():
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if IMPURE_CALLS.fullmatch(called):
                yield f"{module}, line {node.lineno}: the room {room} is pure and may not call {called}()"


def test_every_module_has_a_room():
    """Every module stands in one room, and every name on the map is there."""
    listed = [top for tops in ROOMS.values() for top in tops.split()]
    assert len(set(listed)) == len(listed)
    assert {module.partition(".")[0] or "." for module in MODULES} == {*listed, "demo"}


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
        ("energy.readings", "import requests", "the room energy is pure and may not import requests"),
        ("heating.load", "from pathlib import Path", "the room heating is pure and may not import pathlib.Path"),
        (
            "hydronics.hunting",
            "def f():\n    import time",
            "line 2: the room hydronics is pure and may not import time",
        ),
        ("hydronics.hunting", "from datetime import datetime\ndatetime.now()", "pure and may not call now()"),
        ("energy.readings", "pd.read_csv(path)", "pure and may not call read_csv()"),
        ("energy.readings", "from belimo_nb import cloud", "energy comes before the room cloud"),
        ("energy.readings", "from belimo_nb.client.http import secure", "energy comes before the room auth"),
        ("energy.readings", "import belimo_nb", "energy comes before the room face"),
        (
            "transport",
            "class A:\n    def f(self):\n        from belimo_nb.cloud.cloud import Cloud",
            "may not import cloud",
        ),
        ("cloud", "import_module('belimo_nb.report.run')", "cloud comes before the room report"),
        ("cloud", "PREPARE = 'belimo_nb.cli.shared:stoppable'", "may not import cli.shared"),
        (
            "cloud",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from belimo_nb.report import run",
            "report",
        ),
        ("report.run", "from belimo_nb.cli.log import Teller", "report comes before the room cli"),
        ("plots.style", "from belimo_nb.explorer import explore", "plots comes before the room explorer"),
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
        ("store.needs", "if TYPE_CHECKING:\n    from belimo_nb.cloud.cloud import Cloud"),
        ("cloud", '"""See `belimo_nb.report.run`."""'),
        ("cli.report", "from belimo_nb.report.run import run"),
        ("summary.parts", "import os\nfrom belimo_nb import plots, display"),
        ("demo.api", "import time\nfrom belimo_nb.demo.server.query import Query"),
    ],
)
def test_what_is_allowed(module, text):
    """Types of later rooms, docstrings, what lies below, and impure things outside the pure rooms."""
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


def excused():
    """The modules that decision 13 lets be longer, as it lists them."""
    return re.findall(r"^- `belimo_nb/([\w/]+\.py)`", DECISION.read_text(encoding="utf-8"), re.MULTILINE)


def test_modules_are_short():
    """A module has at most 250 lines, but for those that decision 13 names; and each of those needs it."""
    long = {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES.values()
        if len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    }
    assert long == set(excused())
