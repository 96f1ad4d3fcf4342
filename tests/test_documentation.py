"""Every block of the README and of the docs: Python and shell run on the demo cloud, the rest is checked."""

from __future__ import annotations

import contextlib
import csv
import doctest
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import documented
import pytest
from documented import PAGES, ROOT, Block
from test_notebooks import PAPERMILL

from belimo_nb.cli import cli
from belimo_nb.files.mapping import load

LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SHOWN = [page for page in PAGES if documented.blocks(page)]


class Elsewhere(NamedTuple):
    """Commands that no test can run: why, and what is checked in their place."""

    pattern: str
    reason: str
    check: Callable[[re.Match[str]], bool]


def _is_verb(found: re.Match[str]) -> bool:
    return bool(re.search(rf"^{found['verb']}:.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _is_environment(found: re.Match[str]) -> bool:
    return f"name: {found['name']}\n" in (ROOT / "environment.yml").read_text(encoding="utf-8")


def _is_environment_file(found: re.Match[str]) -> bool:
    return "\ndependencies:\n" in (ROOT / found["file"]).read_text(encoding="utf-8")


def _is_setting(found: re.Match[str]) -> bool:
    template = (ROOT / ".env.example").read_text(encoding="utf-8")
    return bool(re.search(rf"^#? ?{found['name']}=", template, re.MULTILINE))


def _names_fields(found: re.Match[str]) -> bool:
    page = (ROOT / "docs" / "reports-json.md").read_text(encoding="utf-8")
    return all(f"| `{name}` |" in page for name in re.findall(r"\.(\w+)", found["filter"]))


def _serves(found: re.Match[str]) -> bool:
    """The first line of the demo cloud comes at once; nobody waits for its end."""
    command = [sys.executable, "-m", "belimo_nb", "demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        first = server.stdout.readline()
        server.terminate()
    return "=" in first or first.startswith("#")


def _is_extra(found: re.Match[str]) -> bool:
    return f"\n{found['extra']} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def _is_dask(found: re.Match[str]) -> bool:
    """Dask knows the command and its options; what it would connect to is not asked."""
    module = importlib.import_module(f"distributed.cli.dask_{found['command']}")
    module.main.make_context(found["command"], shlex.split(found["arguments"]))
    return True


def _is_path(found: re.Match[str]) -> bool:
    return (ROOT / found["path"]).is_file()


def _is_papermill(found: re.Match[str]) -> bool:
    return found[0] == PAPERMILL


def _is_ours(found: re.Match[str]) -> bool:
    _parse(cli, shlex.split(found["arguments"]))
    return True


ELSEWHERE = (
    Elsewhere(r"pip install '\.\[(?P<extra>\w+)\]'", "test_packaging.py builds the wheel", _is_extra),
    Elsewhere(r"pip install voila", "Voila is no part of this package", bool),
    Elsewhere(r"voila (?P<path>\S+)", "no Voila here; the notebook is there", _is_path),
    Elsewhere(
        r"dask (?P<command>scheduler|worker) (?P<arguments>.+)",
        "never ends; report/test_report_cluster.py starts both",
        _is_dask,
    ),
    Elsewhere(
        r"(?:BELIMO_\w+=\S+ )?belimo-nb (?P<arguments>report .*--scheduler .*)",
        "needs machines that are not there; report/test_report_cluster.py has two workers",
        _is_ours,
    ),
    Elsewhere(r"papermill .*", "takes seconds; test_notebooks.py runs this very command", _is_papermill),
    Elsewhere(r"make (?P<verb>\w+)", "CI itself runs the verbs; here each is one of the Makefile's", _is_verb),
    Elsewhere(
        r"conda env create -f (?P<file>\S+)", "no conda here; test_packaging.py holds the file", _is_environment_file
    ),
    Elsewhere(r"conda activate (?P<name>\S+)", "no conda here; the name is that of environment.yml", _is_environment),
    Elsewhere(r"(?P<name>BELIMO_\w+)=\S*", "a line of a settings file; .env.example has it", _is_setting),
    Elsewhere(r"jq -r '(?P<filter>[^']+)' reports/reports\.json", "not ours; the fields are documented", _names_fields),
    Elsewhere(r"belimo-nb demo", "never ends; it is started, and stopped after its first line", _serves),
)

SHORTER = (
    # All reports of the fleet take a minute here; of one valve they show the same, and but once all kinds are made.
    (r"^(belimo-nb report)$", r'\1 --search "2.OG Nord-West"'),
    (r"^(belimo-nb (?:--\w+ )*report)((?: --.*)?)$", r'\1 overview --search "2.OG Nord-West"\2'),
    (r"^(belimo-nb sync --period .*)$", r'\1 --search "2.OG Nord-West"'),
    # Folders of the system are folders below the test's own.
    (r"(?<= )/(?=(?:srv|var|etc)/)", r"system/"),
)

OTHER = {
    "": "a formula, a log or a crontab",
    "bat": "for Windows",
    "csv": "a table",
    "dotenv": "a settings file",
    "ini": "a unit of systemd",
    "json": "an answer",
    "powershell": "for Windows",
    "text": "a picture in letters",
    "toml": "a mapping of data files",
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all pages: history is fetched once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def checkout(
    demo_environment: dict[str, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """A working folder like a checkout's, and an environment, put back at the end, that leads to the demo cloud."""
    del demo_environment
    for name in ("notebooks", "environment.yml", ".env.example"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(name))
    for name in ("srv", "var/log", "etc"):
        (Path("system") / name).mkdir(parents=True)
    monkeypatch.setenv("BELIMO_DATA_DIR", str(data_dir))
    before = dict(os.environ)
    yield before
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run(page: Path, checkout: dict[str, str]) -> None:
    """From top to bottom: Python in one namespace, commands in one folder; what they print is what the page shows."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in documented.blocks(page):
        where = f"{block.page}:{block.line}"
        if block.language == "python":
            printed = documented.run_python(block, namespace)
        elif block.language == "sh":
            printed = _shell(block, checkout)
        else:
            assert block.language in OTHER, f"{where}: no test knows how to check {block.language!r}"
            _check_other(block)
            continue
        if block.output is not None:
            same = doctest.OutputChecker().check_output(block.output, printed, LOOSE)
            assert same, f"{where} prints\n{printed}\nand not\n{block.output}"


def _shell(block: Block, environment: dict[str, str]) -> str:
    """Run what can be run, check the rest in its own way."""
    script = []
    for command in block.commands:
        rule = next(((rule, found) for rule in ELSEWHERE if (found := re.fullmatch(rule.pattern, command))), None)
        if rule is None:
            for pattern, replacement in SHORTER:
                command = re.sub(pattern, replacement, command)
            script.append(command)
        else:
            assert rule[0].check(rule[1]), f"{block.page}: {command}"
    return documented.run_shell("\n".join(script), environment) if script else ""


def _check_other(block: Block) -> None:
    """What is shown and not run: our own calls in it have options that exist, settings are settings, tables tables."""
    for arguments in documented.program_lines(block.text, "belimo-nb"):
        _parse(cli, arguments)
    if block.language == "toml":
        Path("shown.toml").write_text(block.text, encoding="utf-8")
        load(Path("shown.toml"))
    if block.language == "csv":
        assert len({len(row) for row in csv.reader(io.StringIO(block.text))}) == 1, block
    if block.language == "dotenv":
        names = re.findall(r"^(?P<name>BELIMO_\w+)=", block.text, re.MULTILINE)
        assert names
        assert all(_is_setting(re.match("(?P<name>.*)", name)) for name in names), block


def _parse(group: click.Group, arguments: list[str]) -> None:
    """Parse a command line as `belimo-nb` does, without running it; the files that it names need not be there."""
    options = {flag: option for option in group.params for flag in option.opts}
    while arguments and arguments[0].startswith("-"):
        assert arguments[0] in options, arguments
        arguments = arguments[1 if options[arguments[0]].is_flag else 2 :]
    if not arguments:  # `belimo-nb --version`
        return
    assert arguments[0] in group.commands, arguments
    command = group.commands[arguments[0]]
    if isinstance(command, click.Group):
        _parse(command, arguments[1:])
    else:
        command.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_in_the_text_exist(page: Path) -> None:
    """What stands between backticks in a sentence and begins with `belimo-nb` is a command with options that exist."""
    for text in re.findall(r"(?<!`)`belimo-nb ([^`]+)`(?!`)", page.read_text(encoding="utf-8")):
        # A sentence may leave out what a command line must not: a folder, the value of an option.
        with contextlib.suppress(click.MissingParameter, click.BadOptionUsage):
            _parse(cli, shlex.split(text.replace("...", "").partition(";")[0]))


def test_every_page_is_read() -> None:
    """The README and all pages below docs are looked at, and blocks that are run are found in them."""
    assert ROOT / "README.md" in PAGES
    languages = [block.language for page in PAGES for block in documented.blocks(page)]
    assert languages.count("python") > 20
    assert languages.count("sh") > 10


def test_no_exception_is_stale() -> None:
    """Each exception is one that some page needs."""
    commands = [
        command for page in PAGES for b in documented.blocks(page) if b.language == "sh" for command in b.commands
    ]
    for rule in ELSEWHERE:
        assert any(re.fullmatch(rule.pattern, command) for command in commands), rule.pattern


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link leads to a file of the project, and its anchor to a heading."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(<?([^)>\s]+)>?\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, target
