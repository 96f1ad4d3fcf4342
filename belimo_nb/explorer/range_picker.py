"""Widget to choose a range and a resolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import pandas as pd

from belimo_nb.explorer.choice import AUTO, SPANS, Choice, range_up_to_now

RESOLUTION_LABELS = {AUTO: "Automatic", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day"}


class RangePicker:
    """Buttons for ranges up to now, fields for two days, and a list of resolutions.

    Args:
        now: Returns the present time in the site's zone.
        choice: What to show first: days, the range that they follow, and resolution.
        on_change: Called when anything is changed.

    Attributes:
        span: Name of the active button, "" once the days are chosen by hand.
        buttons: Buttons by name in `SPANS`.
        first: Field of the first day.
        last: Field of the last day.
        resolution: List of resolutions.
        view: All of the widgets.
    """

    def __init__(self, now: Callable[[], pd.Timestamp], choice: Choice, on_change: Callable[[], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._updating = False
        self.span = choice.span
        self.buttons = {
            name: widgets.Button(description=f"Last {name}", tooltip=f"From a {name} ago to now") for name in SPANS
        }
        self.first = widgets.DatePicker(description="From", value=choice.first)
        self.last = widgets.DatePicker(description="To (included)", value=choice.last)
        resolution = choice.resolution
        texts = RESOLUTION_LABELS if resolution in RESOLUTION_LABELS else RESOLUTION_LABELS | {resolution: resolution}
        self.resolution = widgets.Dropdown(
            description="Resolution", options=[(text, key) for key, text in texts.items()], value=resolution
        )
        ranges = widgets.HBox(list(self.buttons.values()))
        ranges.add_class("bnb-x-buttons")
        days = widgets.HBox([self.first, self.last])
        days.add_class("bnb-x-pair")
        self.view = widgets.VBox([ranges, days, self.resolution])
        self._highlight()
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.choose_span(name))
        for field in (self.first, self.last):
            field.observe(self._on_day, "value")
        self.resolution.observe(lambda _: self._on_change(), "value")

    def choose_span(self, span: str) -> None:
        """Choose a range up to now, by its name in `SPANS`."""
        self._updating = True  # two fields change, but it is one change of the range
        try:
            self.first.value, self.last.value = range_up_to_now(span, self._now())
        finally:
            self._updating = False
        self.span = span
        self._highlight()
        self._on_change()

    def _on_day(self, _: Any) -> None:
        if not self._updating:
            self.span = ""
            self._highlight()
            self._on_change()

    def _highlight(self) -> None:
        for name, button in self.buttons.items():
            button.button_style = "primary" if name == self.span else ""
