"""Choosing one device among thousands: type a few letters, then pick from a short list."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import pandas as pd

from belimo_nb.api.devices import distinct_names
from belimo_nb.display import number
from belimo_nb.display.base import esc

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["DevicePicker"]

MATCHES = 50
"""Devices that the list shows at a time: a browser takes long over thousands, and so do people."""

SEARCHED = ("name", "serial", "project", "city")
FACTS = (("Serial", "serial"), ("", "profile"), ("", "project"))
ROWS = 8


class DevicePicker:
    """A search field, a list of what fits, and what is known of the chosen device.

    Args:
        cloud: Where the devices are, as of its last list: nothing here asks it anything.
        chosen: The chosen device's id.
        on_change: Called when another is chosen.

    Attributes:
        value: The chosen device's id.
        search: The field to type in: parts of name, serial number, project or city, in any order.
        matches: The list.
        view: All of it.
    """

    def __init__(self, cloud: Cloud, chosen: str, on_change: Callable[[], None]) -> None:
        self._zone = cloud.timezone
        self._devices = cloud.connection.listed_devices()
        rows = self._devices
        named = [(str(i), n, str(s or "")) for i, n, s in zip(rows.index, rows["name"], rows["serial"], strict=True)]
        self._names = dict(zip((device[0] for device in named), distinct_names(named), strict=True))
        searched = zip(rows.index, *(rows[column] for column in SEARCHED), strict=True)
        self._texts = {str(texts[0]): "\n".join(str(text or "") for text in texts).casefold() for texts in searched}
        self._changed = on_change
        self._setting = False
        self.value = chosen
        self.search = widgets.Text(
            description="Device", placeholder="Type a part of its name or serial number", tooltip="Type to search"
        )
        self.matches = widgets.Select(description="Devices that fit", rows=ROWS)
        self.count = widgets.HTML()
        self.facts = widgets.HTML()
        self.view = widgets.VBox([self.search, self.matches, self.count, self.facts])
        self._list()
        self._tell()
        self.search.observe(self._typed, "value")
        self.matches.observe(self._picked, "value")

    @property
    def name(self) -> str:
        """The chosen device's name, with its serial number where others have the same name."""
        return self._names[self.value]

    def _typed(self, _: Any) -> None:
        found = self._list()
        if len(found) == 1 and found[0] != self.value:
            self._choose(found[0])

    def _picked(self, change: Any) -> None:
        if not self._setting and change["new"] is not None and change["new"] != self.value:
            self._choose(str(change["new"]))

    def _choose(self, identifier: str) -> None:
        self.value = identifier
        self._select()
        self._tell()
        self._changed()

    def _list(self) -> list[str]:
        """Fill the list; returns the ids that fit."""
        words = self.search.value.casefold().split()
        found = [identifier for identifier, text in self._texts.items() if all(word in text for word in words)]
        shown = found[:MATCHES]
        if self.value in found and self.value not in shown:
            shown = [self.value, *shown[:-1]]
        options = [(self._names[identifier], identifier) for identifier in shown]
        self._setting = True
        try:
            # Without a choice in between: the list would choose its first device by itself.
            self.matches.options, self.matches.index = options, None
        finally:
            self._setting = False
        self._select()
        total = len(self._texts)
        if not found:
            text = (
                f"None of {number(total)} devices has “{esc(self.search.value.strip())}” in its name or serial number."
            )
        elif len(shown) < len(found):
            text = f"The first {MATCHES} of {number(len(found))} devices; type to narrow them down."
        else:
            text = f"{number(len(found))} of {number(total)} devices" if words else f"{number(total)} devices"
        self.count.value = f'<span class="bnb bnb-x-soft" role="status">{text}</span>'
        return found

    def _select(self) -> None:
        self._setting = True
        try:
            listed = [identifier for _, identifier in self.matches.options]
            self.matches.index = listed.index(self.value) if self.value in listed else None
        finally:
            self._setting = False

    def _tell(self) -> None:
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
            *(esc(f"{word} {row[column]}".strip()) for word, column in FACTS if row[column]),
        ]
        about = "".join(f"<li>{line}</li>" for line in lines)
        self.facts.value = f'<p class="bnb bnb-x-name">{esc(self.name)}</p><ul class="bnb bnb-x-facts">{about}</ul>'
