"""The two engines held against each other, and each report against the one before it."""

import json
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import numpy as np
import pytest
from prepared import from_nothing
from second_cloud import says

from belimo_nb.errors import UsageError
from belimo_nb.report import notebooks
from belimo_nb.report.engine import engines
from belimo_nb.report.engine.engines import FORK, KERNEL, select_engine, worker_pool
from belimo_nb.report.jobs import Job
from belimo_nb.report.render import Task, render
from belimo_nb.report.workers.processes import CAN_FORK

needs_fork = pytest.mark.skipif(not CAN_FORK, reason="cannot fork")
MADE_AT = datetime(2018, 12, 1, 6, tzinfo=UTC)
PERIOD = {"start": "2018-10-01", "end": "2018-12-01"}
JOBS = [
    Job("overview", "Overview", "overview", {"search": "2.OG", **PERIOD}),
    Job("heating_energy", "Heating energy", "heating-energy", PERIOD),
    Job("device", "2.OG Nord-West", "devices/north-west", {"device": "2.OG Nord-West", **PERIOD}),
]

EVERYTHING = [
    "import logging, os, subprocess, sys, time, warnings\nimport asyncio, getpass\nfrom IPython.display import *",
    "print('one', end='')\nprint('two')\nprint('wrong', file=sys.stderr)\nprint('three')",
    "!echo shell",
    "%%bash\necho from a script",
    "warnings.warn('beware')\nlogging.warning('logged')",
    "class Word:\n    def _repr_html_(self):\n        return '<b>bold</b>'\nWord()",
    "display({'application/vnd.belimo-nb+json': {'kind': 'note', 'n': (1, 2.5, None)}, 'text/plain': 'x'}, raw=True)",
    "handle = display('first', display_id='here')\nprint('between')\nhandle.update('second')",
    "handle.update('third')",
    "print('gone')\nclear_output()\nprint('stays')",
    "print('until the next')\nclear_output(wait=True)\nprint('next')",
    "display(Markdown('# title'), Math('x^2'), HTML('<i>slanted</i>'), JSON({'a': [1]}))",
    "import pandas as pd\npd.DataFrame({'a': [1.5, None], 'b': ['x', '<y>']})",
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.title('line')",
    "figure, axes = plt.subplots(2)\naxes[0].bar([1, 2], [3, 4])\nfigure",
    "%config InlineBackend.figure_formats = ['svg']\nplt.rcParams['svg.hashsalt'] = 'x'\nplt.scatter([1], [2]);",
    "await asyncio.sleep(0)\n'awaited'",
    "task = asyncio.get_running_loop().create_task(asyncio.sleep(0, 'done'))",
    "await task",
    "def f(x):\n    'Words.'\n    return 1 / x\nf?",
    "%%capture words\nprint('hidden')",
    "words.stdout, words.outputs",
    "try:\n    input('Who? ')\nexcept Exception as error:\n    print(repr(error))",
    "try:\n    getpass.getpass()\nexcept Exception as error:\n    print(repr(error))",
    "__name__, sys.modules['__main__'].Word is Word, type(get_ipython()).__name__, In[2], Out.keys()",
    "'' in sys.path, os.environ['TERM'], os.environ['TQDM_DISABLE'], sorted(k for k in globals() if k[0] != '_')",
    "f(0)",
    "'never'",
]
FAILURES = {
    "syntax": "x = = 1",
    "exits": "import sys\nsys.exit('enough')",
    "shown": "class Bad:\n    def _repr_html_(self):\n        raise ValueError('no')\nBad()",
    "chained": "try:\n    1/0\nexcept Exception as error:\n    raise KeyError('x') from error",
    "magic": "%nonsense",
}
DIRTY = """
import builtins, locale, logging, os, random, sys, warnings
import numpy as np, pandas as pd, matplotlib as mpl, matplotlib.pyplot as plt
random.seed(42); np.random.seed(42)
pd.set_option("display.max_rows", 3)
warnings.simplefilter("error")
np.seterr(all="raise")
os.environ["LEFT_BEHIND"] = "1"; os.environ["TZ"] = "Asia/Tokyo"; del os.environ["PATH"]
os.chdir("/")
mpl.rcParams["font.size"] = 30; mpl.rcParams["timezone"] = "Asia/Tokyo"
sys.path.insert(0, "/nowhere")
plt.figure()
builtins.print = None; builtins.left_behind = 1
logging.disable(logging.CRITICAL)
pd.DataFrame.sum = None
import belimo_nb; belimo_nb.left_behind = 1
left_behind = 1
"""
REPORT = """
import builtins, json, logging, os, random, sys, warnings
import numpy as np, pandas as pd, matplotlib as mpl, matplotlib.pyplot as plt
import belimo_nb
json.dump({
    "random": [random.random(), np.random.random()],
    "options": [pd.get_option(name) for name in ("display.max_rows", "display.width", "mode.copy_on_write")],
    "errors": np.geterr(),
    "filters": sorted(str(item[:3]) for item in warnings.filters),
    "environment": sorted(os.environ.items()),
    "folder": [os.getcwd(), len(os.listdir())],
    "settings": sorted((key, str(value)) for key, value in mpl.rcParams.items()),
    "path": sys.path,
    "figures": plt.get_fignums(),
    "names": sorted(name for name in globals() if not name.startswith("_")),
    "left behind": [hasattr(place, "left_behind") for place in (builtins, belimo_nb)],
    "logging": logging.root.manager.disable,
    "sums": pd.DataFrame({"a": [1]}).sum().tolist(),
    "mode": mpl.is_interactive(),
    "arguments": sys.flags.dev_mode,
}, sys.stdout, default=str)
"""


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A function that writes notebooks with these cells and makes reports of them, one after the other."""

    def reports(engine, notebooks, environment=None):
        for name, sources in notebooks.items():
            cells = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
            nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
        jobs = [Job(name, name.title(), name, {}) for name in notebooks]
        return run(engine, jobs, tmp_path / engine, lambda name: tmp_path / f"{name}.ipynb", environment or {})

    return reports


def run(engine, jobs, out, notebook, environment):
    """Make reports one after the other; what is written is below `out`."""
    tasks = [Task(job, notebook(job.notebook), out, environment, 300.0, MADE_AT, "1.0", engine) for job in jobs]
    with worker_pool(1, time_limit=300, engine=engine) as workers:
        return [future.result() for future in [workers.submit(render, task) for task in tasks]]


def contents(path):
    """An executed notebook without its times, its new cells' names and the traces' memory addresses."""
    notebook = nbformat.reads(plain(path.read_text(encoding="utf-8")), as_version=4)
    for key in ("start_time", "end_time", "duration"):
        del notebook.metadata.papermill[key]
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if {"injected-parameters", "papermill-error-cell-tag"} & set(cell.metadata.get("tags", ())):
            del cell["id"]
    return notebook


def plain(text):
    """A text without the addresses of objects, and moments."""
    return text and re.sub(r"0x[0-9a-f]{8,}|\d{4}-\d\d-\d\dT[\d:.]+", "...", text)


@needs_fork
@pytest.mark.slow
def test_our_notebooks(demo_environment, tmp_path):
    """Both engines give the same reports: cells, outputs, types, order, data, images; pages and tables to the byte."""
    outs = {}
    for engine in (FORK, KERNEL):
        outs[engine] = tmp_path / engine
        results = run(engine, JOBS, outs[engine], notebooks.notebook, demo_environment)
        assert [result.error for result in results] == [None] * len(JOBS)
    names = [sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) for out in outs.values()]
    assert names[0] == names[1]
    assert len(names[0]) > 2 * len(JOBS)
    for name in names[0]:
        forked, kernel = (out / name for out in outs.values())
        if name.endswith(".ipynb"):
            assert contents(forked) == contents(kernel)
        else:
            assert forked.read_bytes() == kernel.read_bytes()


@pytest.mark.slow
@needs_fork
def test_every_kind_of_output(make, tmp_path):
    """Whatever a cell can show, both engines record it alike, errors with their traces included."""
    notebooks = {"everything": EVERYTHING, **{name: [source] for name, source in FAILURES.items()}}
    with from_nothing():
        forked, kernel = (make(engine, notebooks) for engine in (FORK, KERNEL))
    assert [plain(result.error) for result in forked] == [plain(result.error) for result in kernel]
    for name in notebooks:
        one, other = (contents(tmp_path / engine / f"{name}.ipynb") for engine in (FORK, KERNEL))
        for ours, theirs in zip(one.cells, other.cells, strict=True):
            assert ours == theirs
        assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("engine", [pytest.param(FORK, marks=needs_fork), KERNEL])
def test_nothing_leaks(engine, make, tmp_path):
    """A report that leaves everything changed changes nothing for the next; no two have the same random numbers."""
    results = make(engine, {"before": [REPORT], "dirty": [DIRTY, "1"], "after": [REPORT]})
    assert [result.error for result in results] == [None] * 3
    before, after = (facts(tmp_path / engine / f"{name}.ipynb") for name in ("before", "after"))
    seeded = [random.Random(42).random(), np.random.RandomState(42).random_sample()]
    for first, second, of_seed in zip(before.pop("random"), after.pop("random"), seeded, strict=True):
        assert len({first, second, of_seed}) == 3
    assert before == after
    assert before["left behind"] == [False, False]


@pytest.mark.slow
@needs_fork
def test_output_of_other_programs(make, tmp_path):
    """What programs and libraries write past Python is in the output of the cell that ran them."""
    source = "import os\nprint('before')\nos.system('echo during; echo wrong >&2')\nprint('after')"
    make(FORK, {"programs": [source, "os.write(1, b'later\\n')"]})
    first, second = nbformat.read(tmp_path / FORK / "programs.ipynb", as_version=4).cells
    assert [(output.name, output.text) for output in first.outputs] == [
        ("stdout", "before\nduring\nafter\n"),
        ("stderr", "wrong\n"),
    ]
    assert second.outputs[0].text == "later\n"


def facts(path):
    """What `REPORT` found, with the report's own folder and processes left out."""
    text = nbformat.read(path, as_version=4).cells[0].outputs[0].text
    found = json.loads(re.sub(r"belimo-nb-\w+[\\/]+\d+|nb-\w{8}", "FOLDER", text))
    found["environment"] = [item for item in found["environment"] if item[0] != "JPY_PARENT_PID"]
    return found


@pytest.mark.slow
@needs_fork
def test_prepared_process():
    """The process that reports are forked from has a single thread, and no shell."""
    with from_nothing(), worker_pool(1, time_limit=300, engine=FORK) as workers:
        threads, modules, shell = workers.submit(stem_facts).result()
    assert threads == 1
    assert {"pandas", "pyarrow.parquet", "belimo_nb.plots", "belimo_nb.report.page.page"} <= modules
    assert not {"matplotlib.pyplot", "matplotlib_inline.backend_inline", "belimo_nb.demo"} & modules
    assert not shell


def stem_facts():
    """How many threads our parent has, which modules it gave us, and whether a shell is there."""
    import os
    import sys

    from IPython.core.getipython import get_ipython

    tasks = Path(f"/proc/{os.getppid()}/task")
    return len(list(tasks.iterdir())), set(sys.modules), get_ipython() is not None


def test_engine_by_default():
    """By default the engine is the fastest there is."""
    assert select_engine() == (FORK if CAN_FORK else KERNEL)


def test_engines_that_are_not_here(monkeypatch):
    """An engine that does not exist, or not on this system, is refused with what to do; unasked, one that is here."""
    with pytest.raises(UsageError, match="no engine 'rocket'; the engines are fork and kernel"):
        engines.select_engine("rocket")
    monkeypatch.setattr(engines, "CAN_FORK", False)
    with pytest.raises(UsageError, match="works on Linux only; use --engine kernel"):
        engines.select_engine("fork")
    assert engines.select_engine() == engines.select_engine("kernel") == "kernel"


FOREIGN = r"""
import warnings, belimo_nb as bn
from IPython.display import HTML, Markdown, display
cloud = bn.connect()
sign_in = cloud.connection._authenticator
print(sign_in.access_token(), sign_in._token["refresh_token"].upper().lower(), f"Bearer {sign_in.access_token()}")
half = cloud.devices()["name"].iloc[0]
print(half)
display(Markdown(half), HTML(half), {"text/plain": half})
warnings.warn(half)
half
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", [pytest.param(FORK, marks=needs_fork), KERNEL])
def test_foreign_text_and_tokens(engine, make, second, tmp_path):
    """Halves of characters cost no report; tokens that a cell prints are masked in notebook, page and error."""
    notebooks = {"fine": [FOREIGN], "failing": [f"{FOREIGN}\nraise ValueError(half + sign_in.access_token())"]}
    name = "half \ud83d of \x1b[31ma\x1b]0;title\x07 \u202ename\x00\x9b"

    def renamed(_, answer):
        return says(answer.json | {"data": [{**row, "displayName": name} for row in answer.json["data"]]})

    second.always("/devices", renamed)
    fine, failing = make(engine, notebooks, second.environment())
    assert fine.error is None
    assert failing.error.startswith("ValueError: half")
    written = [path.read_text(encoding="utf-8") for path in (tmp_path / engine).rglob("*.*")]
    assert len(written) == 4
    for path in (tmp_path / engine).glob("*.html"):
        hidden = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
        assert not re.search(hidden, path.read_text(encoding="utf-8"))
    for text in (*written, failing.error):
        assert "access-" not in text
        assert "refresh-" not in text
    assert all("half" in text and "********" in text for text in written)
