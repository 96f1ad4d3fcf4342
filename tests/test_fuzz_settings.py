"""What people type: settings, dates, periods, lengths of time. A result or a `BelimoError`, never another exception."""

from __future__ import annotations

import logging
import os
from dataclasses import replace

import pandas as pd
import pytest
from fuzzing import TEXTS, bytes_like, inputs, survives, values
from hypothesis import example, given
from hypothesis import strategies as st

import belimo_nb as bn
from belimo_nb import settings as settings_module
from belimo_nb.api.history import checked_buckets, parse_resolution
from belimo_nb.calendar.intervals import edges, fixed_length
from belimo_nb.calendar.moments import parse_time
from belimo_nb.calendar.periods import Period, baseline, resolve
from belimo_nb.cli.login import update
from belimo_nb.settings import Settings
from belimo_nb.store import Store
from belimo_nb.store.disk import canonical

NOW = pd.Timestamp("2018-12-01T00:00:00Z")
ENV = (
    b"BELIMO_CLIENT_ID=a\nBELIMO_CLIENT_SECRET='b'\nBELIMO_USERNAME=c\nBELIMO_PASSWORD=\"d\"\nBELIMO_DEMO=0\n"
    b"BELIMO_TIMEZONE=Europe/Zurich\nBELIMO_RATE=2\nBELIMO_NOW=2018-12-01T00:00:00Z\nBELIMO_WEATHER=~/w.csv\n"
)
CREDENTIALS = dict.fromkeys(("client_id", "client_secret", "username", "password"), "x")
NAMES = sorted(set(Settings.__dataclass_fields__) - {"origins"})
zones = st.sampled_from(["UTC", "Europe/Zurich", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"])

typed = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=15)
"""What an environment or a command line can hold."""
passwords = st.text(
    st.sampled_from("'\"\\#$ {}`=!ab") | st.characters(codec="utf-8", exclude_categories=["Cc"])
).filter(str.strip)
moments = st.one_of(
    st.sampled_from([text for text in TEXTS if "\x00" not in text and "\ud800" not in text]),
    typed,
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.dates().map(str),
    st.from_regex(r"\A\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?\Z"),
)
dates = st.one_of(moments, st.dates(), st.datetimes(), st.none(), values)
periods = st.one_of(moments, st.from_regex(r"\A(\d{4}(-\d{2})?|last-\d{1,6}-(month|day)s?)\Z"))
lengths = st.one_of(typed, st.from_regex(r"\A-?\d{1,12} ?(s|m|h|d|w|min|D|W|MS|YS|QS|us|ns|B)?\Z"))


@pytest.fixture(autouse=True)
def quiet(caplog):
    """python-dotenv logs each line that it cannot read."""
    caplog.set_level(logging.CRITICAL)


def used(**options):
    """Settings, and what is done with them at once."""
    found = settings_module.load(demo=False, **options)
    found.table()
    found.environment()
    Store(found).path("device", "1h")
    bn.Cloud(found).close()
    return found


@inputs(500)
@given(content=bytes_like(ENV) | typed.map(str.encode))
def test_env_files(isolated, content):
    """Of any bytes."""
    file = isolated / "some.env"
    file.write_bytes(content)
    survives(used, env_file=file)


@inputs(500)
@given(first=passwords, second=passwords)
@example(first="a\\", second="\\\\ it\\'s #1 $HOME ${HOME}")
def test_what_login_writes(isolated, first, second):
    """Any password is read back as it was typed, and the one that replaces it, too; what else is there stays."""
    file = isolated / "some.env"
    file.write_bytes(b"\xef\xbb\xbf" + ENV.replace(b"a\n", b"o'ne # two\n"))
    before = settings_module.load(demo=False, env_file=file)
    for password in (first, second):
        update(file, {"BELIMO_PASSWORD": password, "BELIMO_SCOPE": password})
        found = settings_module.load(demo=False, env_file=file)
        assert (found.password, found.scope) == (password.strip(), password.strip())
    assert replace(found, password=before.password, scope=before.scope, origins=before.origins) == before
    assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600
    assert list(isolated.iterdir()) == [file]


@inputs(700)
@given(name=st.sampled_from(NAMES), value=st.one_of(typed, moments, values))
def test_settings(name, value):
    """One of them is strange; the others are good."""
    found = survives(used, **(CREDENTIALS | {name: value}))
    assert found is None or 0 <= found.rate < 1e6


@inputs(1200)
@given(text=dates, tz=zones)
def test_moments(text, tz):
    """An aware time in the site's zone."""
    found = survives(parse_time, text, tz, "start")
    assert found is None or str(found.tz) == tz


@inputs(800)
@given(start=st.none() | dates, end=st.none() | dates, period=st.none() | periods, tz=zones)
def test_periods(start, end, period, tz):
    """What is asked for, its name, and the year before."""

    def ask():
        found = resolve(start, end, period=period, now=NOW, tz=tz)
        return found, found.label, found.days, found.year_before

    found = survives(ask)
    assert found is None or found[0].start < found[0].end


@inputs(300)
@given(text=periods, period=periods, tz=zones)
def test_comparisons(text, period, tz):
    """The period to compare with."""
    survives(lambda: baseline(resolve(period=period, now=NOW, tz=tz), text))


@inputs(600)
@given(text=lengths, start=moments, end=moments)
def test_lengths(text, start, end):
    """Of buckets and of intervals, and how many of them a range has."""
    survives(parse_resolution, text)
    survives(canonical, text, counted=False)
    survives(fixed_length, text, counted=False)

    def count_them():
        period = Period(parse_time(start, "UTC"), parse_time(end, "UTC"))
        checked_buckets(period.start, period.end, text)

    survives(count_them, counted=False)
    survives(lambda: edges(start, end, text, "Europe/Zurich", pd.DatetimeIndex([], tz="UTC")), counted=False)
