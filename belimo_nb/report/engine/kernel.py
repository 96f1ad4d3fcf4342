"""A Jupyter kernel for one report: on this very Python, private, and gone when its caller is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode
from traitlets.config import Config

from belimo_nb.report.workers.child import adopt

__all__ = ["PrivateKernel", "configuration"]

SOCKET_PATH_LIMIT = 100
"""Longest path that leaves room for a suffix in the address of a Unix socket (103 bytes on macOS, 107 on Linux)."""


class PrivateKernel(AsyncKernelManager):
    """Starts IPython kernels of this interpreter, whatever kernels are registered on the machine.

    A kernel called "python3" may be another Python without our package, or missing. It talks over Unix sockets in a
    private folder where there are such: TCP ports are found free first and bound later, and get lost in between.
    """

    folder = Unicode(help="Private folder for sockets and IPython's files.").tag(config=True)
    environment = Dict(help="Environment of the kernel.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection_file = os.path.join(self.folder, "kernel.json")  # noqa: PTH118 - the trait is text
        if hasattr(os, "fork") and len(os.fsencode(self.connection_file)) < SOCKET_PATH_LIMIT:
            self.transport = "ipc"

    @property
    def kernel_spec(self) -> KernelSpec:
        """The only kernel there is: ipykernel of `sys.executable`."""
        return KernelSpec(resource_dir="", **get_kernel_dict())

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
        """Start the kernel in its environment, and see to it that it dies with this process."""
        await super().start_kernel(env=dict(self.environment), **kwargs)
        pid = getattr(self.provisioner, "pid", None)
        if pid:
            adopt(pid)


def configuration(folder: Path, environment: Mapping[str, str]) -> Config:
    """How to make the kernel of one report.

    Args:
        folder: A private folder that exists and has a short path.
        environment: The whole environment of the kernel.
    """
    return Config({"PrivateKernel": {"folder": str(folder), "environment": dict(environment)}})
