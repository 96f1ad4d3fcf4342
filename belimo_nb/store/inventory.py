"""The store's inventory: its files, sizes, ranges and gaps; verifying and deleting them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from belimo_nb.errors import StoreError
from belimo_nb.store import parquet
from belimo_nb.store.coverage import Spans, difference, union
from belimo_nb.store.disk import DRAFT, Store
from belimo_nb.system.files import check_inside, is_inside, open_file, read_bytes


@dataclass(frozen=True)
class Entry:
    """One file of the store.

    Attributes:
        path: The file.
        device: The device's id; the file's name if it cannot be read.
        resolution: Length of a bucket.
        bytes: Size of the file.
        rows: Buckets with a value.
        datapoints: How many datapoints.
        asked: Spans that were fetched of at least one datapoint.
        final: Share of them that need never be fetched again, 0 to 1, over all datapoints.
        fetched: When what can still change was last fetched (seconds since 1970); None: all is final.
        damage: What is wrong with it, or None.
    """

    path: Path
    device: str
    resolution: str
    bytes: int
    rows: int = 0
    datapoints: int = 0
    asked: Spans = ()
    final: float = 1.0
    fetched: int | None = None
    damage: str | None = None

    @property
    def gaps(self) -> Spans:
        """Spans between the first and the last moment that were never fetched."""
        return difference([(self.asked[0][0], self.asked[-1][1])], self.asked) if self.asked else ()


def entries(store: Store) -> Iterator[Entry]:
    """List the files of the store by resolution and device, without reading their values."""
    for path in sorted(store.folder.glob("*/*.parquet")):
        resolution = path.parent.name
        try:
            check_inside(path, store.root)
            size = path.stat().st_size
            with open_file(path) as stream:
                about, rows = parquet.read_metadata(stream)
            covered = parquet.coverage(about, str(about["device"]), resolution)
        except FileNotFoundError:
            continue  # cleared or set aside meanwhile
        except OSError as error:
            yield Entry(path, path.stem, resolution, 0, damage=f"cannot be read ({error.strerror})")
        except parquet.DamagedFile as damage:
            yield Entry(path, path.stem, resolution, size, damage=str(damage))
        else:
            asked = [coverage.asked for coverage in covered.values()]
            total = sum(end - begin for spans in asked for begin, end in spans)
            final = sum(end - begin for coverage in covered.values() for begin, end in coverage.final)
            yield Entry(
                path,
                str(about["device"]),
                resolution,
                size,
                rows,
                len(covered),
                union(span for spans in asked for span in spans),
                final / total if total else 1.0,
                max((piece.asked for coverage in covered.values() for piece in coverage.open), default=None),
            )


def verify(store: Store, entry: Entry) -> str | None:
    """Read a file whole and check every column; what is wrong with it, or None."""
    if entry.damage is not None:
        return entry.damage
    try:
        check_inside(entry.path, store.root)
        parquet.load(read_bytes(entry.path), entry.device, entry.resolution)
        in_place = store.path(entry.device, entry.resolution) == entry.path
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except parquet.DamagedFile as damage:
        return str(damage)
    return None if in_place else f"holds device {entry.device}"


def damaged_files(store: Store) -> list[Path]:
    """The damaged files that were set aside."""
    return sorted(store.folder.glob("*/*.parquet.damaged-[0-9]*"))


def imported(store: Store) -> list[str]:
    """The names under which files were imported."""
    return sorted({path.parts[-3].partition("+")[2] for path in store.folder.parent.glob("files+*/*/*.parquet")})


def clear(store: Store) -> int:
    """Delete the kept history of one cloud, damaged files included; gives the number of files.

    Raises:
        StoreError: A file cannot be deleted.
    """
    paths = [*sorted(store.folder.glob("*/*.parquet")), *damaged_files(store), *store.folder.glob("*/.*.tmp")]
    count = 0
    for path in paths:
        of = DRAFT.fullmatch(path.name)
        if not is_inside(path, store.root) or (path.suffix == ".tmp" and not of):
            continue
        # A sync that is writing a file is waited for: else its next answer would bring the old values back, or its
        # draft would be gone before it is in its place.
        target = path.with_name(f"{of[1]}.parquet") if of else path
        with store.lock_file(target) if target.suffix == ".parquet" else contextlib.nullcontext():
            try:
                path.unlink()
                count += 1
            except FileNotFoundError:
                pass
            except OSError as error:
                raise StoreError(f"{path} cannot be deleted ({error.strerror}); check its permissions.") from None
    return count
