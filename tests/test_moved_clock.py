"""A sample of the suite in other time zones and at odd moments; `make test-times` runs more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from moved_clock import KNOWING, MOMENTS, SAMPLE, TESTS, Moment, built, command, files

CLOCKS = """
import datetime, json, queue, subprocess, time
import pandas as pd
date = subprocess.run(["date", "-u", "+%s"], capture_output=True, check=True).stdout
began = time.monotonic()
time.sleep(0.05)
try:
    queue.Queue().get(timeout=0.05)
except queue.Empty:
    pass
waited = time.monotonic() - began
clocks = [time.time(), time.clock_gettime(time.CLOCK_REALTIME), datetime.datetime.now().timestamp(), float(date)]
clocks += [pd.Timestamp.now("UTC").timestamp(), datetime.datetime.now(datetime.UTC).timestamp()]
print(json.dumps({"clocks": clocks, "zone": time.tzname, "waited": waited}))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """The library that moves clocks; where there can be none, its tests are skipped, but not in CI on Linux."""
    found = built(tmp_path_factory.mktemp("library"))
    if found is None:
        if os.environ.get("CI") and sys.platform == "linux":
            pytest.fail("a C compiler is missing: install gcc")
        pytest.skip("the clock can be moved on Linux only, and with a C compiler")
    return found


def each(moments):
    """The moments with their names as ids."""
    return pytest.mark.parametrize("moment", moments, ids=[moment.name for moment in moments])


def test_the_moments():
    """All zones asked for are there, a 29 February and a year long ago, and changes of the clock in between."""
    assert {"UTC", "America/Santiago", "Australia/Lord_Howe"} <= {moment.zone for moment in MOMENTS}
    begins = [datetime.fromisoformat(moment.begin) for moment in MOMENTS]
    assert any((begin.month, begin.day) == (2, 29) for begin in begins)
    assert any(begin.year == 2018 for begin in begins)
    changes = {(datetime.fromisoformat(moment.begin) + timedelta(seconds=15)).isoformat() for moment in MOMENTS[2:]}
    assert changes == {"2018-10-06T15:30:00+00:00", "2019-03-31T01:00:00+00:00", "2018-10-28T01:00:00+00:00"}


def test_the_modules():
    """Each test module that is named is there."""
    assert {*SAMPLE} <= {*KNOWING}
    assert [path for path in files(KNOWING) if not Path(path).is_file()] == []


@pytest.mark.slow
@each(MOMENTS[:1])
def test_every_clock_is_moved(library, moment):
    """Python's clocks, pandas' and that of another program agree on the moment, and waits last as long as ever."""
    run = subprocess.run(
        [sys.executable, "-c", CLOCKS], env=moment.environment(library), capture_output=True, text=True, check=True
    )
    told = json.loads(run.stdout)
    begin = datetime.fromisoformat(moment.begin).timestamp()
    assert all(-2 <= clock - begin <= 3600 for clock in told["clocks"])
    assert told["zone"][0] == moment.zone
    assert 0.09 <= told["waited"] <= 60


@pytest.mark.slow
@each([moment for moment in MOMENTS if moment.name == "a change of half an hour"])
def test_sample(library, moment: Moment, tmp_path):
    """Settings, sign-in, periods, intervals and statements are as good then and there as here and now."""
    line = command(tmp_path / "base", "-p", "no:xdist", *files(SAMPLE))
    run = subprocess.run(line, cwd=TESTS.parent, env=moment.environment(library), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    (passed,) = re.findall(r"(\d+) passed", run.stdout)
    assert int(passed) > 200
