"""Widget to choose datapoints: a checkbox for each of the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from belimo_nb.api.search import folded
from belimo_nb.explorer.points import Point


class PointList:
    """A search field and checkboxes, known quantities first.

    Args:
        on_change: Called when the user ticks or unticks a box.

    Attributes:
        search: Field for parts of label, name or id, in any order.
        boxes: Checkboxes by datapoint id.
        view: All of the widgets.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._updating = False
        self._points: tuple[Point, ...] = ()
        self.boxes: dict[str, Any] = {}
        self.search = widgets.Text(
            description="Datapoints", placeholder="Type a part of a name", tooltip="Type to search"
        )
        self._list = widgets.VBox()
        self._list.add_class("bnb-x-list")
        self.view = widgets.VBox([self.search, self._list])
        self.search.observe(lambda _: self._show(), "value")

    @property
    def chosen(self) -> tuple[str, ...]:
        """Ids of the ticked datapoints, in the order of the list."""
        return tuple(identifier for identifier, box in self.boxes.items() if box.value)

    def offer(self, points: Sequence[Point], chosen: Sequence[str]) -> None:
        """Show a device's datapoints and tick some, without calling `on_change`."""
        self._updating = True
        try:
            if tuple(points) != self._points:
                # Closed, or the browser would keep the widgets of each device that was looked at.
                for box in self.boxes.values():
                    box.close()
                self._points = tuple(points)
                self.boxes = {point.id: self._box(point) for point in points}
            for identifier, box in self.boxes.items():
                box.value = identifier in chosen
        finally:
            self._updating = False
        self._show()

    def _box(self, point: Point) -> Any:
        box = widgets.Checkbox(description=point.title, tooltip=f"{point.name} ({point.id})", indent=False)
        box.observe(lambda _: None if self._updating else self._on_change(), "value")
        return box

    def _show(self) -> None:
        words = folded(self.search.value).split()
        texts = {point.id: folded(f"{point.label}\n{point.name}\n{point.id}") for point in self._points}
        shown = [box for identifier, box in self.boxes.items() if all(word in texts[identifier] for word in words)]
        self._list.children = shown
