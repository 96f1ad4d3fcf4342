"""Title blocks of reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from belimo_nb.display.base import Displayed, esc
from belimo_nb.display.numbers import known, percent


@dataclass(frozen=True, repr=False)
class Header(Displayed):
    """Title block: what a report is about; made by `header`."""

    kind: ClassVar[str] = "header"

    title: str
    subtitle: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    completeness: float | None = None
    source: str = ""

    def data(self) -> dict[str, Any]:
        """Title, subtitle, facts (pairs of name and text), completeness (0 to 1 or None) and source."""
        return {
            "title": self.title,
            "subtitle": self.subtitle,
            # Pairs, not a mapping: notebook files sort the keys of mappings.
            "facts": [[str(name), str(fact)] for name, fact in self.facts.items()],
            "completeness": known(self.completeness),
            "source": self.source,
        }

    def rows(self) -> dict[str, str]:
        """Label and text below the title, in order: the facts, then completeness and source where known."""
        rows = {str(name): str(fact) for name, fact in self.facts.items()}
        if known(self.completeness) is not None:
            rows["Completeness"] = f"{percent(self.completeness)} of the data"
        if self.source:
            rows["Source"] = self.source
        return rows

    def html(self) -> str:
        """A heading, a subtitle and a description list."""
        subtitle = f'<p class="bnb-sub">{esc(self.subtitle)}</p>' if self.subtitle else ""
        facts = "".join(f"<div><dt>{esc(name)}</dt><dd>{esc(fact)}</dd></div>" for name, fact in self.rows().items())
        return f'<div class="bnb bnb-head"><h2>{esc(self.title)}</h2>{subtitle}<dl class="bnb-facts">{facts}</dl></div>'

    def text(self) -> str:
        """Title, subtitle and facts, a line each."""
        head = [self.title, self.subtitle] if self.subtitle else [self.title]
        return "\n".join(head + [f"{name}: {fact}" for name, fact in self.rows().items()])


def header(
    title: str,
    *,
    subtitle: str = "",
    facts: Mapping[str, str] | None = None,
    completeness: float | None = None,
    source: str,
) -> Header:
    """Make the title block of a report.

    Args:
        title: The object of the report, such as a device's name.
        subtitle: What kind of object it is, in a few words.
        facts: Label and text, in the order to show: period, time zone, serial number, ...
        completeness: Share of the data that is known, 0 to 1; None where it makes no sense.
        source: Where the data come from, such as "cloud.belimo.com" or "demo data, seed 1".
    """
    return Header(title, subtitle, dict(facts or {}), completeness, source)
