"""What is kept is its owner's alone, and goes when it is told to."""

import os
import stat
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import belimo_nb as bn
from belimo_nb import settings
from belimo_nb.cli import cli
from belimo_nb.explorer.choice import Choice, choice_path, save_choice
from belimo_nb.weather.source import WeatherCache

pytestmark = pytest.mark.skipif(os.name == "nt", reason="has no such permissions")


@pytest.fixture
def kept(second, monkeypatch):
    """A folder with all that is kept: history, device list, answers, a choice, weather, locks, a log."""
    folder = Path("data").resolve()
    monkeypatch.setenv("BELIMO_DATA_DIR", str(folder))
    before = os.umask(0)
    try:
        for name in ("history", "answers/v1"):  # as an earlier version made them
            (folder / name).mkdir(parents=True)
        cloud = bn.connect()
        cloud.device("Heizkreis 01").energy("heating", "2021-01-01", "2021-01-03")
        save_choice(cloud.settings, Choice("d7Kx01"))
        WeatherCache(folder, folder / "weather/v1/archive/x.csv").add(
            pd.Series([1.5], pd.DatetimeIndex(["2021-01-01"], tz="UTC"))
        )
        cloud.close()
        CliRunner().invoke(cli, ["report", "overview", "--log-file", "run.log", "--period", "none"])
    finally:
        os.umask(before)
    return folder


def test_permissions(kept):
    """Folders 0700 and files 0600, whatever the umask is, and whatever an earlier version made."""
    found = [*kept.rglob("*"), Path("run.log")]
    kinds = {path.suffix for path in found if path.is_file()}
    assert {".parquet", ".json", ".lock", ".csv", ".log"} <= kinds
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_clear_deletes_what_it_says(kept):
    """`store clear` deletes the history, what is known of the devices, the choice and the weather; locks stay."""
    assert CliRunner().invoke(cli, ["store", "clear", "--yes"]).exit_code == 0
    left = [path for path in kept.rglob("*") if path.is_file()]
    assert {path.suffix for path in left} <= {".lock"}
    assert not choice_path(settings.load()).exists()
