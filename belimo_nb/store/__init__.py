"""The store: fetched history as Parquet files, what in it is final, and the requests that fill it."""

from __future__ import annotations

from belimo_nb.store.disk import Store, StoreWarning

__all__ = ["Store", "StoreWarning"]
