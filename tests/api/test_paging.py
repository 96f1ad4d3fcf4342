"""Pages: all rows or an error, never half a list."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belimo_nb.api import paging
from belimo_nb.api.paging import PAGE_ROWS, collect
from belimo_nb.errors import AnswerError


def pages_of(rows, size):
    """A collection that gives `size` rows a page at most, whatever is asked."""

    def get(path, params, what):
        offset = params["offset"]
        page = rows[offset : offset + min(size, params["limit"])]
        return {"data": page, "paging": {"total": len(rows), "offset": offset, "limit": size}}

    return get


def answers(*bodies):
    """A collection that gives these answers, one after the other."""
    left = list(bodies)
    return lambda *_: left.pop(0)


def page(count, total, **paging):
    """An answer of `count` rows."""
    return {"data": [{"id": number} for number in range(count)], "paging": {"total": total, **paging}}


@settings(max_examples=50)
@given(count=st.integers(0, 60), size=st.integers(1, 25))
def test_all_rows_in_order(count, size):
    """Whatever the size of the pages, every row comes once, in order."""
    rows = [{"id": number} for number in range(count)]
    assert collect(pages_of(rows, size), "/devices", {}, "the devices") == rows


def test_the_query_is_kept():
    """Every page is asked with the query, the largest limit, and the number of rows had so far."""
    asked = []

    def get(path, params, what):
        asked.append((path, dict(params), what))
        return page(10, 30)

    collect(get, "/devices", {"search": "x"}, "the devices")
    assert asked == [("/devices", {"search": "x", "limit": PAGE_ROWS, "offset": o}, "the devices") for o in (0, 10, 20)]
    assert PAGE_ROWS == 2000


def test_pages_of_changing_size():
    """It goes on from what came, not from what was asked for."""
    offsets = []
    sizes = iter((7, 1, 4))

    def get(_path, params, _what):
        offsets.append(params["offset"])
        return page(next(sizes), 12)

    assert len(collect(get, "/devices", {}, "the devices")) == 12
    assert offsets == [0, 7, 8]


@pytest.mark.parametrize(
    ("bodies", "words", "retryable"),
    [
        ([page(10, 23), page(10, 24)], "changed from 23 to 24", True),
        ([page(10, 23), page(10, 22)], "changed from 23 to 22", True),
        ([page(10, 23), page(0, 23)], "only 10 of 23 rows", True),
        ([page(0, 5)], "only 0 of 5 rows", True),
        ([page(10, 13), page(10, 13)], "20 rows of the devices but counts 13", True),
        ([page(3, 0)], "3 rows of the devices but counts 0", True),
        ([{"data": [{}]}], "does not say how many there are", False),
        ([{"data": [{}], "paging": {}}], "does not say how many there are", False),
        ([{"data": [{}], "paging": None}], "does not say how many there are", False),
        ([page(1, "1")], "does not say how many there are", False),
        ([page(1, True)], "does not say how many there are", False),
        ([page(1, -1)], "does not say how many there are", False),
        ([page(1, 1.0)], "does not say how many there are", False),
        ([{"paging": {"total": 0}}], "without rows", False),
        ([{"data": None, "paging": {"total": 0}}], "without rows", False),
        ([{"data": {"id": 1}, "paging": {"total": 1}}], "without rows", False),
        ([{"data": ["a"], "paging": {"total": 1}}], "without rows", False),
        ([page(10, 11), {}], "without rows", False),
    ],
)
def test_pages_that_do_not_add_up(bodies, words, retryable):
    """Pages that do not add up are an error that says how, never a part of the list."""
    with pytest.raises(AnswerError) as caught:
        collect(answers(*bodies), "/devices", {}, "the devices")
    assert words in str(caught.value)
    assert "the devices" in str(caught.value)
    assert str(caught.value).endswith(".")
    assert caught.value.retryable is retryable


def test_a_million_pages():
    """A list that would take more than a thousand requests is given up at once; one of a thousand is read."""
    for rows, size in ((1_000_000, 1), (1001, 1), (999_999, 998)):
        asked = []
        get = pages_of([{}] * rows, size)
        with pytest.raises(AnswerError, match="more than 1000 requests; ask the vendor"):
            collect(lambda *query, get=get, asked=asked: asked.append(1) or get(*query), "/devices", {}, "the devices")
        assert len(asked) == 1
    assert len(collect(pages_of([{}] * 1000, 1), "/devices", {}, "the devices")) == 1000


def test_a_list_that_is_too_long(monkeypatch):
    """Pages that are each within the limit of an answer, but together more than any list has, are not all read."""
    monkeypatch.setattr(paging, "MAX_LIST_BYTES", 5000)
    rows, asked = [{"id": "x" * 1000}] * 20, []
    with pytest.raises(AnswerError, match=r"MB of the devices with 5 of 20 rows, which none should have"):
        collect(lambda *query: asked.append(1) or pages_of(rows, 1)(*query), "/devices", {}, "the devices")
    assert len(asked) == 5
    assert len(collect(pages_of(rows[:4], 1), "/devices", {}, "the devices")) == 4


def test_a_row_that_is_too_deep():
    """Lists within lists within lists are no row."""
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(AnswerError, match="without rows"):
        collect(answers({"data": [{"a": deep}], "paging": {"total": 1}}), "/devices", {}, "the devices")
