"""The shown samples as a file for the browser to save; the link carries it, so it works wherever the widgets do."""

from __future__ import annotations

import base64
import io
import re
import zipfile

from belimo_nb.display.base import esc

__all__ = ["file_name", "link"]

PLAIN_LIMIT = 500_000
"""Bytes of CSV up to which it is given as it is; more is zipped: a Jupyter server passes on 1 MB a second."""

LIMIT = 1_500_000
"""Bytes that a link may carry."""

ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same file for the same samples


def file_name(device: str, first: str, last: str, resolution: str) -> str:
    """A name without characters that a file system could mind, such as "north-2018-11-24-2018-12-01-5m.csv"."""
    plain = re.sub(r"[^\w.-]+", "-", device).strip("-.")[:80] or "device"
    return f"{plain}-{first}-{last}-{resolution}.csv"


def link(csv: str, name: str) -> str:
    """A link that saves the CSV: as it is, or zipped if it is long; a sentence where it is too long for that."""
    data, kind = csv.encode("utf-8-sig"), "text/csv;charset=utf-8"  # with a mark, for Excel's sake
    if len(data) > PLAIN_LIMIT:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), data, zipfile.ZIP_DEFLATED)
        data, kind, name = packed.getvalue(), "application/zip", f"{name}.zip"
    if len(data) > LIMIT:
        return (
            '<span class="bnb bnb-x-soft">Too many samples to save from here; choose fewer datapoints, a shorter range '
            "or a longer resolution.</span>"
        )
    content = base64.b64encode(data).decode("ascii")
    size = f"{len(data) / 1e6:.1f} MB" if len(data) >= 1e6 else f"{max(1, round(len(data) / 1e3))} kB"
    return (
        f'<a class="bnb bnb-x-save" download="{esc(name)}" href="data:{kind};base64,{content}">'
        f"Save as CSV{' (zipped)' if kind == 'application/zip' else ''}, {size}</a>"
    )
