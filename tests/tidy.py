"""Makes executed notebooks fit to be stored: nothing in them changes unless their content does.

python -m tests.tidy notebooks/*.ipynb
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def tidy(text: str) -> str:
    """The notebook without run times, versions of the machine's Python, and tags of single runs."""
    notebook = json.loads(text)
    notebook["metadata"]["language_info"].pop("version", None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(tidy(path.read_text(encoding="utf-8")), encoding="utf-8")
