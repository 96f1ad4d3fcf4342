"""What a command that may run unattended tells: the log has it all, the terminal what people should know."""

import os
import re
import warnings

import click
import pytest

from belimo_nb.cli.log import RunLog
from belimo_nb.cli.shared import INTERRUPTED
from belimo_nb.errors import NoDataError, UsageError
from belimo_nb.store.device_history import Differences
from belimo_nb.store.sync import SyncResult, remarks

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \d+ (\w+) (.*)")


def lines(path):
    """Event and text of each line of a log."""
    return [LINE.fullmatch(line).groups() for line in path.read_text(encoding="utf-8").splitlines()]


def test_what_is_said_and_logged(tmp_path, capsys):
    """What is said stands on the terminal, what is noted in both places; the last line has the summary."""
    path = tmp_path / "run.log"
    with RunLog(path, quiet=False) as log:
        log.say("Two reports made.")
        log.note("One is late.")
        log.log("made", "one\ntwo")
        log.summary = "2 made"
    told = capsys.readouterr()
    assert (told.out, told.err) == ("Two reports made.\n", "One is late.\n")
    (note, made, end) = lines(path)
    assert note == ("note", "One is late.")
    assert made[0] == "made"
    assert end == ("end", "exit status 0: 2 made")


def test_what_is_begun_is_said_on_a_terminal_only(capsys, monkeypatch):
    """A line before the work tells a person what comes; cron gets no mail of it."""
    with RunLog(None, quiet=False) as log:
        log.begin("Reports of November")
        assert capsys.readouterr() == ("", "")
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        log.begin("Reports of November")
        assert capsys.readouterr() == ("", "Reports of November\n")
        log.quiet = True
        log.begin("Reports of November")
        assert capsys.readouterr() == ("", "")


def test_quiet(tmp_path, capsys):
    """Quietly, nothing is said; the log has it."""
    path = tmp_path / "run.log"
    with warnings.catch_warnings(), RunLog(path, quiet=True) as log:
        warnings.simplefilter("always")
        log.say("Two reports made.")
        log.note("One is late.")
        warnings.warn("Something is odd.", UserWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "")
    assert [event for event, _ in lines(path)] == ["note", "warning", "end"]


def test_warnings_are_for_both(tmp_path):
    """A warning to the user is logged and shown as ever, one to programmers only shown; then all is as before."""
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = before = lambda message, *_: shown.append(str(message))
        with RunLog(tmp_path / "run.log", quiet=False):
            warnings.warn("Something is odd.", UserWarning, stacklevel=1)
            warnings.warn("Old code.", DeprecationWarning, stacklevel=1)
        assert warnings.showwarning is before
    assert shown == ["Something is odd.", "Old code."]
    assert lines(tmp_path / "run.log") == [("warning", "Something is odd."), ("end", "exit status 0")]


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (SystemExit(None), [("end", "exit status 0")]),
        (SystemExit(3), [("end", "exit status 3")]),
        (SystemExit("It failed."), [("end", "exit status 1")]),
        (KeyboardInterrupt(), [("error", "Interrupted."), ("end", f"exit status {INTERRUPTED}")]),
        (click.Abort(), [("error", "Interrupted."), ("end", f"exit status {INTERRUPTED}")]),
        (NoDataError("Nothing."), [("error", "Nothing."), ("end", f"exit status {NoDataError.exit_status}")]),
        (click.UsageError("No such option."), [("error", "No such option."), ("end", "exit status 2")]),
        (ZeroDivisionError("by 0"), [("error", "ZeroDivisionError: by 0"), ("end", "exit status 1")]),
    ],
)
def test_how_it_ended(tmp_path, error, logged):
    """The log ends with the sentence of what went wrong, and the exit status that it leads to."""
    with pytest.raises(type(error)), RunLog(tmp_path / "run.log", quiet=False):
        raise error
    assert lines(tmp_path / "run.log") == logged


def test_secrets_stay_out(tmp_path):
    """Secrets are masked wherever they occur; what is too short to be one is left, as it is in many a word."""
    with RunLog(tmp_path / "run.log", quiet=False) as log:
        log.hide("correct-horse", "er")
        log.log("failed", "signing in with correct-horse: refused, another correct-horse")
    assert lines(tmp_path / "run.log")[0] == ("failed", "signing in with ********: refused, another ********")


def test_a_disk_that_takes_no_more(tmp_path, capsys):
    """When the log can be written no longer, that is said once, and the run goes on."""
    path = tmp_path / "run.log"
    with RunLog(path, quiet=True) as log:
        path.unlink()
        path.mkdir()
        log.log("made", "one")
        log.log("made", "two")
    assert re.fullmatch(r"Warning: The log file \S+ cannot be written \(.+\)\.\n", capsys.readouterr().err)


def test_a_log_that_cannot_be_begun(tmp_path):
    """A log file in a folder that is not there is an error before anything else."""
    with pytest.raises(UsageError, match="choose another with --log-file"), RunLog(tmp_path / "a" / "b", quiet=False):
        pytest.fail("it should not have come to this")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have other names there")
def test_a_log_that_nobody_reads(tmp_path):
    """A pipe without a reader is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot be written"), RunLog(tmp_path / "pipe", quiet=False):
        pass


def test_no_log(capsys):
    """Without a log file there is none."""
    with RunLog(None, quiet=False) as log:
        log.note("One is late.")
    assert capsys.readouterr().err == "One is late.\n"


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (SyncResult(), []),
        (
            SyncResult(differences={"North": Differences(changed=1)}),
            ["Note: 1 value that was settled has changed in the cloud's history of North; the new ones are kept."],
        ),
        (
            SyncResult(lacking={"North": ["a", "b"]}, differences={"South": Differences(changed=1234, lacked=1)}),
            [
                "Warning: The cloud's history of North lacks a, b.",
                "Note: 1,234 values that were settled have changed in the cloud's history of South; the new ones are "
                "kept.",
                "Note: The cloud's history of South lacks 1 value that is kept; what is kept stays, and that time is "
                "asked for again.",
            ],
        ),
    ],
)
def test_what_a_sync_has_noticed(outcome, told):
    """What the cloud left out, and what it has changed its mind about, a sentence each."""
    assert remarks(outcome) == told
