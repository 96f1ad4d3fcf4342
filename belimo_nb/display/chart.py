"""Charts: a Matplotlib figure with a caption and a text that says the same."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from belimo_nb.display.base import MIME, Displayed, esc

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Chart", "figure_html"]

SCALE = 2  # pixels of the PNG to a pixel of the page: sharp on high-density screens and on paper
COLORS = 128  # of a picture: it looks the same in a third of the bytes; 256 are a tenth more


class Chart(Displayed):
    """A figure that shows as a picture, once.

    Args:
        figure: The Matplotlib figure. It is closed for pyplot, so that no front end shows it a second time.
        caption: What the reader sees and how to read it, below the picture.
        alt: The message of the picture in words and figures, for those who do not see it.
        style: Matplotlib settings to draw it with, as for `matplotlib.rc_context`.
    """

    kind: ClassVar[str] = "figure"

    def __init__(self, figure: Figure, caption: str, alt: str, style: Mapping[Any, Any] | None = None) -> None:
        self.figure = figure
        self.caption = caption
        self.alt = alt
        self._style: dict[Any, Any] = dict(style or {})
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close(figure)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in CSS pixels."""
        width, height = self.figure.get_size_inches() * self.figure.dpi
        return round(width), round(height)

    def png(self) -> bytes:
        """The picture at twice the resolution of the page; the same bytes for the same figure."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        dpi = self.figure.dpi
        canvas = FigureCanvasAgg(self.figure)
        try:
            with rc_context(self._style):
                self.figure.set_dpi(dpi * SCALE)
                canvas.draw()  # type: ignore[no-untyped-call]
                pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
                drawn = Image.frombuffer("RGBA", canvas.get_width_height(), pixels)
        finally:
            self.figure.set_dpi(dpi)
        paper = Image.new("RGB", drawn.size, "white")  # shows where the figure is transparent
        paper.paste(drawn, mask=drawn)
        buffer = io.BytesIO()
        # Median cut would leave rare colors far off, and take twice the time; the octree makes white paper gray.
        paper.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(buffer, "png")
        return buffer.getvalue()

    def data(self) -> dict[str, Any]:
        """Caption, alternative text, and the size in CSS pixels."""
        width, height = self.size
        return {"caption": self.caption, "alt": self.alt, "width": width, "height": height}

    def html(self) -> str:
        """A figure with the picture inside."""
        return figure_html(base64.b64encode(self.png()).decode("ascii"), **self.data())

    def text(self) -> str:
        """The caption and the alternative text."""
        return f"{self.caption}\n{self.alt}" if self.caption else self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        # No text/html: it would hold the picture a second time, and code hosts show only pictures of image/png.
        width, height = self.size
        bundle = {
            MIME: {"kind": self.kind, **self.data()},
            "image/png": base64.b64encode(self.png()).decode("ascii"),
            "text/plain": self.text(),
        }
        return bundle, {"image/png": {"width": width, "height": height, "alt": self.alt}}


def figure_html(
    content: str,
    *,
    caption: str,
    alt: str,
    width: int | None = None,
    height: int | None = None,
    kind: str = "image/png",
) -> str:
    """A picture (in base64, of MIME type `kind`) with its caption as HTML; sizes in CSS pixels, None where unknown."""
    sizes = "".join(f' {name}="{size}"' for name, size in (("width", width), ("height", height)) if size)
    below = f"<figcaption>{esc(caption)}</figcaption>" if caption else ""
    picture = f'<img src="data:{kind};base64,{content}" alt="{esc(alt)}"{sizes}>'
    return f'<figure class="bnb bnb-fig"><div>{picture}</div>{below}</figure>'
