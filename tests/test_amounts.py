"""Numbers that people give, as parameters of notebooks above all: one sentence for what is none."""

import pytest

from belimo_nb.errors import UsageError
from belimo_nb.quantities import amount


@pytest.mark.parametrize("given", ["20,5", "abc", "", None, True, [1], float("nan"), float("inf"), -1, 0, "0"])
def test_what_is_no_amount(given):
    """A decimal comma, words, nothing, and what is not above 0 are told with the value."""
    with pytest.raises(UsageError) as caught:
        amount(given, "design delta-T in K")
    assert str(caught.value) == f"The design delta-T in K is {given!r}; give a number above 0, or leave it out."


@pytest.mark.parametrize(("given", "found"), [(20.5, 20.5), ("20.5", 20.5), (3, 3.0), ("1e3", 1000.0)])
def test_amounts(given, found):
    """Numbers, also as text, as papermill passes them on."""
    assert amount(given, "price") == found


def test_amounts_from_a_least_on():
    """0 is an amount where the least is 0."""
    assert amount(0, "price", least=0) == 0
    with pytest.raises(UsageError, match="of 1 or more"):
        amount(0, "number of valves", least=1)
