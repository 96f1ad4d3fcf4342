"""Running notebooks, on kernels of their own and in forked processes."""

import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from belimo_nb.report.engine.engines import FORK, KERNEL, PRELOAD
from belimo_nb.report.workers.processes import CAN_FORK, ChildProcesses, JobFailed

pytestmark = [
    pytest.mark.usefixtures("processes_from_nothing"),
    pytest.mark.xdist_group("execute"),  # one worker prepares the processes of all tests
]

NEEDS_FORK = pytest.mark.skipif(not CAN_FORK, reason="cannot fork")
SETTINGS = {"BELIMO_CLIENT_SECRET": "the-secret-of-the-client", "BELIMO_API_URL": "http://127.0.0.1:1"}
FACTS = """
import json, os, psutil, sys
from ipykernel.connect import get_connection_info
from ipykernel.kernelapp import IPKernelApp
json.dump({
    "python": sys.executable,
    "belimo": sorted(name for name in os.environ if name.startswith("BELIMO_")),
    "backend": os.environ["MPLBACKEND"],
    "command": psutil.Process().cmdline() + psutil.Process().parent().cmdline(),
    "transport": get_connection_info(unpack=True)["transport"] if IPKernelApp.initialized() else None,
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


def run(path, parameters=None, time_limit=300.0, engine=KERNEL):
    """Execute a notebook in this process, which is a worker's."""
    from belimo_nb.report.engine.execute import execute

    with tempfile.TemporaryDirectory() as folder:
        return execute(
            path, parameters or {}, folder=Path(folder), environment=SETTINGS, time_limit=time_limit, engine=engine
        )


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


@pytest.fixture(scope="module", params=[pytest.param(FORK, marks=NEEDS_FORK), KERNEL])
def pool(environment, request):
    """Two workers, as a run has them, for each engine."""
    engine = request.param
    with ChildProcesses(2, time_limit=300, environment=environment, preload=PRELOAD[engine], engine=engine) as executor:
        yield executor


@pytest.mark.slow
def test_surroundings(pool, tmp_path):
    """The cells run on this Python, know these settings and no others, and show them to no one."""
    folder = tmp_path / "with {braces} and blanks"
    folder.mkdir()
    executed = pool.submit(run, write(folder, FACTS), {"x": 2}, engine=pool.engine).result()
    assert executed.error is None
    facts = json.loads(texts(executed.notebook)[0])
    assert facts["python"] == sys.executable
    assert facts["belimo"] == sorted(SETTINGS)
    assert facts["backend"] == "module://matplotlib_inline.backend_inline"
    assert not any("secret" in word for word in facts["command"])
    kernels = "tcp" if os.name == "nt" else "ipc"
    assert facts["transport"] == (kernels if pool.engine == KERNEL else None)
    assert not facts["startup"]
    assert facts["x"] == 2


@pytest.mark.slow
def test_failing_cell(pool, tmp_path):
    """The first error ends a notebook; it is told in one line and stays in the notebook."""
    path = write(tmp_path, "print('before')", "raise ValueError('one\\ntwo')", "print('after')")
    executed = pool.submit(run, path, engine=pool.engine).result()
    assert (executed.error, executed.crashed) == ("ValueError: one two", False)
    assert texts(executed.notebook) == ["before\n", "ValueError"]
    assert "papermill-error-cell-tag" in executed.notebook.cells[0].metadata["tags"]


@pytest.mark.slow
def test_error_of_ours(pool, tmp_path):
    """An error made for users needs no name of a class."""
    path = write(tmp_path, "from belimo_nb.errors import NoDataError\nraise NoDataError('There is nothing.')")
    assert pool.submit(run, path, engine=pool.engine).result().error == "There is nothing."


@pytest.mark.slow
def test_crash(pool, tmp_path):
    """A kernel that dies is told as such, and what it did before is kept; a forked process dies with its job."""
    path = write(tmp_path, "print('before', flush=True)", "import os; os._exit(3)", name="crash")
    future = pool.submit(run, path, engine=pool.engine)
    if pool.engine == FORK:
        with pytest.raises(JobFailed, match="ended unexpectedly with status 3") as caught:
            future.result()
        assert caught.value.crashed
    else:
        executed = future.result()
        assert executed.error == "Its kernel ended unexpectedly: a library crashed, or memory ran out."
        assert executed.crashed
        assert texts(executed.notebook) == ["before\n"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "import time; print('here'); time.sleep(600)",
        "print('here')\nwhile True:\n    try:\n        while True: pass\n    except Exception: pass",
        "import asyncio; print('here'); await asyncio.sleep(600)",
    ],
)
def test_overtime(pool, tmp_path, source):
    """A notebook that takes too long is stopped and told as such; what it did before is kept."""
    path = write(tmp_path, "x", source, "print('after')", name="slow")
    for limit in (3, 30, 250):  # a busy machine may take long to come to the cell
        executed = pool.submit(run, path, {}, limit, engine=pool.engine).result()
        assert executed.error == f"Stopped: it took longer than the time limit of {limit} s."
        if "here\n" in texts(executed.notebook) or pool.engine != FORK:
            break
    assert not executed.crashed
    assert executed.error in executed.notebook.cells[0].source
    if pool.engine == FORK:  # a kernel's notebook may lack what the cell did last
        assert "here\n" in texts(executed.notebook)
    assert not {"after\n", "TimeUp"} & set(texts(executed.notebook))


def test_a_reason_is_text():
    """Why a report ends early may quote names from outside: in its notebook and on its page it is text."""
    from datetime import UTC, datetime

    from belimo_nb.report.engine.execute import _insert_error_cell
    from belimo_nb.report.page import page

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])
    _insert_error_cell(notebook, "There is no device '<script>alert(1)</script> & Söhne'.")
    assert "<script" not in notebook.cells[0].source
    html = page.export(notebook, title="t", made_at=datetime(2018, 12, 1, tzinfo=UTC), version="1")
    assert "There is no device &#39;&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne&#39;." in html
    assert "<script>alert" not in html
