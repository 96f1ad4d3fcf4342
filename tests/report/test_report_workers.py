"""A process for each job: what it gets, and what happens when it dies, hangs or is stopped."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from belimo_nb.errors import UsageError
from belimo_nb.report.workers import processes
from belimo_nb.report.workers.child import kill_group_with_job
from belimo_nb.report.workers.processes import CAN_FORK, ChildProcesses, JobFailed

pytestmark = pytest.mark.usefixtures("processes_from_nothing")

NEEDS_FORK = pytest.mark.skipif(not CAN_FORK, reason="cannot fork")


def scene():
    """What a job sees around it."""
    return {
        "pid": os.getpid(),
        "cwd": Path.cwd(),
        "temp": tempfile.gettempdir(),
        "environment": dict(os.environ),
    }


def refuse():
    """Fail with a sentence for users."""
    raise UsageError("The value 3 is too large; give 2.")


def stumble():
    """Fail with a bug."""
    raise KeyError("x")


def complain_and_die():
    """Die with a word on standard error."""
    print("out of cheese", file=sys.stderr, flush=True)
    os._exit(7)


def kill_myself():
    """Die as if memory had run out."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_parent():
    """Kill the process that this one was forked from, as if memory had run out."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def sleep_with_child(path):
    """Start a process in a session of its own, as a kernel is, name it in a file, and sleep."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    kill_group_with_job(child.pid)
    Path(path).write_text(str(child.pid))
    time.sleep(600)


@pytest.fixture(params=[pytest.param(True, marks=NEEDS_FORK, id="forked"), pytest.param(False, id="spawned")])
def fork(request):
    """Whether processes are forked or started afresh."""
    return request.param


@pytest.fixture
def pool(fork):
    """Two workers."""
    with ChildProcesses(2, time_limit=300, fork=fork) as executor:
        yield executor


def wait_for(condition):
    """Wait until something is so, and say whether it was."""
    deadline = time.monotonic() + 120  # on a busy machine
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def written(path):
    """Whether a file is there with something in it: it exists a moment before it is written."""
    return path.exists() and bool(path.read_text())


def ended(pid):
    """True if there is no such process, or only its remains."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_scene(pool, monkeypatch):
    """Each job runs in a new process, in a private folder that vanishes, with the environment given."""
    monkeypatch.setenv("BELIMO_LATER", "1")
    one, two = (pool.submit(scene) for _ in range(2))
    first, second = one.result(), two.result()
    assert len({first["pid"], second["pid"], os.getpid()}) == 3
    assert first["cwd"] != second["cwd"]
    assert Path(first["temp"]) == first["cwd"]
    assert first["environment"]["HOME"] == os.environ["HOME"]
    assert "BELIMO_LATER" not in first["environment"]
    pool.shutdown()
    assert not first["cwd"].exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (refuse, "^The value 3 is too large; give 2.$"),
        (stumble, "^KeyError: 'x'$"),
        (complain_and_die, "status 7: out of cheese$"),
        pytest.param(kill_myself, "killed", marks=pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")),
    ],
)
def test_failures(pool, call, words):
    """A job that raises or dies fails its own future with one sentence; the other jobs are not touched."""
    bad, good = pool.submit(call), pool.submit(os.getpid)
    with pytest.raises(JobFailed, match=words):
        bad.result()
    assert good.result() != os.getpid()


@pytest.mark.slow
def test_overtime(fork, tmp_path, monkeypatch):
    """A job that hangs is killed, together with the processes it adopted."""
    monkeypatch.setattr(processes, "GRACE_PERIOD", 0.0)
    for limit in (2, 20, 200):  # a busy machine may take long to come to the child
        with ChildProcesses(1, time_limit=limit, fork=fork) as pool:
            pool.submit(os.getpid).result()  # the first start takes longest
            future = pool.submit(sleep_with_child, tmp_path / "pid")
            with pytest.raises(JobFailed, match=f"longer than the time limit of {limit} s") as caught:
                future.result()
            assert caught.value.seconds == limit
        if written(tmp_path / "pid"):
            break
    child = int((tmp_path / "pid").read_text())
    assert wait_for(lambda: ended(child))


def test_stop(fork, tmp_path):
    """Stopping kills what runs and drops what waits, at once."""
    with ChildProcesses(1, time_limit=600, fork=fork) as pool:
        running = pool.submit(sleep_with_child, tmp_path / "pid")
        waiting = pool.submit(os.getpid)
        assert wait_for(lambda: written(tmp_path / "pid"))
        pool.stop()
        with pytest.raises(JobFailed, match="Stopped"):
            running.result(timeout=0)
        assert waiting.cancelled()
    child = int((tmp_path / "pid").read_text())
    assert wait_for(lambda: ended(child))


def test_error_stops(fork):
    """Leaving the block by an error does not wait for what runs."""
    with pytest.raises(ZeroDivisionError), ChildProcesses(1, time_limit=600, fork=fork) as pool:  # noqa: PT012
        future = pool.submit(time.sleep, 600)
        raise ZeroDivisionError
    assert future.cancelled() or isinstance(future.exception(), JobFailed)


PARENT = """
import sys, time
from belimo_nb.report.workers.processes import ChildProcesses
sys.path.insert(0, {tests!r})
from test_report_workers import sleep_with_child
if __name__ == "__main__":
    ChildProcesses(1, time_limit=600, fork={fork}).submit(sleep_with_child, {path!r}).result()
"""


@pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")
def test_parent_killed(fork, tmp_path):
    """When the run itself is killed, its jobs end with it, and nothing stays in the temporary folder."""
    script, path, temporary = tmp_path / "parent.py", tmp_path / "pid", tmp_path / "temporary"
    temporary.mkdir()
    script.write_text(PARENT.format(tests=str(Path(__file__).parent), path=str(path), fork=fork))
    parent = subprocess.Popen([sys.executable, script], env={**os.environ, "TMPDIR": str(temporary)})
    assert wait_for(lambda: written(path))
    started = int(path.read_text())
    job = psutil.Process(started).ppid()
    assert any(temporary.iterdir())
    parent.kill()
    parent.wait()
    assert wait_for(lambda: ended(job))
    assert wait_for(lambda: not any(temporary.iterdir()))
    if fork:  # whoever forks sees to it that nothing is left
        assert wait_for(lambda: ended(started))
    else:
        os.kill(started, signal.SIGKILL)


@NEEDS_FORK
def test_stem_killed():
    """When the process that jobs are forked from dies, its jobs are told as crashed, and the next ones have another."""
    with ChildProcesses(1, time_limit=300) as pool:
        stem = pool.submit(os.getppid).result()
        lost = pool.submit(kill_parent)
        with pytest.raises(JobFailed, match="lost") as caught:
            lost.result()
        assert caught.value.crashed
        assert pool.submit(os.getppid).result() != stem
        temporary = pool.submit(scene).result()["cwd"]
    assert not temporary.parent.exists()


@NEEDS_FORK
def test_stem_that_cannot_start():
    """A process to fork from that cannot get ready is told with its last words."""
    with ChildProcesses(1, time_limit=300, preload="belimo_nb.nowhere:start") as pool:
        future = pool.submit(os.getpid)
        with pytest.raises(JobFailed, match="lost: ModuleNotFoundError"):
            future.result()
