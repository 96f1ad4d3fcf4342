"""The store on disk: one Parquet file for each device and resolution, replaced in one step, one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
import secrets
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from belimo_nb.api.history import parse_resolution
from belimo_nb.errors import StoreError
from belimo_nb.settings import Settings
from belimo_nb.settings.addresses import is_loopback
from belimo_nb.store import parquet
from belimo_nb.store.coverage import Coverage
from belimo_nb.store.device_history import DeviceHistory
from belimo_nb.system.files import check_inside, make_private, open_file, read_bytes, write_text
from belimo_nb.system.locks import LockedByOtherError, NoLocksError, locked

LAYOUT = "v1"
IMPORTED_RESOLUTION = "1s"
UNITS = ((604800, "w"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
CANNOT_SET_ASIDE = "is not read, but cannot be set aside"
DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{8,16}\.tmp")  # of the file of a device
PLAIN = re.compile(r"(?=.{1,100}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
RESERVED = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)\d")  # names of devices of the computer, on Windows
CASE_COUNTS = sys.platform not in ("win32", "darwin")  # whether A and a are two files on most disks
NOT_A_FILE = (errno.EISDIR, errno.EINVAL, errno.ELOOP, errno.ENXIO)


class StoreWarning(UserWarning):
    """A fault of the store that costs requests but no data: a damaged file, a full disk."""


def canonical_resolution(resolution: str) -> str:
    """A bucket's length in its largest whole unit, "1h" for "60m": one name of a folder for one length."""
    seconds = int(parse_resolution(resolution).total_seconds())
    length, unit = next((length, unit) for length, unit in UNITS if seconds % length == 0)
    return f"{seconds // length}{unit}"


def source_folder(settings: Settings) -> str:
    """The name of a cloud's folder: its host, or for a server on this machine the setting `source`."""
    if settings.source_files:
        return f"files+{settings.source_files}"  # no host has a plus in its name
    # A local server's port changes from run to run. For any other the host decides, whatever BELIMO_SOURCE says, so
    # that the demo's data never meet real data.
    host = urlsplit(settings.api_url).netloc
    return _file_name(settings.source if is_loopback(settings.api_url) else host)


def _file_name(text: str) -> str:
    """A text as a file or folder name; what cannot stand in one becomes its code point."""
    # Ids come from the cloud: no leading dot and no separator, so that none leads out of the folder.
    plain = re.sub(r"[\s,:/\\]+", "-", text.strip()) or "-"
    return re.sub(r"^\.|[^A-Za-z0-9._-]", lambda match: f"%{ord(match[0]):x}", plain)[:150]


def _device_file(device: str) -> str:
    """The name of a device's file, without suffix: no two ids share one, also where case does not count."""
    plain = _file_name(device)
    good = PLAIN.fullmatch(device) and not RESERVED.fullmatch(device.split(".")[0])
    if not device.strip() or (good and (CASE_COUNTS or device == device.lower())):
        return plain
    return f"{plain[:100]}%{hashlib.sha256(device.encode(errors='surrogatepass')).hexdigest()[:16]}"


class Store:
    """The kept history of one cloud, or of imported files.

    Of imported files every reading is kept at its time, in buckets of a second; longer ones are made when read.

    Attributes:
        imported: Whether it holds imported files, which no cloud can add to.
        root: The folder for data. Others may be able to write to it: links that lead out of it are not followed.
        folder: The folder of the files ``<resolution>/<device id>.parquet``.
    """

    imported = False

    def __init__(self, settings: Settings) -> None:
        self.root = settings.data_dir
        self.folder = self.root / "history" / LAYOUT / source_folder(settings)
        self.imported = settings.source_files is not None
        self._held: set[tuple[int, Path]] = set()  # locks, each with the thread that has it

    def __repr__(self) -> str:
        return f"<Store {self.folder}>"

    def path(self, device: str, resolution: str) -> Path:
        """The file of a device at a resolution."""
        return self.folder / self._kept(resolution) / f"{_device_file(device)}.parquet"

    def _kept(self, resolution: str) -> str:
        """The resolution at which what is asked for at another is kept."""
        return IMPORTED_RESOLUTION if self.imported else canonical_resolution(resolution)

    def check(self) -> None:
        """Make the folder if need be and check that it takes files.

        Raises:
            StoreError: It does not.
        """
        probe = self.folder / f".{secrets.token_hex(4)}.tmp"
        try:
            check_inside(probe, self.root)
            make_private(self.folder, self.root)
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise self._refused(probe, error) from None

    def lock(self, device: str, resolution: str) -> contextlib.AbstractContextManager[None]:
        """Hold the right to write a device's file, alone on this machine.

        Raises:
            StoreError: The folder cannot be written to or knows no locks, or another process does not end.
        """
        return self.lock_file(self.path(device, resolution))

    @contextlib.contextmanager
    def lock_file(self, path: Path, wait: float | None = None) -> Iterator[None]:
        """As `lock`, for a file of the store; `wait` as in `belimo_nb.system.locks.locked`."""
        # Readers need no lock: a file is replaced in one step, so they see the old or the new one. The lock is a file
        # beside it, since the file itself is renamed away with every write.
        place, mine = path.with_name(f".{path.stem}.lock"), (threading.get_ident(), path)
        with contextlib.ExitStack() as stack:
            if mine not in self._held:
                try:
                    check_inside(place, self.root)
                    make_private(path.parent, self.root)
                    stack.enter_context(locked(place, wait, lambda by: _tell_wait(path, by)))
                except LockedByOtherError as other:
                    refusal = StoreError(f"{path} is being written by {other}; wait until that has ended, or end it.")
                    refusal.of_file = True
                    raise refusal from None
                except (OSError, NoLocksError) as error:
                    refusal = self._refused(path, error)
                    refusal.of_file = getattr(error, "errno", None) in NOT_A_FILE
                    raise refusal from None
                self._held.add(mine)
                stack.callback(self._held.discard, mine)
            yield

    def read(self, device: str, resolution: str, datapoints: Iterable[str] | None = None) -> DeviceHistory:
        """Read what is kept of a device, all or some columns; an empty history if there is no file.

        A file that is damaged, of another version or no history file is set aside, with a warning.

        Raises:
            StoreError: The file is there but cannot be read.
        """
        resolution = canonical_resolution(resolution)
        path = self.path(device, resolution)
        try:
            return self._load(path, device, resolution, datapoints)
        except parquet.DamagedFile as damage:
            # Looked at again with the right to write: a writer may have put a good file in its place meanwhile.
            try:
                with self.lock_file(path, wait=0.0):
                    try:
                        return self._load(path, device, resolution, datapoints)
                    except parquet.DamagedFile as again:
                        self._set_aside(path, again)
            except StoreError:
                _tell_damage(path, damage, CANNOT_SET_ASIDE)
            return self.empty(device, resolution)

    def _load(self, path: Path, device: str, resolution: str, datapoints: Iterable[str] | None) -> DeviceHistory:
        try:
            check_inside(path, self.root)
            kept = parquet.load(read_bytes(path), device, self._kept(resolution), datapoints)
            return kept.coarser(resolution) if self.imported else kept
        except FileNotFoundError:
            return self.empty(device, resolution)
        except OSError as error:
            raise StoreError(
                f"The kept history {path} cannot be read ({error.strerror}); check its permissions, or set "
                "BELIMO_DATA_DIR to another folder."
            ) from None

    def coverage(self, device: str, resolution: str) -> Mapping[str, Coverage]:
        """Read a device's coverage by datapoint, without its values; empty if there is no good file."""
        path = self.path(device, resolution)
        try:
            check_inside(path, self.root)
            with open_file(path) as stream:
                about, _ = parquet.read_metadata(stream)
            return parquet.coverage(about, device, canonical_resolution(resolution))
        except (OSError, parquet.DamagedFile):
            return {}  # `read` will say why

    @staticmethod
    def empty(device: str, resolution: str) -> DeviceHistory:
        """The history of a device of which nothing is kept."""
        return DeviceHistory(
            device, canonical_resolution(resolution), int(parse_resolution(resolution).total_seconds())
        )

    def write(self, kept: DeviceHistory) -> None:
        """Replace a device's file in one step; call it with the lock held.

        Raises:
            StoreError: The disk is full, or the folder cannot be written to; the file is as it was.
        """
        path = self.path(kept.device, kept.resolution)
        try:
            check_inside(path, self.root)
            for left in path.parent.glob(f".{path.stem}.*.tmp"):
                # Its writer was killed: while alive it held the lock that we hold. Others' ids may begin alike.
                if (of := DRAFT.fullmatch(left.name)) and of[1] == path.stem:
                    left.unlink(missing_ok=True)
            write_text(path, parquet.dump(kept), private=True, durable=True, draft=f".{path.stem}.")
        except OSError as error:
            raise self._refused(path, error) from None

    def _refused(self, path: Path, error: Exception) -> StoreError:
        reason = getattr(error, "strerror", None) or str(error)
        return StoreError(
            f"The history cannot be kept in {path.parent} ({reason}); make room there, check its permissions, or set "
            "BELIMO_DATA_DIR to another folder."
        )

    def _set_aside(self, path: Path, damage: Exception) -> None:
        """Rename a bad file and warn."""
        # Never deleted: it may be a newer version's, or someone's whose file only has our name.
        place = CANNOT_SET_ASIDE
        for number in range(1, 1000):
            aside = path.with_name(f"{path.name}.damaged-{number}")
            if aside.exists():
                continue
            try:
                path.rename(aside)
                place = f"is set aside as {aside.name}"
            except FileNotFoundError:
                return  # another process was faster
            except OSError:
                pass
            break
        _tell_damage(path, damage, place)


def _tell_damage(path: Path, damage: Exception, place: str) -> None:
    again = "Import its files again" if path.parts[-3].startswith("files+") else "What it held is asked for again"
    warnings.warn(f"The kept history {path} {damage}; it {place}. {again}.", StoreWarning, stacklevel=5)


def _tell_wait(path: Path, holder: str) -> None:
    warnings.warn(f"Waiting for {holder}, which is writing {path}.", StoreWarning, stacklevel=5)
