"""Whether somebody is there who could touch a widget."""

from __future__ import annotations

import os
import sys

__all__ = ["somebody_there"]


def somebody_there() -> bool:
    """Whether the cell that runs was sent by a person's front end, or by Voila for one.

    A front end says with every cell whether it could pass on a question (`input`) to a person: JupyterLab can;
    nbclient, and with it papermill and nbconvert, and nbval cannot. Variables of the environment would not do: a
    program that is started from a notebook inherits them. Voila runs cells with nbclient, but names itself.
    """
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila/") or "VOILA_PREHEAT" in os.environ:
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool((request.get("content") or {}).get("allow_stdin"))
