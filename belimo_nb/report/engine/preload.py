"""What the process that reports are forked from does before the first: import, and use once, what every report needs.

It must start no thread, and leave nothing behind that a notebook could see but caches: no shell, no pyplot (whose first
import in a notebook ties it to the shell), no option, filter or random state.
"""

from __future__ import annotations

import os
import sys
import warnings
from datetime import UTC, datetime
from importlib import import_module

from belimo_nb.report.engine.environment import INLINE, ONE_THREAD

__all__ = ["load", "warm_up"]

BEFORE_IMPORTS = {
    **ONE_THREAD,
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # PyArrow's allocator has a thread of its own otherwise
    "MPLBACKEND": INLINE,
}

EXPORT = ("belimo_nb.report.engine.execute", "belimo_nb.report.page.report_files")
CELLS = tuple(
    f"belimo_nb.{name}"
    for name in ("client.auth", "cloud.cloud", "heating", "plots", "store.archive", "summary", "weather")
)
# What a shell imports when it is made.
SHELL = ("IPython.core.completerlib", "IPython.core.crashhandler", "IPython.core.logger", "IPython.core.oinspect")
GRAMMAR = "rfc3987_syntax"


def load() -> None:
    """Import what makes a report with the engine `kernel`."""
    os.environ.update(ONE_THREAD)
    _import(*EXPORT, "belimo_nb.report.engine.kernel")


def warm_up() -> None:
    """Import and use what makes a report with the engine `fork`, the notebooks' cells included."""
    os.environ.update(BEFORE_IMPORTS)
    _import(*EXPORT, "belimo_nb.report.engine.shell", *CELLS, *SHELL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning that is shown here is not shown again in a report
        _draw()
        _export()


def _import(*names: str) -> None:
    """Import modules; but not a grammar of web addresses that jsonschema would compile for a second and never use.

    It is there only in environments with JupyterLab; without it jsonschema takes any text for an address, and the
    schema of notebooks has none.
    """
    absent = GRAMMAR not in sys.modules
    if absent:
        sys.modules[GRAMMAR] = None  # type: ignore[assignment]  # so an import of it fails
    try:
        for name in names:
            import_module(name)
    finally:
        if absent:
            del sys.modules[GRAMMAR]


def _draw() -> None:
    """Make a table and a few figures of numbers that mean nothing: fonts, glyphs, formats, encoders."""
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


def _export() -> None:
    """Export each notebook as it is stored, outputs included: templates, Markdown, validators."""
    import nbformat

    from belimo_nb.report import notebooks
    from belimo_nb.report.page import page, report_files

    made_at = datetime.now(UTC)
    for name in notebooks.NOTEBOOKS:
        path = notebooks.notebook(name)
        stored = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        tidied = report_files.tidy(stored, name=name, secrets=(), folder=path.parent)
        page.export(tidied, title=name, slug=name, made_at=made_at, version="0")
