"""Running notebooks on kernels of their own."""

import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from belimo_nb.report.workers import ChildProcesses

SETTINGS = {"BELIMO_CLIENT_SECRET": "the-secret-of-the-client", "BELIMO_API_URL": "http://127.0.0.1:1"}
FACTS = """
import json, os, psutil, sys
from ipykernel.connect import get_connection_info
json.dump({
    "python": sys.executable,
    "belimo": sorted(name for name in os.environ if name.startswith("BELIMO_")),
    "backend": os.environ["MPLBACKEND"],
    "command": psutil.Process().cmdline() + psutil.Process().parent().cmdline(),
    "transport": get_connection_info(unpack=True)["transport"],
    "startup": "started_up" in globals(),
    "x": x,
}, sys.stdout)
"""


def write(folder, *sources, name="notebook"):
    """A notebook with one parameter, x, and cells of these sources."""
    cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def run(path, parameters=None, time_limit=60.0):
    """Execute a notebook in this process, which is a worker's."""
    from belimo_nb.report.execute import execute

    with tempfile.TemporaryDirectory() as folder:
        return execute(path, parameters or {}, folder=Path(folder), environment=SETTINGS, time_limit=time_limit)


def texts(notebook):
    """What the notebook's cells printed, and their errors' names."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.get("ename") for output in outputs]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment that means badly: another Python as "python3", a startup file, a desktop's backend."""
    home = tmp_path_factory.mktemp("home")
    kernel = home / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({"argv": ["/nowhere/python"], "display_name": "Other", "language": "python"}))
    (home / "startup.py").write_text("started_up = True")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")},
        "HOME": str(home),
        "JUPYTER_PATH": str(home / "jupyter"),
        "PYTHONSTARTUP": str(home / "startup.py"),
        "MPLBACKEND": "TkAgg",
        "BELIMO_PASSWORD": "left over",
    }


@pytest.fixture(scope="module")
def pool(environment):
    """Two workers, as a run has them."""
    with ChildProcesses(2, time_limit=60, environment=environment, preload=("belimo_nb.report.execute",)) as executor:
        yield executor


def test_kernel(pool, tmp_path):
    """The kernel is of this Python and private, knows these settings and no others, and shows them to no one."""
    folder = tmp_path / "with {braces} and blanks"
    folder.mkdir()
    notebook, error = pool.submit(run, write(folder, FACTS), {"x": 2}).result()
    assert error is None
    facts = json.loads(texts(notebook)[0])
    assert facts["python"] == sys.executable
    assert facts["belimo"] == sorted(SETTINGS)
    assert facts["backend"] == "module://matplotlib_inline.backend_inline"
    assert not any("secret" in word for word in facts["command"])
    assert facts["transport"] == ("tcp" if os.name == "nt" else "ipc")
    assert not facts["startup"]
    assert facts["x"] == 2


def test_failing_cell(pool, tmp_path):
    """The first error ends a notebook; it is told in one line and stays in the notebook."""
    path = write(tmp_path, "print('before')", "raise ValueError('one\\ntwo')", "print('after')")
    notebook, error = pool.submit(run, path).result()
    assert error == "ValueError: one two"
    assert texts(notebook) == ["before\n", "ValueError"]
    assert "papermill-error-cell-tag" in notebook.cells[0].metadata["tags"]


def test_error_of_ours(pool, tmp_path):
    """An error made for users needs no name of a class."""
    path = write(tmp_path, "from belimo_nb.errors import NoDataError\nraise NoDataError('There is nothing.')")
    assert pool.submit(run, path).result()[1] == "There is nothing."


def test_crash_and_overtime(pool, tmp_path):
    """A kernel that dies or takes too long is told as such; what it did before is kept."""
    crash = pool.submit(run, write(tmp_path, "print('before', flush=True)", "import os; os._exit(3)", name="crash"))
    slow = pool.submit(run, write(tmp_path, "x", "import time; time.sleep(60)", name="slow"), {}, 4.0)
    notebook, error = crash.result()
    assert error == "Its kernel ended unexpectedly: a library crashed, or memory ran out."
    assert texts(notebook) == ["before\n"]
    notebook, error = slow.result()
    assert error == "Stopped: it took longer than the time limit of 4 s."
    assert error in notebook.cells[0].source


def test_a_reason_is_text():
    """Why a report ends early may quote names from outside: in its notebook and on its page it is text."""
    from datetime import UTC, datetime

    from belimo_nb.report import page
    from belimo_nb.report.execute import _mark

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])
    _mark(notebook, "There is no device '<script>alert(1)</script> & Söhne'.")
    assert "<script" not in notebook.cells[0].source
    html = page.export(notebook, title="t", slug="t", made_at=datetime(2018, 12, 1, tzinfo=UTC), version="1")
    assert "There is no device &#39;&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne&#39;." in html
    assert "<script>alert" not in html
