"""Takes the figures of the tutorial from its own code, run on the demo cloud, so that they never lie."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from belimo_nb.demo import DemoCloud
from belimo_nb.display import Chart

HERE = Path(__file__).parent


def main() -> None:
    """Run the page's blocks; keep the file that they save, and every chart that has a name."""
    blocks = re.findall(r"^```python\n(.*?)^```", (HERE / "tutorial.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, DemoCloud() as cloud:
        os.environ.update(cloud.environment(), BELIMO_DATA_DIR=folder, MPLBACKEND="Agg")
        os.chdir(folder)
        exec("\n".join(blocks), names)  # noqa: S102 - it is our own page
        pictures = {"daily": Path("daily.png").read_bytes()}
        pictures |= {name: thing.png() for name, thing in names.items() if isinstance(thing, Chart)}
        for name, png in pictures.items():
            (HERE / "pictures" / f"tutorial-{name}.png").write_bytes(png)
        os.chdir(HERE)


if __name__ == "__main__":
    main()
