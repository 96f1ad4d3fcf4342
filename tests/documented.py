"""What the documentation shows: the fenced blocks of its pages, and how a reader would run them."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prepared import program

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<language>\S*)[^`]*$")
RUN = ("python", "sh")
LONGEST = 900
"""Seconds after which commands are taken for endless, on a slow machine, too."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Its page's path below the project's folder.
        line: The line after its fence, from 1.
        language: The word after the fence; "" if there is none.
        text: What stands between the fences.
        output: The text block that follows it with nothing in between: what the page says it prints; None if none.
    """

    page: str
    line: int
    language: str
    text: str
    output: str | None = None

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, continued lines joined, comments and empty lines left out."""
        lines = [re.sub(r"(^|\s+)#\s.*$", "", line).strip() for line in self.text.replace("\\\n", " ").splitlines()]
        return [line for line in lines if line]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order; the directives of the site's generator (``{toctree}``) left out."""
    found: list[Block] = []
    last = 0  # the line of the fence that ended the block before
    opened: re.Match[str] | None = None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if opened is None:
            if fence:
                opened, begin = fence, number
        elif fence and fence["mark"].startswith(opened["mark"]) and not fence["language"]:
            text = "".join(f"{row[len(opened['indent']) :]}\n" for row in lines[begin : number - 1])
            follows = found and not any(row.strip() for row in lines[last : begin - 1])
            if opened["language"] == "text" and follows and found[-1].language in RUN:
                before = found.pop()
                found.append(Block(before.page, before.line, before.language, before.text, text))
            elif not opened["language"].startswith("{"):
                name = page.relative_to(ROOT).as_posix()
                found.append(Block(name, begin + 1, opened["language"], text))
            last, opened = number, None
    if opened is not None:
        raise ValueError(f"{page} has a block without an end, from line {begin} on")
    return found


def run_python(block: Block, namespace: dict[str, Any]) -> str:
    """Run a block as a notebook's cell is run; what it prints, and the value of its last line."""
    tree = ast.parse(block.text, block.page)
    ast.increment_lineno(tree, block.line - 1)
    shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, block.page, "exec"), namespace)  # noqa: S102 - it is the project's own page
        if shown is not None:
            value = eval(compile(ast.Expression(shown.value), block.page, "eval"), namespace)  # noqa: S307
            if value is not None:
                print(repr(value))
    return printed.getvalue()


def run_shell(script: str, environment: dict[str, str]) -> str:
    """Run commands as one script in the working folder; what they print.

    Raises:
        AssertionError: One of them fails.
    """
    tools = f"{Path(program()[0]).parent}:{Path(sys.executable).parent}:{environment['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**environment, "PATH": tools},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert ran.returncode == 0, f"exit status {ran.returncode}\n{script}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def program_lines(text: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of a program in a text of any kind: a crontab, a unit, a script, a log."""
    call = rf"""(?:^|[\s/\\]){program}(?:\.exe)?(?:\\?["'])? (?P<after>[^|>;&"]+)"""
    variable = r"""= '(?P<options>--[^']+)'"""  # as PowerShell keeps arguments
    for line in text.replace("\\\n", " ").splitlines():
        found = re.search(f"{call}|{variable}", line)
        arguments = shlex.split((found["after"] or found["options"]).strip("\\"), comments=True) if found else []
        if arguments and not re.match(r"\d|\.\.\.|\$", arguments[0]):  # a log gives the version, a script its variable
            yield arguments
