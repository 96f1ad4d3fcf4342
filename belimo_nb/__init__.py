"""Notebooks and reports for Belimo Energy Valves.

A tour::

    import belimo_nb as bn

    cloud = bn.connect()                      # your account, or the demo cloud if none is set
    cloud.devices(search="Heizung")           # the fleet as a DataFrame
    cloud.latest()                            # power, flow, temperatures now
    valve = cloud.device("2.OG Nord-West")    # by id, serial, name or part of the name
    valve.find("Energy")                      # its datapoints
    valve.history("AbsPower_Fb_W", "2018-11-01", "2018-12-01", resolution="15m")
    valve.energy("heating", "2018-01-01", "2018-12-01", freq="MS")   # kWh a month, with coverage and quality
    bn.weather.outdoor_temperature(cloud, "2018-01-01", "2018-12-01")   # hourly, from BELIMO_WEATHER
    bn.heating.degree_days(temperature), bn.heating.fit_signature(daily_kwh, daily_temperature)
    bn.hydronics.diagnose(samples)            # is this valve healthy: checks, each with a verdict and a sentence
    bn.explore(cloud)                         # widgets, in JupyterLab

Settings come from arguments, the environment and `.env` (`bn.show_settings()` says which); data flows one way:
settings, auth, transport, cloud and device, energy, heating and hydronics, plots and display, notebooks, report.
"""

from __future__ import annotations

from belimo_nb._version import __version__

TYPE_CHECKING = False  # as type checkers know it; importing typing would take longer than all else here
if TYPE_CHECKING:
    import os
    from typing import Any

    import pandas as pd

    from belimo_nb import display, energy, errors, heating, hydronics, plots, weather
    from belimo_nb.cloud.cloud import Cloud, connect
    from belimo_nb.cloud.device import Device
    from belimo_nb.explorer import explore

__all__ = [
    "Cloud",
    "Device",
    "__version__",
    "connect",
    "display",
    "energy",
    "errors",
    "explore",
    "heating",
    "hydronics",
    "plots",
    "show_settings",
    "weather",
]

_ROOMS = ("display", "energy", "errors", "heating", "hydronics", "plots", "weather")
_NAMES = {"Cloud": "cloud", "Device": "cloud.device", "connect": "cloud", "explore": "explorer"}


def show_settings(env_file: str | os.PathLike[str] | None = None, **overrides: Any) -> pd.DataFrame:
    """The settings and where each came from, index ``setting``, columns value and from; secrets masked."""
    from belimo_nb import settings

    return settings.load(env_file, **overrides).table()


def __getattr__(name: str) -> Any:
    from importlib import import_module

    # Imported on first use: `belimo-nb --help` must not wait for pandas.
    if name in _ROOMS:
        return import_module(f"belimo_nb.{name}")
    if name in _NAMES:
        return getattr(import_module(f"belimo_nb.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
