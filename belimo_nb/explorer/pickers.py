"""Widgets to choose a device among thousands, datapoints of it, and a range with a resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import pandas as pd

from belimo_nb.api.devices import distinct_names
from belimo_nb.api.search import folded
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display import number
from belimo_nb.display.base import esc
from belimo_nb.display.numbers import plural
from belimo_nb.explorer.choice import AUTO, SPANS, Choice, range_up_to_now
from belimo_nb.explorer.points import Point

MAX_MATCHES = 50  # devices in the list at most: a browser takes long over thousands, and so do people
SEARCHED_COLUMNS = ("name", "serial", "project", "city")
FACT_COLUMNS = (("Serial", "serial"), ("", "profile"), ("", "project"))
ROWS = 8


class DevicePicker:
    """A search field, a list of matches, and facts about the chosen device.

    Args:
        cloud: Cloud of the devices; its last list is used, without a request.
        chosen: Id of the chosen device.
        on_change: Called when another is chosen.
        others: Ids of devices that are kept in the picture.

    Attributes:
        value: Id of the chosen device.
        search: Field for parts of name, serial number, project or city, in any order.
        matches: List of matching devices.
        others: Ids of the devices that stay in the picture beside it.
        keep: Button that keeps the chosen device in the picture.
        kept: A button for each kept device, which takes it out again.
        view: All of the widgets.
    """

    def __init__(self, cloud: Cloud, chosen: str, on_change: Callable[[], None], others: Sequence[str] = ()) -> None:
        self._zone = cloud.timezone
        self._devices = cloud.connection.listed_devices()
        rows = self._devices
        named = [(str(i), n, str(s or "")) for i, n, s in zip(rows.index, rows["name"], rows["serial"], strict=True)]
        self._names = dict(zip((device[0] for device in named), distinct_names(named), strict=True))
        searched = zip(rows.index, *(rows[column] for column in SEARCHED_COLUMNS), strict=True)
        self._texts = {str(texts[0]): folded("\n".join(str(text or "") for text in texts)) for texts in searched}
        self._on_change = on_change
        self._updating = False
        self.value = chosen
        self.others = [identifier for identifier in others if identifier in self._names]
        self.search = widgets.Text(
            description="Device", placeholder="Type a part of its name or serial number", tooltip="Type to search"
        )
        self.matches = widgets.Select(description="Devices that fit", rows=ROWS)
        self.count = widgets.HTML()
        self.facts = widgets.HTML()
        self.keep = widgets.Button(
            description="Keep to compare", tooltip="Keep this device in the picture, then choose another beside it"
        )
        self.kept = widgets.VBox()
        self.kept.add_class("bnb-x-kept")
        self.view = widgets.VBox([self.search, self.matches, self.count, self.facts, self.keep, self.kept])
        self._show_matches()
        self._show_facts()
        self._show_kept()
        self.keep.on_click(lambda _: self.toggle(self.value))
        self.search.observe(self._on_search, "value")
        self.matches.observe(self._on_pick, "value")

    @property
    def name(self) -> str:
        """Name of the chosen device, with its serial number where others have the same name."""
        return self._names[self.value]

    def _on_search(self, _: Any) -> None:
        # A single match is chosen at once: nothing is left to pick.
        found = self._show_matches()
        if len(found) == 1 and found[0] != self.value:
            self._set_value(found[0])

    def _on_pick(self, change: Any) -> None:
        if not self._updating and change["new"] is not None and change["new"] != self.value:
            self._set_value(str(change["new"]))

    def _set_value(self, identifier: str) -> None:
        self.value = identifier
        self._select_value()
        self._show_facts()
        self._on_change()

    def toggle(self, identifier: str) -> None:
        """Keep a device in the picture, or take it out again."""
        if identifier in self.others:
            self.others.remove(identifier)
        else:
            self.others.append(identifier)
        self._show_kept()
        self._on_change()

    def _show_kept(self) -> None:
        for button in self.kept.children:
            button.close()
        buttons = [widgets.Button(description=f"✕ {self._names[key]}", tooltip="Take it out") for key in self.others]
        for button, key in zip(buttons, tuple(self.others), strict=True):
            button.on_click(lambda _, key=key: self.toggle(key))
        self.kept.children = buttons

    def _show_matches(self) -> list[str]:
        """Fill the list; returns all matching ids."""
        words = folded(self.search.value).split()
        found = [identifier for identifier, text in self._texts.items() if all(word in text for word in words)]
        shown = found[:MAX_MATCHES]
        if self.value in found and self.value not in shown:
            shown = [self.value, *shown[:-1]]
        options = [(self._names[identifier], identifier) for identifier in shown]
        self._select_value(options)
        total = len(self._texts)
        if not found:
            text = (
                f"None of {plural(total, 'device')} has “{esc(self.search.value.strip())}” in its name or "
                f"serial number."
            )
        elif len(shown) < len(found):
            text = f"The first {MAX_MATCHES} of {plural(len(found), 'device')}; type to narrow them down."
        else:
            text = f"{number(len(found))} of {plural(total, 'device')}" if words else plural(total, "device")
        self.count.value = f'<span class="bnb bnb-x-soft" role="status">{text}</span>'
        return found

    def _select_value(self, options: list[tuple[str, str]] | None = None) -> None:
        self._updating = True
        try:
            if options is not None:
                # Without a selection in between: the list selects its first device by itself.
                self.matches.options, self.matches.index = options, None
            listed = [identifier for _, identifier in self.matches.options]
            self.matches.index = listed.index(self.value) if self.value in listed else None
        finally:
            self._updating = False

    def _show_facts(self) -> None:
        row: Any = self._devices.loc[self.value]
        seen = row["last_seen"]
        if pd.isna(seen):
            contact = "never online"
        else:
            contact = "online" if row["online"] else f"offline since {seen.tz_convert(self._zone):%Y-%m-%d %H:%M}"
        health = {"OK": "good", "WARNING": "warn", "ERROR": "problem"}.get(str(row["health"]), "neutral")
        words = [str(part) for part in (row["health"], row["note"]) if part]
        lines = [
            f'<span class="bnb-st bnb-{health}">{esc(": ".join(words))}</span>',
            esc(contact),
            *(esc(f"{word} {row[column]}".strip()) for word, column in FACT_COLUMNS if row[column]),
        ]
        about = "".join(f"<li>{line}</li>" for line in lines)
        self.facts.value = f'<p class="bnb bnb-x-name">{esc(self.name)}</p><ul class="bnb bnb-x-facts">{about}</ul>'


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
