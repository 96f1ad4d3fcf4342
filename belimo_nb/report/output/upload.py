"""Upload a run to a URL when it is whole, the index last."""

from __future__ import annotations

import contextlib
import hashlib
import json
import mimetypes
import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from belimo_nb.errors import BelimoError, UsageError
from belimo_nb.report.jobs import slugify
from belimo_nb.report.output import reports_json
from belimo_nb.report.output.folder import GENERATOR, INDEX, WORK_LISTS, runs
from belimo_nb.system.files import make_private, read_bytes, write_text

AT_ONCE = 8  # files on their way at the same time: each waits for an answer most of the time
LONGEST_REASON = 200
READ_AT_MOST = 100_000  # bytes of a file at the URL, which tell whose it is


def is_url(out: str) -> bool:
    """Whether an output is a URL and no folder."""
    return "://" in out


class Upload:
    """The reports at a URL, and the folder in which they are made before.

    Args:
        url: Where to, such as ``s3://bucket/reports``.
        data_dir: The folder of the store. The reports are made below it, because all workers see it.

    Attributes:
        path: The output folder of the run: a whole copy of what is at the URL.
        index: The URL of the index page.

    Raises:
        UsageError: The URL cannot be used.
    """

    def __init__(self, url: str, data_dir: Path) -> None:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise UsageError("The URL of --out holds credentials, which would be shown; set them in the environment.")
        self.url = url.rstrip("/")
        self.index = f"{self.url}/{INDEX}"
        mark = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        self.path = data_dir / "uploads" / f"{slugify(self.url)}-{mark}"
        self._data_dir = data_dir
        self._noted = self.path / ".belimo-nb" / "uploaded.json"
        self._files = _files(self.url, parts.scheme)

    def check(self) -> None:
        """See that the URL takes files and lets go of them.

        Raises:
            UsageError: It does not.
        """
        make_private(self.path, self._data_dir)
        name = f".{secrets.token_hex(4)}.tmp"
        probe = self.path / name
        probe.write_bytes(b"belimo-nb")
        try:
            self._files.put(probe, name)
            self._files.remove(name)
        except Exception as error:  # noqa: BLE001 - each kind of place has errors of its own
            raise UsageError(
                f"Nothing can be written to {self.url} ({_reason(error)}); check the address and the rights."
            ) from None
        finally:
            probe.unlink(missing_ok=True)
        self._check_free("", (INDEX, reports_json.NAME))

    def _check_free(self, folder: str, names: Iterable[str]) -> None:
        """Refuse to write over files, given by name in a folder at the URL, that no run of ours has sent.

        Raises:
            UsageError: There is one, in a folder whose index is none of ours.
        """
        if GENERATOR in self._files.read(f"{folder}{INDEX}"):
            return
        taken = next((name for name in names if self._files.read(f"{folder}{name}")), None)
        if taken:
            raise UsageError(
                f"There is {self.url}/{folder}{taken} already, which no run of belimo-nb has made; move it elsewhere, "
                "or choose another URL with --out."
            )

    def send(self) -> None:
        """Bring the URL to what the folder holds: new and changed files, the index, and what is gone goes.

        Raises:
            BelimoError: It failed on the way; what readers find is the old index, and some new pages.
        """
        there = self._sent()
        files = (path for name in runs(self.path) for path in (self.path / name).rglob("*") if path.is_file())
        stats = {path.relative_to(self.path).as_posix(): path.stat() for path in files}
        now: dict[str, Any] = {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
        changed = [name for name, stamp in now.items() if there.get(name) != stamp]
        for run in runs(self.path):
            if not any(name.startswith(f"{run}/") for name in there):  # the first time: what is there is another's
                self._check_free(f"{run}/", (INDEX, reports_json.NAME, *WORK_LISTS))
        # Until all is done, nothing is known of what is under way.
        self._note(there | dict.fromkeys(changed))
        try:
            self._put(changed)
            # The index last: if the upload breaks off, the old index is there and none of its links is dead.
            for name in (reports_json.NAME, INDEX):
                self._files.put(self.path / name, name)
            for name in sorted(set(there) - set(now)):
                self._files.remove(name)
        except Exception as error:  # noqa: BLE001 - each kind of place has errors of its own
            raise BelimoError(
                f"The reports are made but not all of them are at {self.url} ({_reason(error)}); run the same again "
                "with --resume."
            ) from None
        self._note(now)

    def _put(self, names: Iterable[str]) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="belimo-nb-upload") as threads:
            under_way = [threads.submit(self._files.put, self.path / name, name) for name in names]
            try:
                for future in under_way:
                    future.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _sent(self) -> dict[str, Any]:
        """The names at the URL, each with the stamp of the file that it is a copy of."""
        try:
            found = json.loads(read_bytes(self._noted))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _note(self, names: dict[str, Any]) -> None:
        write_text(self._noted, json.dumps(names))


class _Files:
    """The files at a URL: S3 by PyArrow's own client, which the store needs anyway, any other place by fsspec."""

    def __init__(self, url: str, scheme: str) -> None:
        from pyarrow.fs import FSSpecHandler, PyFileSystem, S3FileSystem

        self._has_folders = scheme != "s3"
        if self._has_folders:
            import fsspec

            system, self._place = fsspec.core.url_to_fs(url)
            self._system = PyFileSystem(FSSpecHandler(system))
        else:
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
            self._system, self._place = S3FileSystem(endpoint_override=endpoint), url.removeprefix("s3://")

    def put(self, path: Path, name: str) -> None:
        # Without its type a browser would save a page instead of showing it.
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        kind += "; charset=utf-8" if kind.startswith("text/") or kind.endswith("json") else ""
        metadata = {"Content-Type": kind, "Cache-Control": "no-cache"}
        target = f"{self._place}/{name}"
        if self._has_folders:
            self._system.create_dir(target.rpartition("/")[0])
        with self._system.open_output_stream(target, metadata=metadata) as stream:
            stream.write(path.read_bytes())

    def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._system.delete_file(f"{self._place}/{name}")

    def read(self, name: str) -> str:
        try:
            with self._system.open_input_stream(f"{self._place}/{name}") as stream:
                return str(stream.read(READ_AT_MOST).decode("utf-8", "replace"))
        except FileNotFoundError:
            return ""


def _files(url: str, scheme: str) -> _Files:
    try:
        return _Files(url, scheme)
    except ImportError as error:
        raise UsageError(
            f"--out {url} needs a package ({_reason(error)}); install fsspec and what it needs for {scheme}://."
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"The URL {url!r} of --out cannot be used ({_reason(error)}).") from None


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
