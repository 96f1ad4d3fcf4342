"""What docs/monthly-reports.md says of commands, units and statuses is so."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from belimo_nb.calendar.periods import resolve
from belimo_nb.cli import EPILOG, cli
from belimo_nb.errors import BelimoError

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "monthly-reports.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"belimo-nb(?:\.exe)?['\"\\]* ((?:--env-file \S+ )?report (?!\.\.\.)[^\"`\n]*)", TEXT)
POWERSHELL = re.findall(r"\$run = '([^']*)'", TEXT)


def test_the_commands_are_found():
    """The first example, the one with a mail, two lines of cron, the service, the task and PowerShell's."""
    assert len(COMMANDS) == 6
    assert len(POWERSHELL) == 1


@pytest.mark.parametrize("command", [*COMMANDS, *POWERSHELL])
def test_commands_parse(command, tmp_path):
    """Every command is understood, asks for last month, and writes a log in silence."""
    (tmp_path / "settings.env").touch()
    words = shlex.split(command, posix=False)
    words = [str(tmp_path / "settings.env") if word.endswith(".env") else word for word in words]
    with cli.make_context("belimo-nb", words) as context:
        name, report, rest = cli.resolve_command(context, [*getattr(context, "_protected_args", ()), *context.args])
        with report.make_context(name, rest, parent=context) as inner:
            given = inner.params
    assert given["period"] == "last-month"
    assert (given["quiet"], given["log_file"] is not None) == (True, True)
    assert resolve(period=given["period"], now=pd.Timestamp("2019-01-01T03:15Z"), tz="Europe/Zurich").label == (
        "December 2018"
    )


def test_units():
    """The service and the timer are as systemd wants them, and belong together."""
    blocks = dict(re.findall(r"`/etc/systemd/system/(\S+)`:\n\n```ini\n(.*?)```", TEXT, re.DOTALL))
    units = {}
    for name, block in blocks.items():
        units[name] = configparser.ConfigParser(interpolation=None, strict=True)
        units[name].optionxform = str
        units[name].read_string(block)
    assert set(units) == {"belimo-nb.service", "belimo-nb.timer"}
    service = units["belimo-nb.service"]["Service"]
    assert service["Type"] == "oneshot"
    assert service["ExecStart"].startswith("/")
    assert service["RestartPreventExitStatus"] == "2"
    assert re.fullmatch(r"\*-\*-01 \d\d:\d\d:\d\d", units["belimo-nb.timer"]["Timer"]["OnCalendar"])
    assert units["belimo-nb.timer"]["Install"]["WantedBy"] == "timers.target"


def test_statuses():
    """The table has each exit status that the commands' help tells, and that errors lead to."""
    told = set(re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE))
    assert told == set(re.findall(r"\b(\d+) [a-z]", EPILOG))

    def statuses(kind: type[BelimoError]) -> set[str]:
        return {str(kind.exit_status)}.union(*(statuses(child) for child in kind.__subclasses__()))

    assert statuses(BelimoError) | {"0", "4", "130"} == told


def test_the_task_fits():
    """Windows takes at most 261 characters for a task's command."""
    (task,) = re.findall(r'/TR "(.*)"$', TEXT, re.MULTILINE)
    assert len(task) <= 261


def test_links_lead_somewhere():
    """Every relative link of the page is a file."""
    for link in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (DOCS / link).is_file(), link
