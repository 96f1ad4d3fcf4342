"""The dataprofiles of a cloud, each asked for once."""

from __future__ import annotations

import threading
import warnings
from typing import Any, Protocol

from belimo_nb.api.profile import Profile
from belimo_nb.errors import CloudError, ConnectionFailed, NoDataError, SignInError

__all__ = ["Dataprofiles"]


class Ask(Protocol):
    """Gives the answer of the API at a path, or the one that is kept and does not change."""

    def __call__(self, ref: str, what: str, *, forever: bool) -> dict[str, Any]: ...


class Dataprofiles:
    """The dataprofiles that were asked for so far; safe to share between threads.

    Args:
        ask: Asks the API.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[str, Profile] = {}
        self._unreadable: set[str] = set()
        self._lock = threading.Lock()

    def at(self, ref: str) -> Profile:
        """The dataprofile at `ref`."""
        with self._lock:
            known = self._known.get(ref)
        if known is None:
            name = ref.removeprefix("/definitions/dataprofiles/")
            # A version never changes, but "last" is another one some day.
            known = Profile(self._ask(ref, f"the dataprofile {name}", forever=not ref.endswith("/last")))
            with self._lock:
                self._known[ref] = known
        return known

    def readable(self, ref: str) -> Profile | None:
        """As `at`; None, with a warning the first time, where the cloud will not give it: the others go on.

        Raises:
            CloudError: The cloud cannot be reached, or fails for now.
        """
        with self._lock:
            if ref in self._unreadable:
                return None
        try:
            return self.at(ref)
        except (CloudError, NoDataError) as error:
            if error.retryable or isinstance(error, SignInError | ConnectionFailed):
                raise
            with self._lock:
                self._unreadable.add(ref)
            warnings.warn(f"{error} Its devices are shown without values.", stacklevel=3)
            return None
