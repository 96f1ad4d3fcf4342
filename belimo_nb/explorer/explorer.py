"""The explorer: pickers on top, a status line, and the figure below."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from belimo_nb import display
from belimo_nb.display import number
from belimo_nb.display.base import esc, style_sheet
from belimo_nb.explorer.choice import Choice, save_choice
from belimo_nb.explorer.device_picker import DevicePicker
from belimo_nb.explorer.figure import draw
from belimo_nb.explorer.point_picker import PointList
from belimo_nb.explorer.query import QueryResult, error_sentence, run_query
from belimo_nb.explorer.range_picker import RangePicker
from belimo_nb.explorer.runner import DebouncedRunner

if TYPE_CHECKING:
    from belimo_nb.cloud.cloud import Cloud

PAUSE = 0.4  # seconds without another change before a request: a user may change several things in a row


class Explorer:
    """Widgets to explore a fleet; made by `belimo_nb.explore`, shown by ending a cell with it.

    Args:
        cloud: Cloud of the devices.
        choice: What to show first.
        pause: Seconds without another change before a request.

    Attributes:
        device: Picker of the device.
        points: Picker of the datapoints.
        range: Picker of range and resolution.
        status: Status line: busy, what is shown, or what went wrong.
        picture: The figure.
        save: Download link of the shown samples as CSV.
        view: All widgets.
        error: The last error, or None.
        frame: The shown samples, columns as in the CSV, or None.
    """

    def __init__(self, cloud: Cloud, choice: Choice, *, pause: float = PAUSE) -> None:
        self._cloud = cloud
        self._datapoints = dict(choice.datapoints)
        self._ref = ""
        self.error: Exception | None = None
        self.frame: Any = None
        self.device = DevicePicker(cloud, choice.device, self._on_change)
        self.points = PointList(self._on_datapoints)
        self.range = RangePicker(
            lambda: cloud.now, choice.first, choice.last, choice.span, choice.resolution, self._on_change
        )
        self.status, self.picture, self.save = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.view = self._layout()
        self._runner = DebouncedRunner(lambda asked: run_query(cloud, asked), self._on_result, pause)
        self._on_change()

    def __repr__(self) -> str:
        return f"<Explorer of {self._cloud.source}: {self.device.name}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        text = "Widgets that show the fleet's samples; run the cell in JupyterLab."
        return {**self.view._repr_mimebundle_(**options), "text/plain": text}

    @property
    def choice(self) -> Choice:
        """The present choice."""
        chosen = self.range
        return Choice(
            self.device.value,
            chosen.first.value,
            chosen.last.value,
            chosen.span,
            chosen.resolution.value,
            dict(self._datapoints),
        )

    @property
    def idle(self) -> bool:
        """Whether the figure shows the present choice."""
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

    def _on_datapoints(self) -> None:
        if self._ref:
            self._datapoints[self._ref] = self.points.chosen
        self._on_change()

    def _on_change(self) -> None:
        self.status.value = (
            f'<p class="bnb bnb-x-busy" role="status"><span class="bnb-x-wheel" aria-hidden="true"></span>'
            f"Asking for {esc(self.device.name)} …</p>"
        )
        self.picture.add_class("bnb-x-stale")
        self._runner.submit(self.choice)

    def _on_result(self, choice: Choice, found: QueryResult) -> None:
        try:
            self._show(choice, found)
        except Exception as error:  # noqa: BLE001 - front ends hide what a callback raises
            self._fail(error_sentence(error), error)

    def _show(self, choice: Choice, found: QueryResult) -> None:
        if found.device is not None:
            self._ref = found.profile_ref
            self.points.offer(found.points, [point.id for point in found.chosen])
        if found.samples is None or found.device is None:
            self._fail(found.problem, found.error)
            return
        shown, chosen = found.samples, found.chosen
        title = f"{self.device.name}, {shown.period.label}"
        # Drawn here in the kernel's thread: Matplotlib's rcParams belong to the whole process.
        chart = draw(shown.frame, chosen, title, shown.period, shown.resolution, self._cloud.source)
        # An image inside HTML, as in reports: it has an alternative text, and needs no other widget package.
        self.picture.value = chart.html()
        self.save.value = shown.link
        silent = [point.label for point in chosen if not shown.frame[point.id].notna().any()]
        lacking = f" No values in this range: {', '.join(silent)}." if silent else ""
        buckets = f"{number(len(shown.frame))} buckets of {shown.resolution}, {self._cloud.timezone}."
        self.status.value = f'<p class="bnb bnb-x-soft" role="status">{esc(buckets + lacking)}</p>'
        self.picture.remove_class("bnb-x-stale")
        self.error, self.frame = None, shown.table
        save_choice(self._cloud.settings, replace(choice, datapoints=dict(self._datapoints)))

    def _fail(self, problem: str, error: Exception | None) -> None:
        """Show an error in place of the figure: the old one would pass for the result."""
        self.error, self.frame = error, None
        self.picture.value = self.save.value = ""
        self.picture.remove_class("bnb-x-stale")
        # An alert, which screen readers announce at once.
        self.status.value = display.note(problem, "problem").html().replace('role="note"', 'role="alert"')
