"""Import and use once what every report needs, in the process that reports are forked from.

This must start no thread, and leave nothing that a notebook could see but caches: no shell, no pyplot (it ties
itself to the shell when it is first imported, so the notebook must do that), no option, filter or random state.
"""

from __future__ import annotations

import os
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module

from belimo_nb.report.engine.engines import INLINE, ONE_THREAD

BEFORE_IMPORTS = {
    **ONE_THREAD,
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # PyArrow's allocator has a thread of its own otherwise
    "MPLBACKEND": INLINE,
}

EXPORT_MODULES = ("belimo_nb.report.engine.execute", "belimo_nb.report.page.report_files")
CELL_MODULES = tuple(
    f"belimo_nb.{name}"
    for name in ("client.auth", "cloud.cloud", "explorer", "heating", "plots", "store.archive", "summary", "weather")
)
# A new shell imports these; the shell itself must not be made here, for its state would reach every report.
SHELL_MODULES = tuple(
    f"IPython.core.{name}" for name in ("application", "completerlib", "crashhandler", "logger", "oinspect")
)
UNUSED_GRAMMAR = "rfc3987_syntax"


def preload_for_kernel() -> None:
    """Import what a report needs with the engine `kernel`: its cells run elsewhere."""
    os.environ.update(ONE_THREAD)
    _import(*EXPORT_MODULES, "belimo_nb.report.engine.kernel")


def preload_for_fork() -> None:
    """Import and use what a report needs with the engine `fork`, its notebook's cells included."""
    os.environ.update(BEFORE_IMPORTS)
    _import(*EXPORT_MODULES, "belimo_nb.report.engine.shell", *CELL_MODULES, *SHELL_MODULES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning that is shown here is not shown again in a report
        # Importing is half of it: fonts, templates and validators are loaded at their first use.
        _draw_examples()
        _export_examples()


def _import(*names: str) -> None:
    """Import modules, but not the grammar of web addresses that jsonschema would spend a second on compiling.

    Environments with JupyterLab have it. Without it jsonschema checks no addresses, and notebooks' schema has none.
    """
    absent = UNUSED_GRAMMAR not in sys.modules
    if absent:
        sys.modules[UNUSED_GRAMMAR] = None  # type: ignore[assignment]  # so an import of it fails
    try:
        for name in names:
            import_module(name)
    finally:
        if absent:
            del sys.modules[UNUSED_GRAMMAR]


def _draw_examples() -> None:
    """Draw a figure and a table of made-up numbers, which loads fonts, formats and encoders: more load no more."""
    import numpy as np
    import pandas as pd

    from belimo_nb import plots
    from belimo_nb.display import table

    days = pd.date_range("2018-01-01", periods=60, tz="Europe/Zurich")
    kwh = pd.DataFrame({"Heating": 20 + 10 * np.sin(np.arange(len(days)))}, days)
    for shown in (plots.daily_energy(kwh), table(kwh, "days", "Days")):
        shown._repr_mimebundle_()


def _export_examples() -> None:
    """Export a stored notebook, which loads templates, the Markdown parser and validators."""
    import nbformat

    from belimo_nb.report import notebooks
    from belimo_nb.report.page import page, report_files

    path = notebooks.notebook("device")
    stored = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    tidied = report_files.remove_private(stored, name="device", secrets=(), folder=path.parent)
    page.export(tidied, title="Device", made_at=datetime.now(UTC), version="0")
