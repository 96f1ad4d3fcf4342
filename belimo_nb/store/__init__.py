"""History on disk: what is kept, what of a question is still unknown, and the fewest requests that answer it.

A question goes to `archive`. It reads what is `kept` of a device from `disk`, takes from its `coverage` which `spans`
are unknown or can still change, makes a `plan` of requests, and merges the answers in. `sync` does that for many
devices, `needs` says what reports will ask, `inventory` what is there; `answers` keeps what else is needed offline.
"""

from __future__ import annotations

from belimo_nb.store.disk import Store, StoreWarning

__all__ = ["Store", "StoreWarning"]
