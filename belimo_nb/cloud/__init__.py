"""What a notebook calls: the cloud, its devices, and what is worked out for them.

`Cloud` and `connect` are imported on first use: a helper process that examines valves needs no sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud, connect

__all__ = ["Cloud", "connect"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from belimo_nb.cloud import cloud

        return getattr(cloud, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
