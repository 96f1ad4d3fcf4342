"""Dataprofiles of a cloud, each fetched once."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from belimo_nb.api.profile import Profile
from belimo_nb.client.retries import own_error
from belimo_nb.errors import CloudError, ConnectionFailed, NoDataError

LASTS = 86400  # seconds for which a kept version of a dataprofile is not asked for again


class Dataprofiles:
    """A cache of dataprofiles by path; safe to share between threads."""

    # `ask` takes the path, what it is in words, and for how many seconds a kept answer will do.

    def __init__(self, ask: Callable[[str, str, int], dict[str, Any]]) -> None:
        self._ask = ask
        self._known: dict[str, Profile] = {}
        self._unreadable: dict[str, CloudError | NoDataError] = {}
        self._lock = threading.Lock()

    def at(self, ref: str) -> Profile:
        """The dataprofile at the path `ref`."""
        # The lock is not held while asking: other profiles should not wait for this one.
        with self._lock:
            known = self._known.get(ref)
        if known is None:
            name = ref.removeprefix("/definitions/dataprofiles/")
            # A version never changes, but an answer may lack a part of it, and "last" is another one some day.
            known = Profile(self._ask(ref, f"the dataprofile {name}", 0 if ref.endswith("/last") else LASTS))
            with self._lock:
                self._known[ref] = known
        return known

    def refusal(self, ref: str | None) -> CloudError | NoDataError | None:
        """Why a dataprofile could not be read; None if it could, or was not asked for."""
        return self._unreadable.get(ref or "")

    def readable(self, ref: str | None) -> Profile | None:
        """As `at`; None for no path and, with a warning the first time, where the cloud refuses it.

        Raises:
            CloudError: The cloud cannot be reached, or fails for now.
        """
        with self._lock:
            if ref is None or ref in self._unreadable:
                return None
        try:
            return self.at(ref)
        except (CloudError, NoDataError) as error:
            # A cloud that is down is told as such; a profile that is refused must not cost the other devices.
            if error.retryable or isinstance(own_error(error, ref), ConnectionFailed):
                raise
            with self._lock:
                self._unreadable[ref] = error
            warnings.warn(f"{error} Its devices are shown without values.", stacklevel=3)
            return None
