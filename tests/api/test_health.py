"""Stretches of trouble from the events of a device."""

import pandas as pd
import pytest

from belimo_nb.api.health import Trouble, said_of_meter, troubles

START, END = (pd.Timestamp(day, tz="Europe/Zurich") for day in ("2018-11-01", "2018-12-01"))


def at(text):
    """A local time in November."""
    return pd.Timestamp(f"2018-{text}", tz="Europe/Zurich")


def events(*rows):
    """A timeline of datapoint changes."""
    return pd.DataFrame(
        {
            "time": pd.DatetimeIndex([at(time) for time, _ in rows], tz="Europe/Zurich"),
            "type": "DEVICE_DATAPOINT_CHANGE",
            "details": [details for _, details in rows],
        }
    )


def test_from_error_to_ok():
    """A trouble lasts from the report of an error to that of being well, and knows its cause."""
    found = troubles(
        events(
            ("11-05T10:00", {"values": {"default.1": "ERROR"}}),
            ("11-05T10:00", {"values": {"default.2": "Flow_sensor_error"}}),
            ("11-06T12:00", {"values": {"default.1": "OK", "default.2": ""}}),
        ),
        START,
        END,
    )
    assert found == [Trouble(at("11-05T10:00"), at("11-06T12:00"), "ERROR", "Flow_sensor_error")]


def test_what_began_before_and_goes_on():
    """A trouble is cut to the range; one state that follows another is two troubles."""
    found = troubles(
        events(("10-05T10:00", {"values": {"default.1": "WARN"}}), ("11-20T00:00", {"values": {"default.1": "ERROR"}})),
        START,
        END,
    )
    assert found == [Trouble(START, at("11-20T00:00"), "WARN"), Trouble(at("11-20T00:00"), END, "ERROR")]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("11-05T10:00", {})],
        [("11-05T10:00", None)],
        [("11-05T10:00", {"values": "odd"})],
        [("11-05T10:00", {"values": {"evcloud.280": 4}})],
        [("11-05T10:00", {"values": {"default.1": "OK"}})],
        [("12-05T10:00", {"values": {"default.1": "ERROR"}})],
        [("10-05T10:00", {"values": {"default.1": "ERROR"}}), ("10-06T10:00", {"values": {"default.1": "OK"}})],
        [("10-05T10:00", {"values": {"default.1": "ERROR"}}), ("11-01T00:00", {"values": {"default.1": "OK"}})],
    ],
)
def test_no_trouble(rows):
    """Other events, odd ones, later ones and earlier ones that ended are no trouble of the range."""
    assert troubles(events(*rows), START, END) == []


def test_the_demo_buildings_flow_sensor(cloud):
    """The demo valve with a failed flow sensor was in error from its report to the end of the range."""
    valve = cloud.device("EG Aula")
    (found,) = troubles(valve.timeline(end=END), START, END)
    assert (found.begin, found.end, found.state) == (at("11-05T17:50"), END, "ERROR")
    assert found.cause == "Flow_sensor_error"
    well = cloud.device("2.OG Nord-West")
    assert troubles(well.timeline(end=END), START, END) == []


def test_what_counts_for_the_checks():
    """An error of the meter counts if it lasts, or lasted for a day; with its begin and end."""
    short = (
        ("11-02T10:00", {"default.1": "ERROR", "default.2": "Flow_sensor_error"}),
        ("11-02T12:00", {"default.1": "OK"}),
    )
    long = (("11-05T10:00", {"default.1": "ERROR", "default.2": "Sensor_T1"}), ("11-08T12:00", {"default.1": "OK"}))
    lasts = (("11-20T10:00", {"default.1": "WARNING", "default.2": "Flow_sensor_error"}),)
    motor = (("11-09T10:00", {"default.1": "ERROR", "default.2": "Motor_jammed"}), ("11-15T10:00", {"default.1": "OK"}))
    said = said_of_meter(events(*short, *long, *motor, *lasts), START, END)
    assert said == "Sensor_T1 from 2018-11-05 to 2018-11-08, Flow_sensor_error since 2018-11-20"
    assert said_of_meter(events(*lasts), at("11-25T00:00"), END) == "Flow_sensor_error since 2018-11-25 or before"
    assert said_of_meter(events(*short), START, END) == ""
