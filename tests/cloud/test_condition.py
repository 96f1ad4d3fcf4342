"""How a device is: the worst of checks, health and connection, and never green where nothing was judged."""

import pandas as pd
import pytest

from belimo_nb.cloud.condition import Condition, condition, of_checks, urgency, verdicts_of
from belimo_nb.hydronics import CHECKS, Verdict
from belimo_nb.hydronics.diagnose import verdict_table
from belimo_nb.hydronics.verdict import cannot_judge

ZONE = "Europe/Zurich"
OK = [Verdict(check, "ok") for check in CHECKS]
SEEN = pd.Timestamp("2021-03-05 11:00", tz="UTC")


def device(health="OK", online=True, seen=SEEN, note=None):
    """A row of `Cloud.devices`."""
    return pd.Series({"health": health, "note": note, "online": online, "last_seen": seen}, dtype=object)


def with_(*found):
    """All checks ok but some."""
    names = {one.check for one in found}
    return [*(one for one in OK if one.check not in names), *found]


LOW = Verdict("low delta-T", "warn", sentence="Water comes back too warm.", waste_kwh=50.0)
STUCK = Verdict("stuck", "fault", sentence="It does not move.")
SILENT = Verdict("silent", "warn", sentence="Silent since Monday.")


@pytest.mark.parametrize(
    ("row", "verdicts", "status", "sentence"),
    [
        (device(), OK, "ok", "No finding in 16 of 16 checks."),
        (device(), with_(LOW), "warn", LOW.sentence),
        (device("ERROR", note="Flow_sensor_error"), OK, "problem", "The device reports an error: Flow_sensor_error."),
        (device("WARNING"), OK, "warn", "The device reports a warning."),
        (device("ERROR"), with_(STUCK), "fault", STUCK.sentence),
        (device(online=False), with_(LOW), "warn", LOW.sentence),
        (device(online=False), with_(SILENT), "silent", SILENT.sentence),
        (device(online=False), OK, "offline", "Offline: last heard of on 2021-03-05 12:00."),
        (device(online=False, seen=pd.NaT), [], "offline", "Offline: never heard of."),
        (device("UNKNOWN"), [], "not judged", "16 of 16 checks could not be judged."),
    ],
)
def test_the_worst_counts(row, verdicts, status, sentence):
    """Fault before problem and warning, then silent and offline, then not judged; with its sentence."""
    found = condition(row, verdicts, ZONE)
    assert (found.status, found.sentence) == (status, sentence)


def test_what_is_not_judged_is_not_ok():
    """Most checks must have been judged for an ok, and the number stands behind it."""
    unknown = [cannot_judge(check, "Only 3 h of flow.") for check in CHECKS]
    some = of_checks([*OK[:12], *unknown[12:]])
    assert (some.text, some.judged, some.checks) == ("ok (12 of 16)", 12, 16)
    assert some.sentence == f"No finding in 12 of 16 checks. Not judged: {', '.join(CHECKS[12:])}."
    few = of_checks([*OK[:7], *unknown[7:]])
    assert few.text == "not judged (9 of 16)"
    assert few.sentence == "9 of 16 checks could not be judged. Only 3 h of flow."
    assert of_checks([], "The store holds nothing.").sentence.endswith("judged. The store holds nothing.")
    assert of_checks(OK[:12]).text == "ok (12 of 16)", "checks that were left out are not judged"
    assert of_checks(with_(LOW)).text == "warn"


def test_order_of_devices():
    """By severity; of equals dead meters first, then by cost."""
    dead = Verdict("sensor range", "fault", sentence="T1 reads 0.")
    dear = Verdict("waste zone", "warn", sentence="Much.", waste_kwh=900.0)
    given = {"ok": OK, "dear": with_(dear), "low": with_(LOW), "stuck": with_(STUCK, dear), "dead": with_(dead)}
    found = {name: of_checks(verdicts) for name, verdicts in {**given, "unknown": []}.items()}
    order = sorted(found, key=lambda name: urgency(found[name].status, found[name].blind, found[name].cost_kwh))
    assert order == ["dead", "stuck", "dear", "low", "unknown", "ok"]
    assert of_checks(with_(LOW, dear)).sentence == "Much.", "the dearest finding speaks for the valve"


def test_verdicts_of_a_table():
    """A table of verdicts says the same as the list that it is made of."""
    assert of_checks(verdicts_of(verdict_table(with_(LOW, STUCK)))) == of_checks(with_(LOW, STUCK))
    assert Condition(**of_checks(OK).data()) == of_checks(OK)
