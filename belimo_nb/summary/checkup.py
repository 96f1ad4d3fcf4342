"""What the checks say of one valve, and what they were made on."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from belimo_nb.cloud.checkup import FINE_RESOLUTION, Checkup
from belimo_nb.cloud.device import Device
from belimo_nb.display import DASH, KeyFigure, Note, Table, date, note, number, table
from belimo_nb.quantities import QUANTITIES

__all__ = ["checkup_note", "verdict_figure", "verdict_table"]

RANKS = {"fault": 0, "warn": 1, "ok": 2, "cannot judge": 3}
WORDS: Mapping[str, str] = {
    "t1": "temperature T1",
    "t2": "temperature T2",
    "delta_t": "delta-T",
    "position_setpoint": "position setpoint",
    "heating_energy": "heating energy",
    "cooling_energy": "cooling energy",
}


def verdict_table(checkup: Checkup) -> Table:
    """All checks of a valve with figure, limits, meaning and advice; what needs looking at on top."""
    found = checkup.verdicts
    frame = found.loc[found["verdict"].map(RANKS).sort_values(kind="stable").index]
    shown = pd.DataFrame(
        {
            "check": frame["check"].map(_capital),
            "verdict": frame["verdict"],
            "figure": [_figure(value, unit) for value, unit in zip(frame["figure"], frame["unit"], strict=True)],
            "meaning": frame["sentence"],
            "what_to_do": frame["recommendation"],
            "limits": frame["threshold"],
        }
    ).reset_index(drop=True)
    return table(
        shown,
        "verdicts",
        f"Checks: {_counts(found['verdict'])}",
        formats={"verdict": "status"},
        labels={"meaning": ""},
        below=["meaning", "what_to_do"],
    )


def verdict_figure(checkup: Checkup) -> KeyFigure:
    """The gravest verdict as a key figure, with the checks that found it."""
    found = checkup.verdicts
    for verdict, status in (("fault", "problem"), ("warn", "warn"), ("ok", "good")):
        rows = found[found["verdict"] == verdict]
        if len(rows):
            told = f"{len(rows)} checks" if verdict == "ok" else ", ".join(rows["check"])
            return KeyFigure("Checks", _capital(verdict), note=told, status=status)
    return KeyFigure("Checks", None, note="cannot judge", status="neutral")


def checkup_note(valve: Device, checkup: Checkup) -> Note:
    """What the checks were made on, and what this device does not measure."""
    lacking = [WORDS.get(key, key) for key, quantity in QUANTITIES.items() if quantity.column not in checkup.measured]
    if not {"heating_kwh", "cooling_kwh"} & set(checkup.measured):
        there = [WORDS.get(key, key) for key, quantity in QUANTITIES.items() if quantity.column in checkup.measured]
        have = f"It has {_listed(there)} in this period" if there else "It has no readings of a valve in this period"
        return note(
            f"{valve.name} counts no energy, so there is none to show, and hardly a check can be made. {have}; what it "
            "says of itself stands under State, settings and events.",
            "warn",
        )
    said = [f"The checks look at the whole period, {number(len(checkup.samples))} samples"]
    if checkup.fine is not None and checkup.window is not None:
        first, last = checkup.window[0], checkup.window[1] - pd.Timedelta(1, "ns")
        said[0] += (
            f", and at {date(first)} to {date(last)}, when most water flowed, every {FINE_RESOLUTION[:-1]} minutes"
        )
    said[0] += "."
    if lacking:
        said.append(f"Without readings in this period: {_listed(lacking)}.")
    return note(" ".join(said), "warn" if lacking else "info")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _counts(verdicts: pd.Series[str]) -> str:
    found = verdicts.value_counts()
    names = {"fault": "faults", "warn": "warnings", "ok": "ok", "cannot judge": "cannot be judged"}
    one = {"fault": "fault", "warn": "warning"}
    return ", ".join(
        f"{found[key]} {one.get(key, words) if found[key] == 1 else words}"
        for key, words in names.items()
        if key in found
    )


def _figure(value: float, unit: str) -> str:
    return DASH if pd.isna(value) else number(value, _digits(value), unit=unit)


def _digits(value: float) -> int:
    return 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 1 else 2


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
