"""Several devices asked at once: one that fails costs none of the others."""

from types import SimpleNamespace

import pytest

from belimo_nb.cloud.several import ask_each
from belimo_nb.errors import ApiError, BelimoError, ConnectionFailed, SignInError, UsageError

DEVICES = [SimpleNamespace(name=f"Valve {number}") for number in range(12)]


def refused(of_path):
    """A refused token, or refused credentials."""
    error = SignInError("The cloud refuses it (401).", status_code=401)
    error.of_path = of_path
    return error


def failing(error, *names):
    """A question that fails for some devices."""

    def ask(device):
        if device.name in names:
            raise error
        return device.name

    return ask


@pytest.mark.parametrize(
    "error",
    [refused(of_path=True), MemoryError(), ApiError("The cloud refused it (404).")],
    ids=["401", "memory", "404"],
)
def test_one_that_fails(error):
    """A token refused for one, too little memory for one, or any other refusal is that one's answer alone."""
    found = ask_each(DEVICES, failing(error, "Valve 3"))
    assert [each for each in found if isinstance(each, str)] == [d.name for d in DEVICES if d.name != "Valve 3"]
    assert isinstance(found[3], BelimoError)
    assert str(found[3]).endswith(".")


@pytest.mark.parametrize("error", [refused(of_path=False), UsageError("That makes no sense.")])
def test_what_every_device_would_meet(error):
    """Refused credentials and a question without sense are raised."""
    with pytest.raises(type(error)):
        ask_each(DEVICES, failing(error, "Valve 3"))


@pytest.mark.parametrize("error", [refused(of_path=True), ConnectionFailed("It cannot be reached.")])
def test_a_cloud_that_refuses_all_is_not_asked_for_each(error, monkeypatch):
    """After five in a row no other is asked; those that answer in between begin the count anew."""
    monkeypatch.setattr("belimo_nb.cloud.several.MAX_IN_FLIGHT", 1)
    asked = []

    def ask(device):
        asked.append(device.name)
        if asked != ["Valve 0", "Valve 1"]:
            raise error
        return device.name

    found = ask_each(DEVICES, ask)
    assert len(asked) == 2 + 5
    assert [isinstance(each, str) for each in found] == [False, True] + 10 * [False]
