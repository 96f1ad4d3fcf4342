"""The picture as a canvas that can be zoomed, moved and read under the pointer, where ipympl is installed."""

from __future__ import annotations

import warnings
from typing import Any

import matplotlib
import pandas as pd
from matplotlib import rc_context

from belimo_nb.calendar.periods import Period
from belimo_nb.explorer.figure import Picture
from belimo_nb.plots import style

WIDTH = 960  # CSS pixels
SHORTEST = pd.Timedelta(minutes=1)  # time that a canvas shows at least


def canvas_of(picture: Picture, period: Period) -> Any:
    """Make a canvas of a picture; None where ipympl is missing or there is nothing to look at closely.

    Zooming into any panel zooms all of them to that time, draws it anew from all of its values, as high as those are,
    and labels its own hours.
    """
    if not picture.axes:
        return None
    try:
        base, manager = _ipympl()
    except ImportError:
        return None

    figure = picture.chart.figure
    figure.set_size_inches(WIDTH / figure.dpi, figure.get_figheight())  # a screen has more room than a page
    drawing = False  # drawing sets limits itself

    class StyledCanvas(base):  # type: ignore[misc, valid-type]
        # It draws long after the figure was made, when the settings of its making are no longer there.
        def draw(self) -> None:
            nonlocal drawing
            drawing = True
            try:
                with rc_context(style.RC_PARAMS):
                    super().draw()
            finally:
                drawing = False

    with warnings.catch_warnings():
        # Its toolbar passes arguments on that traitlets will refuse one day; nobody here can do anything about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        canvas = StyledCanvas(figure)
        manager(canvas, 0)
    canvas.header_visible = canvas.resizable = False
    canvas.toolbar_visible, canvas.toolbar_position = True, "top"
    zone = str(period.start.tz)

    def moment(position: float) -> pd.Timestamp:
        return pd.Timestamp(position * 86400, unit="s", tz="UTC").tz_convert(zone)

    def on_limits(_: Any) -> None:
        nonlocal drawing
        if drawing:
            return
        drawing = True
        try:
            # Never beyond what was asked for, where nothing is known.
            start, end = (min(max(moment(edge), period.start), period.end) for edge in picture.axes[0].get_xlim())
            if end - start >= SHORTEST:
                picture.show(start, end)
        finally:
            drawing = False
        canvas.draw_idle()

    picture.axes[0].callbacks.connect("xlim_changed", on_limits)
    for ax in picture.axes:
        ax.callbacks.connect("ylim_changed", on_limits)
        ax.format_coord = lambda x, y: picture.read(moment(x))  # type: ignore[method-assign]
    return canvas


def _ipympl() -> tuple[Any, Any]:
    """Classes of ipympl, imported without making it the backend of the user's own figures, as its import would."""
    use = matplotlib.use
    matplotlib.use = lambda *_, **__: None
    try:
        from ipympl.backend_nbagg import Canvas, FigureManager
    finally:
        matplotlib.use = use
    return Canvas, FigureManager
