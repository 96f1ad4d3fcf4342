"""What the reports say of changes, returns and design loads, through the client on the demo cloud."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from belimo_nb import hydronics, plots, summary
from belimo_nb.errors import UsageError
from belimo_nb.heating import fit_signature

START, END = "2017-12-01", "2018-12-01"
ALL = "All together"


def days_of(valve, period):
    """A valve's energy by day."""
    return valve.counters(period.start, period.end).energy("D")


@pytest.mark.slow
def test_a_device_report_finds_the_newest_change(cloud):
    """The limit set in mid-period is found by itself, named, and shown as better; what else was changed is told."""
    valve, period = cloud.device("EG Restaurant"), cloud.period(START, END)
    found = summary.valve_effect(cloud, valve, period, days_of(valve, period))
    assert f"{found.changed:%Y-%m-%d}" == "2018-05-14"
    assert found.what == "DeltaT_Limitation_Write = 2; SpDeltaT_K_Write = 11.0"
    assert found.also == ("20\u00a0Jun\u00a02017: new software", "17\u00a0Apr\u00a02018: new software")
    shown = summary.effect_table(found)
    frame = shown.frame.set_index("quantity")
    assert frame["verdict"].tolist() == ["better"] * 4
    assert -12 < frame.loc["volume per kWh, l/kWh", "change"] < -4
    assert found.what in shown.caption
    chart = plots.before_and_after(found)
    assert chart.figure.texts[0].get_text().startswith("Since 14\u00a0May\u00a02018: volume per kWh \u2212")
    assert "Left out: 14\u00a0May\u00a02018 (the day of the change)." in chart.caption
    assert "Also changed in these months: 20\u00a0Jun\u00a02017: new software" in chart.caption


@pytest.mark.slow
def test_a_change_that_does_nothing_shows_nothing(cloud):
    """Another valve's limit was moved, too, but never acts."""
    valve, period = cloud.device("LA01 Kühler"), cloud.period(START, END)
    found = summary.valve_effect(cloud, valve, period, days_of(valve, period))
    assert found.what == "SpDeltaT_K_Write = 4.0"
    assert {effect.verdict for effect in found.effects.values()} == {"within chance"}


def test_no_change_and_a_change_to_come(cloud):
    """Without any there is a note; a day that does not lie before the period's end is refused with a sentence."""
    valve, period = cloud.device("2.OG Sued-Ost"), cloud.period("2018-10-01", "2018-11-01")
    found = summary.valve_effect(cloud, valve, period, days_of(valve, period))
    assert found.effects == {}
    assert summary.effect_table(found).message == (
        "There is no before and after: no setting was changed in the period, and no day of a change is given."
    )
    for shown in (summary.effect_table(found), plots.before_and_after(found)):
        assert shown.level == "absent", "a report leaves the section out"
    for changed, words in (
        ("2018-11-01", "does not lie before the period's end, 2018-11-01"),
        ("soon", "The day of the change .soon. is no date or time"),
    ):
        with pytest.raises(UsageError, match=words):
            summary.valve_effect(cloud, valve, period, days_of(valve, period), changed)


@pytest.fixture(scope="module")
def report(demo_server):
    """The parts of a heating report, of a year."""
    import belimo_nb as bn

    with pytest.MonkeyPatch.context() as patch:
        for name, value in demo_server.environment().items():
            patch.setenv(name, value)
        cloud = bn.connect()
        period = cloud.period(START, END)
        compared, valves = cloud.compared(period), cloud.heating_valves("Heizung")
        counters = cloud.counters(valves, "heating", compared.start, period.end)
        study, _, _ = summary.energy_study(cloud, valves, counters, period, compared)
        yield SimpleNamespace(cloud=cloud, period=period, valves=valves, counters=counters, study=study)
        cloud.close()


@pytest.mark.slow
def test_a_building_without_a_change(report):
    """On a day on which nothing changed no valve, nor all together, shows any; gaps of one are left out and told."""
    found = summary.building_effects(report.cloud, report.valves, report.study, report.period, "2018-03-20")
    assert list(found) == [ALL, *report.valves["name"]]
    assert not any(effect.changed for effect in found[ALL].effects.values())
    shown = summary.valve_effects(found)
    assert shown.frame["valve"].tolist() == list(found)
    assert shown.frame[["energy", "energy_pm", "return_k", "return_k_pm"]].notna().all(axis=None)
    assert "energy or volume not known in full" in set(found[ALL].left_out["why"])
    nothing = summary.building_effects(report.cloud, report.valves, report.study, report.period)
    assert summary.valve_effects(nothing).message == "There is no before and after: no day of a change is given."


@pytest.mark.slow
def test_returns_of_a_building(report):
    """The zone without night setback returns the warmest water, and moves the return of all up; the whole sums up."""
    water = summary.building_water(report.cloud, report.valves, report.study, report.period)
    shown = summary.return_table(water)
    first = shown.frame.iloc[0]
    assert first["valve"] == "Energieventil Heizung 1.OG Sued-West"
    assert first["moves_k"] > 0
    assert shown.frame["share"].sum() == pytest.approx(1)
    whole = float((shown.frame["return_c"] * shown.frame["share"]).sum())
    assert shown.total["return_c"].iloc[0] == pytest.approx(whole)
    ranking = plots.return_ranking(hydronics.ranked(water.days, "heating"))
    assert (
        ranking.figure.texts[0]
        .get_text()
        .startswith(f"Return of all {whole:.1f} °C, furthest off Energieventil Heizung")
    )
    chart = plots.water_temperatures(water.days, report.study.outdoor)
    assert chart.figure.texts[0].get_text().startswith("Supply and return: at \u22127 °C outdoors 7")
    assert (
        "no valve has a counter of volume and both water temperatures"
        in plots.water_temperatures({}, report.study.outdoor).alt
    )
    assert (
        "no valve has a counter of volume and both water temperatures"
        in plots.return_ranking(hydronics.ranked({}, "heating")).alt
    )


def made_study(kind="heating"):
    """A year of 1 kW/K below 15 °C (of cooling: above), whose coldest day has -2 °C and whose warmest 22 °C."""
    index = pd.date_range("2018-01-01", periods=365, tz="Europe/Zurich")
    temperature = pd.Series(10 - 12 * np.cos(2 * np.pi * np.arange(365) / 365), index)
    side = 1 if kind == "heating" else -1
    kwh = 24 * np.maximum(side * (15 - temperature), 0) * (1 + np.random.default_rng(1).normal(0, 0.05, 365))
    hours = pd.date_range(index[0], index[-1] + pd.Timedelta(hours=23), freq="h")
    load = (kwh / 24).reindex(hours, method="ffill") * np.where(hours.hour == 7, 1.5, 1.0)
    return SimpleNamespace(kind=kind, outdoor=temperature, signature=fit_signature(kwh, temperature, kind=kind)), load


def test_design_load_against_contracted_power():
    """23 kW on a day of -8 °C, half as much more in its highest hour: below 30 kW contracted, above it in that hour."""
    shown = summary.design_load_table(*made_study(), outdoor_c="-8", contracted_kw=30)
    day, hour = (row for _, row in shown.frame.iterrows())
    assert day["load_kw"] == pytest.approx(23, rel=0.02)
    assert hour["load_kw"] == pytest.approx(34.5, rel=0.03)
    assert day["of_contracted"] == pytest.approx(day["load_kw"] / 30)
    beyond = "Extrapolated by 6.0 K beyond the days measured (\u22122.0 to 22.0 °C); "
    assert day["remark"] == f"{beyond}below the contracted power"
    assert hour["remark"] == f"{beyond}above the contracted power"


@pytest.mark.parametrize(("kind", "at"), [("heating", -2.0), ("cooling", 22.0)])
def test_design_day_is_the_extreme_one_where_none_is_given(kind, at):
    """The coldest day of heating, the warmest of cooling; then nothing is extrapolated, or held against a contract."""
    shown = summary.design_load_table(*made_study(kind))
    assert shown.frame["at_c"].tolist() == pytest.approx([at, at], abs=0.01)
    assert set(shown.frame["remark"]) == {"Within the days measured"}
    assert "contracted_kw" not in shown.frame


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"outdoor_c": "cold"}, "The design outdoor temperature is 'cold'; give a number, or leave it out."),
        ({"outdoor_c": 300}, "The design outdoor temperature is 300 °C, which no day has; give °C, e.g. -8."),
        ({"contracted_kw": 0}, "The contracted power is 0; give a number above 0, or leave it out."),
        ({"contracted_kw": float("inf")}, "The contracted power is inf; give a number above 0, or leave it out."),
    ],
)
def test_design_values_that_make_no_sense(values, sentence):
    """One sentence: what, which value, what to do."""
    with pytest.raises(UsageError) as told:
        summary.design_load_table(*made_study(), **values)
    assert str(told.value) == sentence
