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
    for name in ("client.auth", "cloud.cloud", "heating", "plots", "store.archive", "summary", "weather")
)
# A new shell imports these; the shell itself must not be made here, for its state would reach every report.
SHELL_MODULES = tuple(f"IPython.core.{name}" for name in ("completerlib", "crashhandler", "logger", "oinspect"))
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
    """Draw figures and a table of made-up numbers, which loads fonts, glyphs, formats and encoders."""
    import numpy as np
    import pandas as pd

    from belimo_nb import plots
    from belimo_nb.display import table

    hours = pd.date_range("2018-01-01", periods=24 * 60, freq="h", tz="Europe/Zurich")
    names = ["t1_c", "t2_c", "delta_t_k", "flow_m3h", "power_kw", "position_pct", "setpoint_pct"]
    values = 20 + 10 * np.sin(np.arange(len(hours) * len(names)).reshape(len(hours), -1))
    samples = pd.DataFrame(values, index=hours, columns=names)
    kwh = samples[["power_kw"]].rename(columns={"power_kw": "Heating"})
    days, months = kwh.resample("D").sum(), kwh.resample("MS").sum()
    for shown in (
        plots.monthly_energy(months, months),
        plots.daily_energy(days),
        plots.temperatures(samples),
        plots.flow_and_power(samples),
        plots.power_against_flow(samples["flow_m3h"], samples["power_kw"]),
        plots.position(samples),
        table(days, "days", "Days"),
    ):
        shown._repr_mimebundle_()


def _export_examples() -> None:
    """Export each stored notebook, which loads templates, the Markdown parser and validators."""
    import nbformat

    from belimo_nb.report import notebooks
    from belimo_nb.report.page import page, report_files

    made_at = datetime.now(UTC)
    for name in notebooks.NOTEBOOKS:
        path = notebooks.notebook(name)
        stored = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        tidied = report_files.remove_private(stored, name=name, secrets=(), folder=path.parent)
        page.export(tidied, title=name, made_at=made_at, version="0")
