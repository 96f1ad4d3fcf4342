"""Reports: 48 devices with each engine, beside the loop of `papermill` and `jupyter nbconvert`, and beside the floor.

All over 12 months, on all cores, from one store that a run before has filled. The loop is the plain way: two commands
a device, one after the other; it runs for a few devices and is scaled to all. The floor is the CPU time of the cells
and the export in one warm process, over the cores: what no engine can do without. On a machine that others use, too,
compare CPU times.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import belimo_nb as bn
from belimo_nb.demo import DemoCloud
from belimo_nb.report import notebooks
from belimo_nb.system.cores import cores

DEVICES, REPORTS = 80, 48
LOOP, WARM = 4, 12
PERIOD = {"start": "2017-12-01", "end": "2018-12-01"}
FLOOR = """
import ast, json, sys, time
from datetime import UTC, datetime
from belimo_nb.report import notebooks
from belimo_nb.display import MIME
from belimo_nb.report.page.page import export
import nbformat

def run(source, space):
    module = ast.parse(source)
    last = module.body.pop() if isinstance(module.body[-1], ast.Expr) else None
    exec(compile(module, "cell", "exec"), space)
    shown = last and eval(compile(ast.Expression(last.value), "cell", "eval"), space)
    return shown._repr_mimebundle_() if hasattr(shown, "_repr_mimebundle_") else None

def report(notebook, parameters):
    space = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            bundle = run(cell.source, space)
            if "parameters" in cell.metadata.get("tags", ()):
                space.update(parameters)
            if bundle:
                data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
                cell.outputs = [nbformat.v4.new_output("execute_result", data, metadata=metadata)]
    export(notebook, title="Floor", made_at=datetime.now(UTC), version="0")
    nbformat.writes(notebook)

path = notebooks.notebook("device")
spent = []
for device in sys.argv[2:]:
    notebook = nbformat.read(path, as_version=4)
    begin = time.process_time()
    report(notebook, {**json.loads(sys.argv[1]), "device": device})
    spent.append(time.process_time() - begin)
print(json.dumps(spent[1:]))
"""


def figures() -> Iterator[str]:
    """The measured lines."""
    folder = Path(tempfile.mkdtemp(prefix="belimo-nb-bench-"))
    try:
        with DemoCloud(devices=DEVICES) as server:
            environment = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
            environment |= server.environment() | {"BELIMO_DATA_DIR": str(folder / "data"), "BELIMO_RATE": "0"}
            yield from _all(folder, environment)
    finally:
        shutil.rmtree(folder)
    helps = [_timed([sys.executable, "-m", "belimo_nb", "--help"], dict(os.environ)) for _ in range(7)]
    yield f"belimo-nb --help: {statistics.median(helps):.2f} s (median of 7)"


def _all(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    devices = _devices(environment)
    command = [sys.executable, "-m", "belimo_nb"]
    period = ["--from", PERIOD["start"], "--to", PERIOD["end"]]
    which = [word for device in devices for word in ("--device", device)]
    _timed([*command, "sync", *period], environment)
    _timed([*command, "report", "device", *period, *which, "--out", str(folder / "warm")], environment)

    loop = _loop(devices[:LOOP], folder, environment) / LOOP
    yield f"papermill + jupyter nbconvert in a loop: {loop:.2f} s a report ({LOOP} devices)"
    spent = _python(FLOOR, json.dumps(PERIOD), *devices[: WARM + 1], environment=environment)
    floor = statistics.mean(json.loads(spent)) / cores()
    yield f"floor: {floor:.3f} s a report, {floor * cores():.2f} s of CPU over {cores()} cores ({WARM} devices)"
    for engine in ("kernel", "fork"):
        out = folder / engine
        with _Memory() as memory:
            run = [*command, "report", "device", *period, *which, "--engine", engine, "--out", str(out)]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = _timed(run, environment, memory)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        made = json.loads((out / "reports.json").read_text(encoding="utf-8"))["reports"]
        failed = sum(report["status"] != "ok" for report in made)
        each = seconds / len(made)
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(made)
        yield (
            f"engine {engine}: {len(made)} reports, {failed} failed, {seconds:.1f} s as a process, {each:.2f} s and "
            f"{cpu:.2f} s of CPU each: {loop / each:.1f} times the loop, {each / floor:.2f} times the floor; "
            f"peak memory {memory.peak:.0f} MB (PSS)"
        )


def _devices(environment: Mapping[str, str]) -> list[str]:
    names = {name.removeprefix("BELIMO_").lower(): value for name, value in environment.items() if "BELIMO_" in name}
    cloud = bn.connect(demo=False, **names)
    return [str(name) for name in cloud.energy_valves().index[:REPORTS]]


def _loop(devices: list[str], folder: Path, environment: Mapping[str, str]) -> float:
    notebook = str(notebooks.notebook("device"))
    begin = time.perf_counter()
    for number, device in enumerate(devices):
        made = str(folder / f"{number}.ipynb")
        parameters = [word for name, value in {**PERIOD, "device": device}.items() for word in ("-r", name, value)]
        _timed([sys.executable, "-m", "papermill", "-k", "python3", notebook, made, *parameters], environment)
        _timed([sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", made], environment)
    return time.perf_counter() - begin


class _Memory:
    """The largest sum of the proportional set sizes of a process and all that descend from it, in MB; Linux."""

    def __init__(self) -> None:
        self.peak = 0.0
        self.root: int | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            if self.root is not None:
                self.peak = max(self.peak, sum(map(_pss, [self.root, *_descendants(self.root)])))


def _descendants(root: int) -> list[int]:
    try:
        files = list(Path(f"/proc/{root}/task").glob("*/children"))
        children = [int(pid) for file in files for pid in file.read_text().split()]
    except OSError:
        return []
    return children + [pid for child in children for pid in _descendants(child)]


def _pss(pid: int) -> float:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0.0)


def _timed(command: list[str], environment: Mapping[str, str], memory: _Memory | None = None) -> float:
    begin = time.perf_counter()
    with subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        if memory is not None:
            memory.root = process.pid
        _, told = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[:6]} failed: {told.decode()[-500:]}")
    return time.perf_counter() - begin


def _python(code: str, *arguments: str, environment: Mapping[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=dict(environment), capture_output=True, text=True, check=True
    ).stdout
