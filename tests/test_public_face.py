"""The face: the names, signatures and manners that notebooks and docs rely on."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import belimo_nb as bn
from belimo_nb import energy, hydronics
from belimo_nb.cloud import cloud, device

NAMES = [
    "Cloud",
    "Device",
    "__version__",
    "connect",
    "display",
    "energy",
    "errors",
    "hydronics",
    "plots",
    "show_settings",
]
CLIENT = [
    *("settings", "settings.addresses", "errors", "quantities"),
    *("calendar.intervals", "calendar.moments", "calendar.periods"),
    *("api.devices", "api.history", "api.paging", "api.profile"),
    *("client.auth", "client.http", "client.retries", "client.token_file", "client.transport"),
    *("cloud", "cloud.connection", "cloud.device", "energy", "energy.counter"),
]
SIGNATURES = {
    "connect": (cloud.connect, "env_file=None demo=None files=None **overrides"),
    "show_settings": (bn.show_settings, "env_file=None **overrides"),
    "Cloud.user": (cloud.Cloud.user, "self"),
    "Cloud.stats": (cloud.Cloud.stats, "self"),
    "Cloud.devices": (cloud.Cloud.devices, "self search=None"),
    "Cloud.latest": (cloud.Cloud.latest, "self devices=None"),
    "Cloud.device": (cloud.Cloud.device, "self key"),
    "Device.find": (device.Device.find, "self text"),
    "Device.state": (device.Device.state, "self at=None"),
    "Device.history": (
        device.Device.history,
        "self datapoints start end=None resolution='1h' aggregation='last'",
    ),
    "Device.energy": (device.Device.energy, "self kind='heating' start=None end=None freq='D' tz=None"),
    "Device.timeline": (device.Device.timeline, "self start=None end=None"),
    "diagnose": (
        hydronics.diagnose,
        "samples fine=None design=None design_delta_t=None tz='UTC' outdoor=None outages=None health='' until=None "
        "checks=None",
    ),
    "explore": (bn.explore, "cloud device=None datapoints=None start=None end=None resolution=None"),
    "interval_energy": (
        energy.interval_energy,
        "counter freq='D' start=None end=None tz='UTC' step=None p_max=None",
    ),
}


def run(code):
    """What a new Python prints for some code."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_names():
    """The package offers these names, sorted, each of which is there."""
    assert sorted(bn.__all__) == bn.__all__
    assert set(NAMES) <= set(bn.__all__)
    for name in bn.__all__:
        assert getattr(bn, name) is not None
    assert dir(bn) == sorted(bn.__all__)


def test_no_other_names():
    """Asking for a name that is not there is an ordinary AttributeError."""
    with pytest.raises(AttributeError, match="'belimo_nb' has no attribute 'conect'"):
        bn.conect  # noqa: B018


def test_version():
    """The version is a version."""
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", bn.__version__)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    """Arguments and defaults are as documented."""
    function, expected = SIGNATURES[name]
    shown = [
        str(p.replace(annotation=inspect.Parameter.empty)) for p in inspect.signature(function).parameters.values()
    ]
    assert " ".join(shown) == expected


def test_datapoints_is_a_property():
    """`valve.datapoints` is read, not called."""
    assert isinstance(device.Device.datapoints, property)


def test_importing_is_quick():
    """Importing the package, its errors and its settings imports nothing that takes long."""
    heavy = "{'pandas', 'numpy', 'matplotlib', 'requests', 'oauthlib', 'tornado', 'IPython', 'papermill', 'tenacity'}"
    code = f"import sys, belimo_nb, belimo_nb.errors, belimo_nb.settings; print(sorted({heavy} & set(sys.modules)))"
    assert run(code) == "[]"


@pytest.mark.slow
def test_the_client_needs_no_plots_and_no_demo():
    """The client itself brings neither matplotlib nor the demo cloud."""
    code = (
        "import sys, belimo_nb; belimo_nb.connect; belimo_nb.energy; "
        "print(sorted({'matplotlib', 'IPython', 'belimo_nb.demo', 'belimo_nb.report'} & set(sys.modules)))"
    )
    assert run(code) == "[]"


@pytest.mark.slow
def test_star_import():
    """`from belimo_nb import *` brings the face."""
    assert run("from belimo_nb import *; print(connect.__name__, energy.__name__)") == "connect belimo_nb.energy"


@pytest.mark.slow
def test_sums_know_no_network_and_no_disk():
    """Energy of intervals and checks of valves are pure: they need no part of the client."""
    client = "{'requests', 'belimo_nb.cloud.cloud', 'belimo_nb.settings', 'belimo_nb.client.http', 'belimo_nb.demo'}"
    for room in ("energy", "hydronics"):
        assert run(f"import sys; from belimo_nb.{room} import *; print(sorted({client} & set(sys.modules)))") == "[]"


def modules():
    """Names of all modules of the package that can be imported."""
    found = pkgutil.walk_packages(bn.__path__, "belimo_nb.")
    return sorted(module.name for module in found if not module.name.endswith("__main__"))


CHECKS = [name for name in modules() if name.startswith("belimo_nb.hydronics.")]


@pytest.mark.parametrize("name", [*(f"belimo_nb.{name}" for name in CLIENT), *CHECKS])
def test_modules_are_documented(name):
    """Each module says what it is for and what it offers; what it offers is there, and documented."""
    module = importlib.import_module(name)
    assert module.__doc__
    if offered := getattr(module, "__all__", None):
        assert list(offered) == sorted(offered, key=_as_ruff_sorts)
    for exported in offered or [key for key in vars(module) if not key.startswith("_")]:
        thing = getattr(module, exported)
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__.startswith("belimo_nb."):
            assert thing.__doc__, exported


def _as_ruff_sorts(name):
    """Constants first, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_public_methods_are_documented():
    """Every public method and property of the two objects people hold has a docstring."""
    for kind in (bn.Cloud, bn.Device):
        for name, member in vars(kind).items():
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def test_every_module_can_be_imported():
    """No module of the package fails on import."""
    for name in modules():
        importlib.import_module(name)
