"""What tests of the explorer share: a desk of widgets, and reading off it what a person would."""

from __future__ import annotations

import base64
import re
from html import unescape
from typing import Any

import pandas as pd

from belimo_nb.explorer.choice import initial_choice
from belimo_nb.explorer.explorer import Explorer


def explorer(cloud: Any, device: str | None = None, **chosen: Any) -> Explorer:
    """What `bn.explore` gives where somebody is there."""
    return Explorer(cloud, initial_choice(cloud, device, **chosen))


def said(shown: Explorer) -> str:
    """What the status says, as text."""
    return unescape(re.sub(r"<[^>]*>", "", shown.status.value))


def alt(shown: Explorer) -> str:
    """The picture in words; "" where there is none."""
    found = re.search(r'(?:alt|aria-label)="([^"]*)"', shown.picture.value)
    return unescape(found[1]) if found else ""


def saved(html: str) -> tuple[str, bytes]:
    """Name and content of the file behind a link."""
    found = re.search(r'download="([^"]*)" href="data:[^"]*;base64,([^"]*)"', html)
    assert found, html[:200]
    return unescape(found[1]), base64.b64decode(found[2])


def local(text: str, zone: str = "Europe/Zurich") -> pd.Timestamp:
    """A local time."""
    return pd.Timestamp(text, tz=zone)
