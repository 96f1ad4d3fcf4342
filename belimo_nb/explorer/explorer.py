"""The explorer: pickers on top, a status line, and the figure below."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import ipywidgets as widgets

from belimo_nb import display
from belimo_nb.cloud.cloud import Cloud
from belimo_nb.display.base import esc, style_sheet
from belimo_nb.display.numbers import plural
from belimo_nb.explorer.canvas import canvas_of
from belimo_nb.explorer.choice import Choice, save_choice
from belimo_nb.explorer.figure import Picture
from belimo_nb.explorer.pickers import DevicePicker, PointList, RangePicker
from belimo_nb.explorer.query import QueryResult, error_sentence, findings, run_query
from belimo_nb.explorer.runner import DebouncedRunner

PAUSE = 0.4  # seconds without another change before a request: a user may change several things in a row


class Explorer:
    """Widgets to explore a fleet; made by `belimo_nb.explore`, shown by ending a cell with it.

    Args:
        cloud: Cloud of the devices.
        choice: What to show first.
        pause: Seconds without another change before a request.
        checks: Whether key figures and checks follow below the picture.

    Attributes:
        device: Picker of the device.
        points: Picker of the datapoints.
        range: Picker of range and resolution.
        status: Status line: busy, what is shown, or what went wrong.
        picture: The figure in words, and as an image where ipympl is missing.
        canvas: Holds the figure to zoom into, where ipympl is installed.
        save: Download link of the shown samples as CSV.
        findings: Key figures and checks of the chosen valve, once the picture is there.
        view: All widgets.
        error: The last error, or None.
        frame: The shown samples, columns as in the CSV, or None.
    """

    def __init__(self, cloud: Cloud, choice: Choice, *, pause: float = PAUSE, checks: bool = False) -> None:
        self._cloud = cloud
        self._datapoints = dict(choice.datapoints)
        self._ref = ""
        self.error: Exception | None = None
        self.frame: Any = None
        self.device = DevicePicker(cloud, choice.device, self._on_change, choice.others)
        self.points = PointList(self._on_datapoints)
        self.range = RangePicker(lambda: cloud.now, choice, self._on_change)
        self.status, self.picture, self.save = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.canvas, self.findings = widgets.VBox(), widgets.HTML()
        self._checks = checks
        self.view = self._layout()
        self._runner = DebouncedRunner(lambda asked: run_query(cloud, asked), self._on_result, pause)
        # After the picture, which must not wait for a checkup.
        self._checker = DebouncedRunner(lambda asked: findings(cloud, asked), self._on_findings, 0)
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
            tuple(self.device.others),
        )

    @property
    def idle(self) -> bool:
        """Whether the figure shows the present choice."""
        return self._runner.idle and self._checker.idle

    def _layout(self) -> Any:
        css = files("belimo_nb.explorer").joinpath("style.css").read_text(encoding="utf-8")
        style = widgets.HTML(f"<style>{style_sheet()}{css}</style>")
        style.layout.display = "none"
        right = widgets.VBox([self.range.view, self.save])
        controls = widgets.HBox([self.device.view, self.points.view, right])
        parts = {
            "controls": controls,
            "status": self.status,
            "canvas": self.canvas,
            "picture": self.picture,
            "findings": self.findings,
        }
        for name, part in parts.items():
            part.add_class(f"bnb-x-{name}")
        view = widgets.VBox([style, *parts.values()])
        view.add_class("bnb-x")
        return view

    def _on_datapoints(self) -> None:
        if self._ref:
            self._datapoints[self._ref] = self.points.chosen
        self._on_change()

    def _on_change(self) -> None:
        self.status.value = _busy(f"Asking for {self.device.name} …")
        for part in (self.canvas, self.picture):
            part.add_class("bnb-x-stale")
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
        shown = found.samples
        several = list(dict.fromkeys(curve.device for curve in shown.curves))
        names = self.device.name if len(several) == 1 else " and ".join(several)
        # Drawn here in the kernel's thread: Matplotlib's rcParams belong to the whole process.
        picture = Picture(shown.curves, f"{names}, {shown.period.label}", shown.period, shown.view, self._cloud.source)
        self._put(picture, canvas_of(picture, shown.period))
        self.save.value = shown.link
        silent = [curve.label for curve in shown.curves if not curve.series.notna().any()]
        count, each, zone = len(shown.table), shown.view.each, self._cloud.timezone
        if shown.view.freq:
            sentences = [f"{plural(count, each)}, {zone}."]
        else:
            sentences = [f"{plural(count, 'reading')}, one every {each}, {zone}."]
        if silent:
            sentences.append(f"No values in this range: {', '.join(dict.fromkeys(silent))}.")
        sentences += shown.lacking
        self.status.value = f'<p class="bnb bnb-x-soft" role="status">{esc(" ".join(sentences))}</p>'
        self.error, self.frame = None, shown.table
        if self._checks:
            self.findings.value = _busy(f"Checking {self.device.name} …")
            self._checker.submit(choice)
        save_choice(self._cloud.settings, replace(choice, datapoints=dict(self._datapoints)))

    def _on_findings(self, _: Choice, html: str) -> None:
        if self.frame is not None:  # else an error has taken the picture's place meanwhile, and they belong to none
            self.findings.value = html

    def _put(self, picture: Picture | None, canvas: Any) -> None:
        """Show a picture in place of the one before, whose canvas is closed, or the browser would keep it."""
        # In a box of its own, because a canvas of ipympl stays on the page when it is taken out of a box that stays.
        before = self.canvas.children
        self.canvas.children = () if canvas is None else (widgets.VBox([canvas]),)
        for box in before:
            for part in (*box.children, box):
                part.close()
        for part in (self.canvas, self.picture):
            part.remove_class("bnb-x-stale")
        if picture is None:
            self.picture.value = ""
        elif canvas is None:
            self.picture.value = picture.chart.html()  # an image inside HTML, as in reports
        else:
            # A canvas has no alternative text: the same words stand below it, for who does not see it.
            self.picture.value = (
                f'<figure><figcaption>{esc(picture.chart.caption)}</figcaption><p class="bnb-x-words" role="img" '
                f'aria-label="{esc(picture.chart.alt)}"></p></figure>'
            )

    def _fail(self, problem: str, error: Exception | None) -> None:
        """Show an error in place of the figure: the old one would pass for the result."""
        self.error, self.frame = error, None
        self.save.value = self.findings.value = ""
        self._put(None, None)
        # An alert, which screen readers announce at once.
        self.status.value = display.note(problem, "problem").html().replace('role="note"', 'role="alert"')


def _busy(text: str) -> str:
    return (
        f'<p class="bnb bnb-x-busy" role="status"><span class="bnb-x-wheel" aria-hidden="true"></span>{esc(text)}</p>'
    )
