"""Choosing the range and the resolution."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as widgets
import pandas as pd

from belimo_nb.explorer.choice import AUTOMATIC, SPANS, days_back

__all__ = ["RangePicker"]

RESOLUTIONS = {AUTOMATIC: "Automatic", "5m": "5 minutes", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day"}


class RangePicker:
    """Buttons for ranges up to now, two days, and a resolution.

    Args:
        now: Gives the time, in the site's zone.
        first: First day.
        last: Last day, included.
        span: The button that they come from, "" for none.
        resolution: Length of a bucket, or "auto".
        on_change: Called when anything is changed.

    Attributes:
        span: The button that is in force, "" once the days are chosen by hand.
        buttons: Them by their names.
        first: The first day's field.
        last: The last day's field.
        resolution: Its field.
        view: All of it.
    """

    def __init__(
        self,
        now: Callable[[], pd.Timestamp],
        first: date | None,
        last: date | None,
        span: str,
        resolution: str,
        on_change: Callable[[], None],
    ) -> None:
        self._now = now
        self._changed = on_change
        self._setting = False
        self.span = span
        self.buttons = {
            name: widgets.Button(description=f"Last {name}", tooltip=f"From a {name} ago to now") for name in SPANS
        }
        self.first = widgets.DatePicker(description="From", value=first)
        self.last = widgets.DatePicker(description="To (included)", value=last)
        texts = RESOLUTIONS if resolution in RESOLUTIONS else RESOLUTIONS | {resolution: resolution}
        self.resolution = widgets.Dropdown(
            description="Resolution", options=[(text, key) for key, text in texts.items()], value=resolution
        )
        ranges = widgets.HBox(list(self.buttons.values()))
        ranges.add_class("bnb-x-buttons")
        days = widgets.HBox([self.first, self.last])
        days.add_class("bnb-x-pair")
        self.view = widgets.VBox([ranges, days, self.resolution])
        self._mark()
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.back(name))
        for field in (self.first, self.last):
            field.observe(self._by_hand, "value")
        self.resolution.observe(lambda _: self._changed(), "value")

    def back(self, span: str) -> None:
        """Choose a range up to now, by its name in `SPANS`."""
        self._setting = True
        try:
            self.first.value, self.last.value = days_back(span, self._now())
        finally:
            self._setting = False
        self.span = span
        self._mark()
        self._changed()

    def _by_hand(self, _: Any) -> None:
        if not self._setting:
            self.span = ""
            self._mark()
            self._changed()

    def _mark(self) -> None:
        for name, button in self.buttons.items():
            button.button_style = "primary" if name == self.span else ""
