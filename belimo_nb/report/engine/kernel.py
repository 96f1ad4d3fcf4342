"""A private Jupyter kernel for one report, on this very Python, that ends with its caller."""

from __future__ import annotations

import os
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Dict, Unicode

from belimo_nb.report.workers.child import kill_group_with_job

SOCKET_PATH_LIMIT = 100
"""Longest path that leaves room for a suffix in the address of a Unix socket (103 bytes on macOS, 107 on Linux)."""


class PrivateKernel(AsyncKernelManager):
    """Kernel manager that starts IPython kernels of this interpreter, whatever kernels are registered.

    A kernel registered as "python3" may be another Python without our package, or missing.
    """

    folder = Unicode(help="Private folder, with a short path, for sockets and IPython's files.").tag(config=True)
    environment = Dict(help="The whole environment of the kernel.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection_file = os.path.join(self.folder, "kernel.json")  # noqa: PTH118 - the trait is text
        # Unix sockets where there are any: a TCP port that is found free may be taken before the kernel binds it.
        if hasattr(os, "fork") and len(os.fsencode(self.connection_file)) < SOCKET_PATH_LIMIT:
            self.transport = "ipc"

    @property
    def kernel_spec(self) -> KernelSpec:
        """The only kernel there is: ipykernel of `sys.executable`."""
        return KernelSpec(resource_dir="", **get_kernel_dict())

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
        """Start the kernel in its environment, and have it killed with this process."""
        await super().start_kernel(env=dict(self.environment), **kwargs)
        # The kernel has a process group of its own, so it would outlive a job that is killed.
        pid = getattr(self.provisioner, "pid", None)
        if pid:
            kill_group_with_job(pid)
