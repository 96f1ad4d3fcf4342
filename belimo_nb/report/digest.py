"""The digest of a run: what is new and what is worth a visit, short enough to be mailed and read on a phone."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from belimo_nb.display.numbers import plural
from belimo_nb.errors import UsageError
from belimo_nb.report.output.reports_json import Run
from belimo_nb.report.page.assets import made_line, template
from belimo_nb.report.page.news import told
from belimo_nb.system.files import write_text

KINDS = (".html", ".txt", ".eml")
MOST = 20  # devices; the index has all
WIDTH = 72  # characters of a line of text
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
COLORS: Mapping[str, str] = {"problem": "#b3261e", "warn": "#7a5200", "good": "#1b6e3c", "neutral": "#44505c"}


def check(path: Path, out: Path | None = None) -> None:
    """Say at once if a digest cannot be written so.

    Args:
        path: The file.
        out: The output folder, which the run makes; None: a new folder is of no use.

    Raises:
        UsageError: The file's name does not end as one of `KINDS`, its folder is not there, or it is another's file.
    """
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"The digest {str(path)!r} is of no known kind; let its name end with {', '.join(KINDS)}.")
    if not path.absolute().parent.is_dir() and path.absolute().parent != out:
        raise UsageError(f"The folder of the digest {str(path)!r} is not there; make it, or choose another.")
    if os.path.lexists(path) and not _is_ours(path):
        raise UsageError(f"{str(path)!r} is there already and no digest of belimo-nb; choose another file.")


def _is_ours(path: Path) -> bool:
    """Whether a file is one that `write` has written."""
    try:
        found = path.read_bytes() if path.is_file() else b""
    except OSError:
        return False
    return (b"\nX-Unsent: 1" if path.suffix.lower() == ".eml" else b" by belimo-nb ") in found


def write(path: Path, run: Run, address: str | None, out: Path | None = None) -> None:
    """Write the digest of a run.

    Args:
        path: A file of one of `KINDS`: a web page, text, or a mail with both that a mailer can send as it is.
        run: The run, as it was published.
        address: Where readers find the output folder, for links; None: there are none, but from a page in that folder.
        out: The output folder.

    Raises:
        UsageError: It cannot be written.
    """
    beside = path.suffix.lower() == ".html" and out is not None and path.resolve().parent == out.resolve()
    folder = f"{address.rstrip('/')}/{run.facts.period.name}/" if address else None
    folder = f"{run.facts.period.name}/" if folder is None and beside else folder
    content = _content(run, folder)
    makers: dict[str, Callable[[Mapping[str, Any]], str | bytes]] = {".html": as_html, ".txt": as_text, ".eml": as_mail}
    made = makers[path.suffix.lower()](content)
    try:
        write_text(path, made)
    except OSError as error:
        raise UsageError(f"The digest {str(path)!r} cannot be written ({error.strerror}); choose another.") from None


def _content(run: Run, folder: str | None) -> dict[str, Any]:
    facts, counts = run.facts, run.facts.counts
    news = told(run, MOST, folder)
    new, gone = (sum(item.kind in kinds for item in run.changes) for kinds in (("new", "worse", "back"), ("gone",)))
    parts = [f"{new} new" if new else "", f"{gone} gone" if gone else ""]
    parts += [f"{plural(counts['failed'], 'report')} failed" if counts["failed"] else ""]
    return {
        "facts": facts,
        "news": news,
        "reports": plural(counts["ok"] + counts["failed"], "report"),
        "failed": counts["failed"],
        "subject": f"{facts.title}, {facts.period.label}: {', '.join(part for part in parts if part) or 'nothing new'}",
        "made": made_line(facts.made_at, facts.version),
        "index": f"{folder}index.html" if folder else "",
        "colors": COLORS,
    }


def as_html(content: Mapping[str, Any]) -> str:
    """A page whose looks stand in its elements: mail programs drop style sheets."""
    made = template("digest.html.j2", lambda value: CONTROL.sub(" ", value) if type(value) is str else value)
    return made.render(content)


def as_text(content: Mapping[str, Any]) -> str:
    """The same in lines of at most `WIDTH` characters, but for addresses."""
    news, facts = content["news"], content["facts"]
    lines = [_clean(content["subject"]), ""]
    lines += [f"{news['headline']}{':' if news['devices'] else '.'}", ""]
    for device in news["devices"]:
        lines += _wrapped(device["title"], "", "")
        for item in device["items"]:
            head = f"{item['kind']}: {item['topic']}." if item["topic"] else f"{item['kind']}."
            since = f"Since {item['since']}." if item["since"] else ""
            lines += _wrapped(" ".join((head, item["text"], since, item["advice"])), "  - ", "    ")
        lines += [f"    {device['href']}"] if device["href"] else []
        lines.append("")
    if news["more"]:
        lines += [f"And of {news['more']}: see the index.", ""]
    if news["visits"]:
        lines += ["Worth a visit:", ""]
        for number, one in enumerate(news["visits"], 1):
            found = f"{one['finding']}, {one['cost']} a year" if one["cost"] else one["finding"]
            lines += _wrapped(f"{one['title']}: {found}. {one['advice']}", f"{number}. ", "   ")
        lines += ["", *_wrapped(f"{news['findings']}.", "", ""), ""]
    lines += [content["index"]] if content["index"] else []
    lines += [f"{content['reports']} from {facts.source}, {content['made']}."]
    return "\n".join(lines) + "\n"


def as_mail(content: Mapping[str, Any]) -> bytes:
    """A mail with both, without sender and receivers: whoever sends it says them."""
    mail = EmailMessage()
    mail["Subject"] = _clean(content["subject"])
    mail["Date"] = format_datetime(content["facts"].made_at)
    mail["X-Unsent"] = "1"  # Outlook opens it as a draft
    mail.set_content(as_text(content))
    mail.add_alternative(as_html(content), subtype="html")
    return bytes(mail)


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(_clean(text), WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)


def _clean(text: str) -> str:
    """One line of text, whatever a name from the cloud holds."""
    return " ".join(CONTROL.sub(" ", text).encode("utf-8", "replace").decode().split())
