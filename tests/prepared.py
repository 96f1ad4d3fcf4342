"""Programs of ours that begin at once: forked from a process that has imported, and used, what they need.

A process of its own for each, as when people type the command: its own environment, folder, output and end, by a signal
as well. Only what the interpreter does before the command's first line is not done anew; `test_wheel.py` and
`cli/test_cli.py` have commands that begin from nothing. On Linux; elsewhere programs are started as usual.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

CAN_FORK = sys.platform == "linux"
SHARED = "PREPARED_SHARED"
"""The variable that gives the workers of a run the socket of the server that `share` has begun for all of them."""
BEFORE = "PREPARED_BEFORE"
"""The variable that says what a program, and the process that its reports are forked from, call first, as
"module:function": a test changes its constants so."""
PROGRAM = """#!{python} -IS
import json, os, signal, socket, sys
both = (signal.SIGINT, signal.SIGTERM)
signal.pthread_sigmask(signal.SIG_BLOCK, both)
asked = socket.socket(socket.AF_UNIX)
asked.connect({address!r})
body = json.dumps(["command", sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(asked, [len(body).to_bytes(4, "big")], [0, 1, 2])
asked.sendall(body)
pid = int.from_bytes(asked.recv(4), "big")
for number in both:
    signal.signal(number, lambda number, _: os.kill(pid, number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, both)
code = int.from_bytes(asked.recv(4), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""What stands in for the command: a program that asks for one, passes on what it is sent, and ends as it does."""

_servers: list[subprocess.Popen[bytes]] = []


def share() -> None:
    """Begin one server for all workers of this process, which need not wait for it: each would make its own."""
    if CAN_FORK:
        os.environ[SHARED] = _begin()


@functools.cache
def address() -> str:
    """The socket of the server: the one that is shared, or this process's own, which is started now.

    It ends with `end`, or with the process that began it.
    """
    found = os.environ.get(SHARED) or _begin()
    for _ in range(6000):  # five minutes, on a machine however slow
        if Path(found).exists():
            break
        time.sleep(0.05)
    return found


def _begin() -> str:
    folder = Path(tempfile.mkdtemp(prefix="prepared-"))
    found = str(folder / "socket")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BELIMO_")}
    environment |= dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    server = subprocess.Popen(
        [sys.executable, __file__, found, json.dumps(sys.path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    program = folder / "bin" / "belimo-nb"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, address=found), encoding="utf-8")
    program.chmod(0o755)

    _servers.append(server)
    return found


def end() -> None:
    """End the server, if there is one."""
    while _servers:
        with _servers.pop() as server:
            server.stdin.close()
        shutil.rmtree(Path(server.args[2]).parent)


def program() -> list[str]:
    """The words to begin a command of ours with."""
    if not CAN_FORK:
        return [sys.executable, "-m", "belimo_nb"]
    return [str(Path(address()).parent / "bin" / "belimo-nb")]


class Forked:
    """A fork server of reports that was asked for, with the methods of `subprocess.Popen` that its owner calls."""

    def __init__(self, where: str, arguments: list[str], environment: dict[str, str], descriptors: list[int]) -> None:
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.connect(where)
        body = json.dumps(["fork server", arguments, environment, str(Path.cwd())]).encode()
        socket.send_fds(self._asked, [len(body).to_bytes(4, "big")], descriptors)
        self._asked.sendall(body)
        self.pid = int.from_bytes(self._asked.recv(4), "big")

    def kill(self) -> None:
        """Kill it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        if self._asked.fileno() >= 0:
            if not select.select([self._asked], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("fork server", timeout or 0.0)
            self._asked.close()


def prepare(where: str | None = None) -> None:
    """From now on the fork servers of reports in this process are prepared ones, asked for at that socket or ours."""
    from belimo_nb.report.engine.engines import PRELOAD
    from belimo_nb.report.workers.fork_server import ForkServer

    start = ForkServer._start

    @functools.wraps(start)
    def ask(self: Any) -> None:
        if self._preload not in PRELOAD.values():
            start(self)
            return
        self._asked = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, (self._folder / "fork-server.txt").open("wb") as log, Path(os.devnull).open() as nothing:
            descriptors = [nothing.fileno(), log.fileno(), log.fileno(), theirs.fileno()]
            self._process = Forked(where or address(), [str(self._folder)], self._environment, descriptors)

    ForkServer._start = ask


@contextlib.contextmanager
def from_nothing() -> Iterator[None]:
    """Meanwhile the fork servers of reports are not prepared ones: each prepares itself, as it does for users."""
    if not CAN_FORK:
        yield
        return
    from belimo_nb.report.workers.fork_server import ForkServer

    ask = ForkServer._start
    ForkServer._start = ask.__wrapped__
    try:
        yield
    finally:
        ForkServer._start = ask


def serve(where: str) -> None:
    """Import and use what programs need, then fork one for each request, until standard input is closed."""
    from belimo_nb.report.engine.preload import preload_for_fork

    preload_for_fork()
    for name in (
        *("cli.commands", "demo.cloud", "cloud.survey", "report.digest", "report.run", "report.fetch"),
        *("report.output.folder", "report.output.upload"),
    ):
        import_module(f"belimo_nb.{name}")
    import xlsxwriter  # noqa: F401 - it is imported where a workbook is made

    from belimo_nb.report.page import index

    index._template()
    gc.collect()  # what is kept here makes each fork dearer: the readings of a demo cloud would double it
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{where}.new")
    listener.listen(64)
    Path(f"{where}.new").rename(where)  # who waits for the file finds a socket that listens
    programs: dict[int, tuple[int, socket.socket]] = {}  # by what tells of their end: process id, and who asked for it
    asked = [listener, 0]
    while asked or programs:
        readable = select.select([*asked, *programs, *(client for _, client in programs.values())], [], [])[0]
        for ended, (pid, client) in list(programs.items()):
            if ended in readable:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with client, contextlib.suppress(OSError):
                    client.sendall(code.to_bytes(4, "big", signed=True))
                os.close(ended)
                del programs[ended]
            elif client in readable:  # whoever asked for it is gone
                os.kill(pid, signal.SIGKILL)
        if 0 in readable:
            asked = []
        elif listener in readable:
            _fork(where, listener, programs)


def _fork(where: str, listener: socket.socket, programs: dict[int, tuple[int, socket.socket]]) -> None:
    """Fork the program that the next client asks for, and tell its process id."""
    client, _ = listener.accept()
    descriptors: list[int] = []
    try:
        size, descriptors, _, _ = socket.recv_fds(client, 4, 4)
        with client.makefile("rb") as body:
            what, arguments, environment, folder = json.loads(body.read(int.from_bytes(size, "big")))
        pid = os.fork()
    except (OSError, ValueError):  # a client that was killed before it had asked
        pid = None
    if pid == 0:
        for other in (listener, client, *(other for _, other in programs.values())):
            other.close()
        for ended in programs:
            os.close(ended)
        _run(where, what, arguments, environment, folder, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    if pid is None:
        client.close()
        return
    programs[os.pidfd_open(pid)] = pid, client
    with contextlib.suppress(OSError):
        client.sendall(pid.to_bytes(4, "big"))


def _run(
    where: str, what: str, arguments: list[str], environment: dict[str, str], folder: str, descriptors: list[int]
) -> NoReturn:
    """Be the program."""
    code = 1
    try:
        os.setsid()
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        tempfile.tempdir = None
        if BEFORE in environment:
            module, _, name = environment[BEFORE].partition(":")
            getattr(import_module(module), name)()
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
        if what == "fork server":
            from belimo_nb.report.workers.fork_server import serve as serve_reports

            serve_reports(str(descriptors[3]), *arguments, "")
        else:
            from belimo_nb.cli import main

            prepare(where)
            sys.argv = ["belimo-nb", *arguments]
            main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[2])
    serve(sys.argv[1])
