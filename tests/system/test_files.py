"""Writing files in one step."""

import os
import stat

import pytest

from belimo_nb.system.files import write_text

posix = pytest.mark.skipif(os.name == "nt", reason="has no such permissions")


def test_new_and_replaced(tmp_path):
    """Folders are made, old content is replaced, line ends stay, and no draft is left."""
    path = tmp_path / "a" / "b" / "file.txt"
    write_text(path, "one\r\n")
    write_text(path, "zwölf\n")
    assert path.read_bytes() == "zwölf\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old(tmp_path):
    """When writing fails half-way, the old content stays and no draft is left."""
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new" * 100_000 + "\udc00")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_private(tmp_path):
    """A private file is its owner's alone, even if it was not before."""
    path = tmp_path / "secret"
    path.touch(0o644)
    write_text(path, "x", private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_links_stay(tmp_path):
    """A symbolic link stays one; what it points at is replaced."""
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_text(link, "x")
    assert link.is_symlink()
    assert target.read_text() == "x"


def test_a_device_is_replaced_by_no_file(tmp_path):
    """What would be written to a link that leads to a device is refused: an administrator could replace it."""
    device = tmp_path / "device"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except (AttributeError, PermissionError):
        pytest.skip("only administrators can make a device")
    (tmp_path / "link").symlink_to(device)
    for place in (device, tmp_path / "link"):
        with pytest.raises(OSError, match="'device' is a device"):
            write_text(place, "x")
    assert device.is_char_device()
