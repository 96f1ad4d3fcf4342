"""What was asked for, and which of the answers can still change."""

import pandas as pd
import pytest

from belimo_nb.store.coverage import LATEST, Coverage, Open


def test_an_answer_is_final_up_to_a_moment():
    """What lies before the moment is final, the rest stays open with when it was asked."""
    coverage = Coverage().answered((0, 100), 60, 500, 90)
    assert coverage == Coverage(((0, 60),), (Open(60, 100, 500, 90),))
    assert coverage.asked == ((0, 100),)


def test_final_stays_final():
    """A later answer opens nothing that was final, and replaces what was open."""
    coverage = Coverage(((0, 60),), (Open(60, 100, 500, 90),)).answered((40, 80), 0, 600, 95)
    assert coverage == Coverage(((0, 60),), (Open(60, 80, 600, 95), Open(80, 100, 500, 90)))


def test_missing_is_what_holds_no_more():
    """Missing are the moments never asked for, and those open whose answer does not hold."""
    coverage = Coverage(((0, 60),), (Open(60, 80, 600, 95), Open(80, 100, 500, 90)))
    assert coverage.missing([(-10, 120)], lambda piece: piece.asked == 600) == ((-10, 0), (80, 120))
    assert coverage.missing([(0, 90)], lambda _: True) == ()


def test_settled_are_buckets_that_were_complete():
    """A bucket that was under way when it was asked for may change without a word."""
    coverage = Coverage(((0, 60),), (Open(60, 100, 500, 85), Open(100, 200, 500, None)))
    assert coverage.settled(10) == ((0, 80),)


def test_pieces_that_know_the_same_are_one():
    """Answers in several windows leave the same coverage as one."""
    one = Coverage().answered((0, 100), 30, 500, 90)
    several = Coverage().answered((50, 100), 30, 500, 90).answered((0, 50), 30, 500, 90)
    assert one == several
    assert Coverage.from_json(one.to_json()) == one


def test_pieces_that_differ_stay_apart():
    """Pieces that touch are one only if they were asked for at one time, with one last contact."""
    for other in (Open(50, 100, 501, 90), Open(50, 100, 500, 91), Open(50, 100, 500, None)):
        coverage = Coverage().answered((0, 50), 0, 500, 90).answered((50, 100), 0, other.asked, other.seen)
        assert coverage.open == (Open(0, 50, 500, 90), other)
    apart = Coverage().answered((60, 100), 0, 500, 90).answered((0, 50), 0, 500, 90)
    assert apart.open == (Open(0, 50, 500, 90), Open(60, 100, 500, 90))


@pytest.mark.parametrize("value", [LATEST + 1, -LATEST - 1, True, 1.0, "1", None])
def test_moments_that_are_none(value):
    """What is no whole number of seconds, or further than a time can be, is refused wherever it stands."""
    for body in (
        {"final": [[value, 10]], "open": []},
        {"final": [[0, value]], "open": []},
        {"final": [], "open": [[value, 10, 20, None]]},
        {"final": [], "open": [[0, value, 20, None]]},
        {"final": [], "open": [[0, 10, value, None]]},
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the caller tells
            Coverage.from_json(body)


def test_the_furthest_moments():
    """The first and the last moment that a time can be are read, and so is a device that was never seen."""
    coverage = Coverage(((-LATEST, LATEST),), (Open(-LATEST, LATEST, LATEST, None), Open(0, 1, 2, LATEST)))
    assert Coverage.from_json(coverage.to_json()) == coverage
    assert pd.Timestamp(LATEST, unit="s").as_unit("ns").value > 0
    with pytest.raises(pd.errors.OutOfBoundsDatetime):
        pd.Timestamp(LATEST + 1, unit="s").as_unit("ns")
