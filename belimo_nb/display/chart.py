"""Charts: Matplotlib figures with a caption and an alternative text."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from belimo_nb.display.base import MIME, Displayed, esc

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure
    from PIL import Image

PIXELS_PER_CSS_PIXEL = 2  # sharp on high-density screens and on paper
COLORS = 128  # of a picture: it looks the same in a third of the bytes; 256 are a tenth more


class Chart(Displayed):
    """A Matplotlib figure that displays as PNG, once.

    Args:
        figure: The Matplotlib figure. It is closed for pyplot, so that no front end shows it a second time.
        caption: Text below the picture: what it shows and how to read it.
        alt: Alternative text: the message of the picture in words and figures.
        style: rcParams to draw it with, as for `matplotlib.rc_context`.
    """

    kind: ClassVar[str] = "figure"

    def __init__(self, figure: Figure, caption: str, alt: str, style: Mapping[Any, Any] | None = None) -> None:
        self.figure = figure
        self.caption = caption
        self.alt = alt
        self._style: dict[Any, Any] = dict(style or {})
        # Where pyplot was never imported, it holds no figure that a front end could show again.
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close(figure)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in CSS pixels."""
        width, height = self.figure.get_size_inches() * self.figure.dpi
        return round(width), round(height)

    def png(self) -> bytes:
        """PNG at twice the page's resolution; the same figure gives the same bytes."""
        import numpy as np
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        dpi = self.figure.dpi
        canvas = FigureCanvasAgg(self.figure)
        try:
            with rc_context(self._style):
                self.figure.set_dpi(dpi * PIXELS_PER_CSS_PIXEL)
                canvas.draw()  # type: ignore[no-untyped-call]
                pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        finally:
            self.figure.set_dpi(dpi)
        buffer = io.BytesIO()
        _few_colors(pixels).save(buffer, "png")
        return buffer.getvalue()

    def data(self) -> dict[str, Any]:
        """Caption, alternative text, and the size in CSS pixels."""
        width, height = self.size
        return {"caption": self.caption, "alt": self.alt, "width": width, "height": height}

    def html(self) -> str:
        """A `figure` element with the PNG inside, so that a page needs no other file."""
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


def _few_colors(drawn: npt.NDArray[np.uint8]) -> Image.Image:
    """The picture on white paper with a palette; colors that differ in the last two bits of a channel alone are one.

    Pillow compares each color with each of the palette's, and pictures with soft edges have thousands.

    Args:
        drawn: RGBA, shape (height, width, 4).
    """
    import numpy as np
    from PIL import Image

    if drawn[..., 3].min() < 255:  # the paper shows where the figure is transparent
        picture = Image.fromarray(drawn)
        drawn = np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture))
    pixels = drawn.view("<u4").ravel()
    begins = np.flatnonzero(np.diff(pixels, prepend=~pixels[:1]))  # of runs of one color: most of a picture is paper
    lengths, pixels = np.diff(begins, append=len(pixels)), pixels[begins]
    place = (pixels >> 2 & 0x3F) | (pixels >> 4 & 0xFC0) | (pixels >> 6 & 0x3F000)
    colors = np.zeros(1 << 18, "<u4")
    colors[place] = pixels
    used = np.flatnonzero(colors)
    strip = Image.frombytes("RGBX", (len(used), 1), colors[used].tobytes()).convert("RGB")
    # Median cut would leave rare colors far off, and take twice the time; the octree makes white paper gray.
    few = strip.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    index = np.zeros(1 << 18, np.uint8)
    index[used] = np.asarray(few)[0]
    found = Image.frombytes("P", drawn.shape[1::-1], index[place].repeat(lengths).tobytes())
    found.putpalette(few.getpalette() or [])
    return found


def figure_html(
    content: str,
    *,
    caption: str,
    alt: str,
    width: int | None = None,
    height: int | None = None,
    kind: str = "image/png",
) -> str:
    """HTML of a base64 picture of MIME type `kind` with its caption; sizes in CSS pixels, None where unknown."""
    sizes = "".join(f' {name}="{size}"' for name, size in (("width", width), ("height", height)) if size)
    figcaption = f"<figcaption>{esc(caption)}</figcaption>" if caption else ""
    picture = f'<img src="data:{kind};base64,{content}" alt="{esc(alt)}"{sizes}>'
    return f'<figure class="bnb bnb-fig"><div>{picture}</div>{figcaption}</figure>'
