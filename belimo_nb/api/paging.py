"""Paging: reading a collection of the API to its last page."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from typing import Any

from belimo_nb.errors import AnswerError
from belimo_nb.quantities import plural

PAGE_ROWS = 2000  # rows of a page; the API gives no more
MAX_ROWS = 1_000_000  # rows of a collection; a cloud that counts more is not believed, since it would be asked for ever
MAX_PAGES = 1000  # pages of a collection; 52,000 devices are 26
MAX_LIST_BYTES = 512 * 2**20  # bytes of a collection; 52,000 devices have half of it
Get = Callable[[str, Mapping[str, str | int], str], dict[str, Any]]
"""Asks the API: path, query, and what is asked for in words."""


def collect(get: Get, path: str, params: Mapping[str, str | int], what: str) -> list[dict[str, Any]]:
    """Read all rows of a collection, in the cloud's order; `what` names it in messages.

    Raises:
        AnswerError: The pages do not add up, so that rows may be missing or doubled.
    """
    # Half a fleet must not pass for a whole one: pages that repeat, skip or end early are errors, as is a total that
    # changes meanwhile, after which rows may have moved from a page to another.
    rows: list[dict[str, Any]] = []
    pages = size = 0
    total: int | None = None
    while total is None or len(rows) < total:
        # From the rows that came, not by whole pages: a server may give fewer than asked for.
        body = get(path, {**params, "limit": PAGE_ROWS, "offset": len(rows)}, what)
        page, paging = body.get("data"), body.get("paging")
        paging = paging if isinstance(paging, dict) else {}
        count = paging.get("total")
        length = _bytes(page)
        if length is None or not isinstance(page, list) or not all(isinstance(row, dict) for row in page):
            raise AnswerError(f"The cloud gave {what} without rows where the API describes them; try again later.")
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise AnswerError(f"The cloud gave {what} and does not say how many there are; try again later.")
        if count > MAX_ROWS:
            raise AnswerError(f"The cloud counts {str(count)[:20]} rows of {what}, which cannot be; try again later.")
        if paging.get("offset", len(rows)) != len(rows):
            raise AnswerError(
                f"The cloud gave rows of {what} from {str(paging['offset'])[:20]} on, not from {len(rows)} as asked; "
                "try again later."
            )
        if total is not None and count != total:
            raise AnswerError(
                f"The number of rows changed from {total} to {count} while {what} came; ask again.", retryable=True
            )
        if not page and len(rows) < count:
            raise AnswerError(
                f"The cloud gave only {len(rows)} of {plural(count, 'row')} of {what} and then an empty page; ask "
                "again.",
                retryable=True,
            )
        pages += 1
        if len(page) * (MAX_PAGES - pages) < count - len(rows) - len(page):
            raise AnswerError(
                f"The cloud gives {what} by {len(page)} of {plural(count, 'row')}, which would take more than "
                f"{MAX_PAGES} requests; ask the vendor."
            )
        size += length
        if size > MAX_LIST_BYTES:
            raise AnswerError(
                f"The cloud gives more than {MAX_LIST_BYTES / 2**20:g} MB of {what} with {len(rows) + len(page)} of "
                f"{plural(count, 'row')}, which none should have; ask the vendor."
            )
        total = count
        rows += page
    if len(rows) > total:
        raise AnswerError(
            f"The cloud gave {plural(len(rows), 'row')} of {what} but counts {total}; ask again.", retryable=True
        )
    return rows


def _bytes(page: Any) -> int | None:
    """About how many bytes a page's JSON had, in a tenth of the time that reading it took; None: it is too deep."""
    try:
        return len(marshal.dumps(page))
    except ValueError:
        return None
