"""The cloud and its devices, as notebooks call them, with checkups and surveys of valves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud, connect

__all__ = ["Cloud", "connect"]


def __getattr__(name: str) -> Any:
    # Imported on first use: a worker process that examines valves needs no sign-in, and starts faster without.
    if name in __all__:
        from belimo_nb.cloud import cloud

        return getattr(cloud, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
