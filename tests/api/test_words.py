"""What a valve says of itself, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belimo_nb.quantities import ERRORS, in_words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Error_Status_Cloud", 0, "no error (0)"),
        ("Error_Status_Cloud", 1, "T1 error (1)"),
        ("Error_Status_Cloud", 2048.0, "freeze warning (2048)"),
        ("/hlk/error_status_cloud", 2049, "freeze warning, T1 error (2049)"),
        ("Error_Status_Cloud", 4100, "flow signal faulty, bit 12 (4100)"),
        ("Error_Status_Cloud", -1, None),
        ("MasterDeviceErrorStatus", 4, None),
        ("dT_Manager_Ste", 3, "delta-T selected, active (3)"),
        ("dT_Manager_Ste", 6, None),
        ("Sequence_Ste", 2, "cooling (2)"),
        ("Override_Write", 3, "probably open (3)"),
        ("Override_Write", 4, None),
        ("ControlMode_Write", 1, None),
        ("Sequence_Ste", "heating", None),
        ("Sequence_Ste", True, None),
        ("Sequence_Ste", 2.5, None),
        ("Sequence_Ste", None, None),
        ("Sequence_Ste", float("nan"), None),
        ("Error_Status_Cloud", float("inf"), None),
    ],
)
def test_words(name, value, words):
    """Known numbers have words, with the number behind; others, texts and guesses have none."""
    assert in_words(name, value) == words


@given(bits=st.sets(st.integers(0, 15)))
def test_each_bit_is_told(bits):
    """Every bit that is set is named once, known ones by their words."""
    found = in_words("Error_Status_Cloud", sum(1 << bit for bit in bits))
    told = [] if not bits else found.rsplit(" (", 1)[0].split(", ")
    assert sorted(told) == sorted(ERRORS[bit] if bit < len(ERRORS) else f"bit {bit}" for bit in bits)
