"""Choosing datapoints: a box to tick for each that the device has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from belimo_nb.explorer.points import Point

__all__ = ["PointList"]


class PointList:
    """A search field and boxes to tick, the important ones first.

    Args:
        on_change: Called when a box is ticked or unticked.

    Attributes:
        search: The field to type in: parts of label, name or id, in any order.
        boxes: The boxes by datapoint id.
        view: All of it.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._changed = on_change
        self._setting = False
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
        """The ticked datapoints' ids, in the order of the list."""
        return tuple(identifier for identifier, box in self.boxes.items() if box.value)

    def offer(self, points: Sequence[Point], chosen: Sequence[str]) -> None:
        """Show a device's datapoints and tick some; nobody is told."""
        self._setting = True
        try:
            if tuple(points) != self._points:
                for box in self.boxes.values():
                    box.close()
                self._points = tuple(points)
                self.boxes = {point.id: self._box(point) for point in points}
            for identifier, box in self.boxes.items():
                box.value = identifier in chosen
        finally:
            self._setting = False
        self._show()

    def _box(self, point: Point) -> Any:
        box = widgets.Checkbox(description=point.title, tooltip=f"{point.name} ({point.id})", indent=False)
        box.observe(lambda _: None if self._setting else self._changed(), "value")
        return box

    def _show(self) -> None:
        words = self.search.value.casefold().split()
        texts = {point.id: f"{point.label}\n{point.name}\n{point.id}".casefold() for point in self._points}
        shown = [box for identifier, box in self.boxes.items() if all(word in texts[identifier] for word in words)]
        self._list.children = shown
