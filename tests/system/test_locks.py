"""Locks: who holds one is said, a wait ends, and what cannot be locked is told at once."""

import errno
import json
import os
import re
import socket
import threading
import time

import pytest
from locks_places import put

from belimo_nb.system import locks
from belimo_nb.system.locks import LockedByOtherError, NoLocksError, locked

posix = pytest.mark.skipif(os.name == "nt", reason="has other locks and no pipes")


@pytest.fixture
def held(tmp_path):
    """A lock that another thread holds until it is told to end; a thread is to the system as good as a process."""
    place, end, begun = tmp_path / ".d1.lock", threading.Event(), threading.Event()

    def hold():
        with locked(place):
            begun.set()
            end.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(30)
    yield place, end
    end.set()
    thread.join()


def test_a_wait_names_whom_it_is_for_and_ends(held, monkeypatch):
    """After a moment it is said who holds the lock, and after the limit that it still does."""
    monkeypatch.setattr(locks, "NOTICE", 0.05)
    monkeypatch.setattr(locks, "LONGEST", 0.2)
    told = []
    with pytest.raises(LockedByOtherError) as caught, locked(held[0], on_wait=told.append):
        pytest.fail("it is held")
    assert told == [str(caught.value)]
    assert re.fullmatch(rf"process {os.getpid()} on {re.escape(socket.gethostname())}, since 20\d\d-.*", told[0])
    with pytest.raises(LockedByOtherError), locked(held[0], 0.0, told.append):
        pytest.fail("it is held")
    assert len(told) == 1


def test_a_wait_that_is_worth_it(held, monkeypatch):
    """Who waits gets the lock when it is free."""
    monkeypatch.setattr(locks, "NOTICE", 0.01)
    threading.Timer(0.1, held[1].set).start()
    with locked(held[0]):
        assert json.loads(held[0].read_text())["pid"] == os.getpid()


@posix
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks(code, tmp_path, monkeypatch):
    """Where the system has no locks, this is said at once; nobody waits, and no file stands for a lock."""

    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    began = time.monotonic()
    with pytest.raises(NoLocksError, match=r"the disk knows no locks: .+"), locked(tmp_path / "lock"):
        pytest.fail("it is not locked")
    assert time.monotonic() - began < 20  # on a busy machine


@posix
@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "socket"])
def test_something_else_in_its_place(kind, tmp_path):
    """What is no file is refused, not waited for."""
    place = tmp_path / "lock"
    put(kind, place)
    with pytest.raises(OSError, match="is no regular file"), locked(place):
        pytest.fail("it is not locked")
