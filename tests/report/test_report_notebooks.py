"""Where the notebooks are, in a checkout and in a wheel."""

import pytest

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report import notebooks


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("overview", {"search"}),
        ("device", {"device", "start", "end"}),
        ("heating_energy", {"search", "start", "end"}),
    ],
)
def test_our_notebooks(name, parameters):
    """Each notebook is there and has parameters, among them those that a run sets."""
    assert name in notebooks.NOTEBOOKS
    assert parameters <= set(notebooks.parameters(notebooks.notebook(name)))


def test_env_example():
    """The settings template names the four credentials and sets nothing."""
    lines = notebooks.env_example().read_text(encoding="utf-8").splitlines()
    for name in ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"):
        assert f"BELIMO_{name}=" in lines


def test_wheel_comes_first(tmp_path, monkeypatch):
    """An installed package's own copy is used, under the names it has there."""
    package = tmp_path / "belimo_nb"
    monkeypatch.setattr(notebooks, "PACKAGE", package)
    with pytest.raises(BelimoError, match=r"lacks device\.ipynb"):
        notebooks.notebook("device")
    (package / "_notebooks").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    for folder in (package / "_notebooks", tmp_path / "notebooks"):
        (folder / "device.ipynb").touch()
    (package / "_notebooks" / "env.example").touch()
    assert notebooks.notebook("device") == package / "_notebooks" / "device.ipynb"
    assert notebooks.env_example() == package / "_notebooks" / "env.example"


def test_unknown_notebook():
    """A name that is none of ours is refused, with the names there are."""
    with pytest.raises(UsageError, match=r"'../secret'.*overview, device, heating_energy"):
        notebooks.notebook("../secret")
