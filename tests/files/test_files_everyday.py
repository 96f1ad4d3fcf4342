"""Exports of building management systems and spreadsheets as people have them: read rightly, or one question."""

import numpy as np
import pandas as pd
import pytest

from belimo_nb.errors import UsageError
from belimo_nb.files import reader
from belimo_nb.files.propose import propose

BERLIN = "Europe/Berlin"
LOCAL = pd.date_range("2025-10-24", periods=288, freq="15min", tz=BERLIN)  # across the end of summer time
ENERGY = np.round(1234.5 + 0.7 * np.arange(len(LOCAL)), 1)  # kWh, beyond 1,000
SUPPLY = np.round(60 + 5 * np.sin(np.arange(len(LOCAL)) / 20), 1)


def station(time):
    """A time as a Niagara station writes it."""
    return f"{time:%d-%b-%y} {time.hour % 12 or 12}:{time:%M:%S %p %Z}"


def serial(time, digits=10):
    """A local time as a spreadsheet counts it: days since 1900."""
    return f"{(time.tz_localize(None) - pd.Timestamp('1899-12-30')) / pd.Timedelta(days=1):.{digits}f}"


def german(value):
    """A number with decimal comma and points between thousands."""
    return f"{value:,.1f}".translate(str.maketrans(",.", ".,"))


def table(head, row, foot=""):
    """The text of a table: its lines of names, a row for each time, and what stands below."""
    return head + "".join(row(*each) + "\n" for each in zip(LOCAL, ENERGY, SUPPLY, strict=True)) + foot


def understood(path, content, timezone=BERLIN, encoding="utf-8"):
    """The readings of a file's only device, without a question, and the remarks."""
    path.write_bytes(content.encode(encoding))
    found = propose(path, timezone)
    assert found.doubts == []
    got = reader.read(path, found.mapping)
    (device,) = got.devices
    return device.frame, got.remarks


EXPORTS = {
    "Niagara, units in the cells": table(
        "history:/Plant/HM1\nTimestamp,Trend Flags,Status,Heating Energy,Supply Temp\n",
        lambda t, e, s: f"{station(t)},{{}},{{ok}},{e} kWh,{s} °C",
    ),
    "numbers for dates": table(
        "Datum;Wärmemenge (kWh);Vorlauf (°C)\n", lambda t, e, s: f"{serial(t)};{e};{s}".replace(".", ",")
    ),
    "numbers for dates, few decimals": table(
        "Date,Heating Energy (kWh),Supply temp (°C)\n", lambda t, e, s: f"{serial(t, 4)},{e},{s}"
    ),
    "units in the cells, totals below": table(
        "Zeit;Wärmemenge;Vorlauf\n",
        lambda t, e, s: f"{t:%d.%m.%Y %H:%M};{german(e)} kWh;{german(s * 1.8 + 32)} °F",
        "Summe;123.456,7 kWh;\nMittelwert;;\n",
    ),
    "tabs, months in German": table(
        "Zeit\tWärmemenge [MWh]\tVorlauf [°C]\n", lambda t, e, s: f"{t:%d. Okt %Y %H:%M}\t{e / 1000:.4f}\t{s}"
    ),
    "months in words, 12 hours": table(
        'Time,"Heating Energy (kWh)","Supply temp (°C)"\n', lambda t, e, s: f'"{t:%B %d, %Y %I:%M %p}","{e:,.1f}",{s}'
    ),
    "a list of points above the names": table(
        "Key;Name:Suffix;Interval\n\nPoint_1:;HM1.Energy;15 min\nPoint_2:;HM1.T1;15 min\n\n"
        "<>Date;Time;Heating energy kWh;Supply temperature °C\n",
        lambda t, e, s: f"{t:%d.%m.%Y};{t:%H:%M:%S};{german(e)};{german(s)}",
    ),
    "12 hours beside the date, thousands with spaces": table(
        "Date;Time;Energy heating [kWh];VL [°C];RL [°C]\n",
        lambda t, e, s: f"{t:%m/%d/%Y};{t:%I:%M %p};{f'{e:,.1f}'.replace(',', chr(160))};{s};40",
    ),
    "offsets behind a name": table(
        "Time,Heating energy (kWh),Supply temp (°C)\n",
        lambda t, e, s: f"{t:%d-%b-%y %I:%M:%S %p} GMT{t.isoformat()[-6:]},{e},{s}",
    ),
    "a line a value, with units": table(
        "Timestamp;Name;Wert\n",
        lambda t, e, s: (
            f"{t:%d.%m.%Y %H:%M};V1_HtgEnergy;{german(e * 3.6)} MJ\n{t:%d.%m.%Y %H:%M};V1_EnteringTmp;{german(s)} °C"
        ),
    ),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("kind", EXPORTS)
def test_exports_that_say_all(tmp_path, kind, encoding):
    """Every reading stands at its true time, clock change included, in the units that outputs show."""
    frame, _ = understood(tmp_path / "export.csv", EXPORTS[kind], encoding=encoding)
    assert list(frame.index) == list(LOCAL.as_unit("s").asi8)
    np.testing.assert_allclose(frame["heating_energy"], ENERGY, atol=0.06)
    np.testing.assert_allclose(frame["t1"], SUPPLY, atol=0.06)


def test_rows_that_say_nothing(tmp_path):
    """Totals have no time, words are no values however many, and rows of a failed point are left out: all told."""
    states = ["{ok}", "{fault}", "{ok}", "{null}"] * 72
    rows = zip(LOCAL, ENERGY, states, strict=True)
    lines = [f"{station(t)},{{}},{state},{e} kWh,offline" for t, e, state in rows]
    lines[0] = lines[0].replace("offline", "61.5 °C")
    text = "\n".join(["Timestamp,Trend Flags,Status,Heating Energy,Supply Temp", *lines, "Total,,,1,", ""])
    frame, remarks = understood(tmp_path / "export.csv", text)
    assert list(frame.index) == list(LOCAL[::2].as_unit("s").asi8)
    assert frame["t1"].dropna().tolist() == [61.5]
    assert sorted(remarks) == [
        "1 row without a time is left out.",
        "143 of 144 values of 'Supply Temp' are no numbers ('offline'): unknown.",
        "144 rows are left out, by 'Status'.",
    ]


def test_whose_clock_a_short_name_is(tmp_path):
    """CST is Chicago's or China's: asked for, and what its zone calls so where one is said."""
    times = pd.date_range("2025-11-01", periods=96, freq="h", tz="America/Chicago")
    lines = [f"{station(time)},{at}" for at, time in enumerate(times)]
    (path := tmp_path / "export.csv").write_text("\n".join(["Timestamp,Heating Energy (kWh)", *lines, ""]))
    (question,) = propose(path).doubts
    assert "whose clock shows the times such as '01-Nov-25 12:00:00 AM CDT'" in question
    found = propose(path, "America/Chicago")
    assert found.doubts == []
    assert list(reader.read(path, found.mapping).devices[0].frame.index) == list(times.as_unit("s").asi8)


def test_what_is_asked_of_one_point(tmp_path):
    """A station's file of one point does not say of what: only that is asked, its unit is known."""
    text = table("Timestamp,Trend Flags,Status,Value (kWh)\n", lambda t, e, s: f"{station(t)},{{}},{{ok}},{e}")
    (path := tmp_path / "export.csv").write_text(text)
    (question,) = propose(path).doubts
    assert "which quantity is 'Value (kWh)' (such as 1234.5): heating_energy" in question


def test_a_workbook(tmp_path):
    """One sentence says what to do with it."""
    (path := tmp_path / "export.xlsx").write_bytes(b"PK\x03\x04\x14\0\x06\0" * 9)
    with pytest.raises(UsageError, match=r"^export.xlsx is a workbook; save its sheet as CSV.$"):
        propose(path)
