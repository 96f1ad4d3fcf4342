"""The demo cloud: an HTTP server with the Belimo Cloud's API and simulated buildings, for trials and tests.

It imports nothing else of belimo_nb: a mistake about the API that client and server shared would pass every test.
`environment()` starts one for this process; `DemoCloud` is for those who want their own.
"""

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belimo_nb.demo.cloud import DemoCloud

__all__ = ["DemoCloud", "environment"]

_lock = threading.Lock()
_cloud: "DemoCloud | None" = None


def environment() -> dict[str, str]:
    """The settings (`BELIMO_...`) that point at this process's demo cloud; the first call starts it.

    It stops when the process ends. A forked child uses its parent's.
    """
    global _cloud
    with _lock:
        if _cloud is None:
            from belimo_nb.demo.cloud import DemoCloud

            _cloud = DemoCloud().start()
            atexit.register(_cloud.stop)
        return _cloud.environment()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def __getattr__(name: str) -> Any:
    # imported late: tornado, oauthlib and numpy are for those who start a server
    if name == "DemoCloud":
        from belimo_nb.demo.cloud import DemoCloud

        return DemoCloud
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
