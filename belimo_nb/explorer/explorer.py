"""The widgets together: what is chosen on top, the picture below, and between them how it goes."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belimo_nb import display
from belimo_nb.display import number
from belimo_nb.display.base import esc, style_sheet
from belimo_nb.explorer.answer import Answer, answer, sentence
from belimo_nb.explorer.choice import Choice, keep_choice
from belimo_nb.explorer.device_picker import DevicePicker
from belimo_nb.explorer.figure import draw
from belimo_nb.explorer.point_picker import PointList
from belimo_nb.explorer.range_picker import RangePicker
from belimo_nb.explorer.runner import Runner

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

__all__ = ["Explorer"]

PAUSE = 0.4
"""Seconds without another change until the cloud is asked: a quick hand changes several things at one go."""


class Explorer:
    """Widgets to explore a fleet; made by `belimo_nb.explore`, shown by ending a cell with it.

    Args:
        cloud: Where the devices are.
        choice: What to show first.
        pause: Seconds without another change until the cloud is asked.

    Attributes:
        device: Chooses the device.
        points: Chooses the datapoints.
        range: Chooses range and resolution.
        status: Says how it goes: busy, what is shown, or what went wrong.
        picture: The figure.
        save: The link to the shown samples as CSV.
        view: All widgets.
        error: What went wrong last, or None.
        frame: The shown samples under the names that the CSV has, or None.
    """

    def __init__(self, cloud: Cloud, choice: Choice, *, pause: float = PAUSE) -> None:
        self._cloud = cloud
        self._picked = dict(choice.datapoints)
        self._ref = ""
        self.error: Exception | None = None
        self.frame: Any = None
        self.device = DevicePicker(cloud, choice.device, self._changed)
        self.points = PointList(self._ticked)
        self.range = RangePicker(
            lambda: cloud.now, choice.first, choice.last, choice.span, choice.resolution, self._changed
        )
        self.status, self.picture, self.save = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.view = self._layout()
        self._runner: Runner[Choice, Answer] = Runner(lambda asked: answer(cloud, asked), self._done, pause)
        self._changed()

    def __repr__(self) -> str:
        return f"<Explorer of {self._cloud.source}: {self.device.name}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        text = "Widgets that show the fleet's samples; run the cell in JupyterLab."
        return {**self.view._repr_mimebundle_(**options), "text/plain": text}

    @property
    def choice(self) -> Choice:
        """What is chosen now."""
        chosen = self.range
        return Choice(
            self.device.value,
            chosen.first.value,
            chosen.last.value,
            chosen.span,
            chosen.resolution.value,
            dict(self._picked),
        )

    @property
    def idle(self) -> bool:
        """Whether the picture shows what is chosen."""
        return self._runner.idle

    def _layout(self) -> Any:
        css = files("belimo_nb.explorer").joinpath("style.css").read_text(encoding="utf-8")
        style = widgets.HTML(f"<style>{style_sheet()}{css}</style>")
        style.layout.display = "none"
        right = widgets.VBox([self.range.view, self.save])
        controls = widgets.HBox([self.device.view, self.points.view, right])
        for part, name in ((controls, "controls"), (self.status, "status"), (self.picture, "picture")):
            part.add_class(f"bnb-x-{name}")
        view = widgets.VBox([style, controls, self.status, self.picture])
        view.add_class("bnb-x")
        return view

    def _ticked(self) -> None:
        if self._ref:
            self._picked[self._ref] = self.points.chosen
        self._changed()

    def _changed(self) -> None:
        self.status.value = (
            f'<p class="bnb bnb-x-busy" role="status"><span class="bnb-x-wheel" aria-hidden="true"></span>'
            f"Asking for {esc(self.device.name)} …</p>"
        )
        self.picture.add_class("bnb-x-stale")
        self._runner.ask(self.choice)

    def _done(self, choice: Choice, found: Answer) -> None:
        try:
            self._show(choice, found)
        except Exception as error:  # noqa: BLE001 - front ends hide what a callback raises
            self._fail(sentence(error), error)

    def _show(self, choice: Choice, found: Answer) -> None:
        if found.device is not None:
            self._ref = found.ref
            self.points.offer(found.points, [point.id for point in found.chosen])
        if found.shown is None or found.device is None:
            self._fail(found.problem, found.error)
            return
        shown, chosen = found.shown, found.chosen
        title = f"{self.device.name}, {shown.period.label}"
        chart = draw(shown.frame, chosen, title, shown.period, shown.resolution, self._cloud.source)
        self.picture.value = chart.html()
        self.save.value = shown.link
        silent = [point.label for point in chosen if not shown.frame[point.id].notna().any()]
        lacking = f" No values in this range: {', '.join(silent)}." if silent else ""
        buckets = f"{number(len(shown.frame))} buckets of {shown.resolution}, {self._cloud.timezone}."
        self.status.value = f'<p class="bnb bnb-x-soft" role="status">{esc(buckets + lacking)}</p>'
        self.picture.remove_class("bnb-x-stale")
        self.error, self.frame = None, shown.table
        keep_choice(self._cloud.settings, replace(choice, datapoints=dict(self._picked)))

    def _fail(self, problem: str, error: Exception | None) -> None:
        """Say what went wrong where the user looks; an old picture would pass for the answer."""
        self.error, self.frame = error, None
        self.picture.value = self.save.value = ""
        self.picture.remove_class("bnb-x-stale")
        note = display.note(problem, "problem").html().replace('role="note"', 'role="alert"')
        self.status.value = note
