"""From one run to the next: readers see the old one or the new one, never a mixture.

Many files cannot be replaced in one step, but one can. So while pages are replaced, the index that readers see is that
of the old run, with links to the old run's files in a folder aside; it is exchanged for the new one when all is in
place. Why so: docs/decisions/0007-a-run-appears-at-once.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from belimo_nb.errors import BelimoError
from belimo_nb.report.output.reports_json import NAME as REPORTS
from belimo_nb.system.files import check_inside, sync_folder, write_text

INDEX = "index.html"
ASIDE = "belimo-nb-before"  # where the old run is found while the new one is put in its place
RELOAD = 5  # seconds after which a browser that got the old run's index at that moment asks again
MANY_FILES = 1000  # above which all of the disk is flushed at once
TRIES, PAUSE = 100, 0.1  # how often and how fast a file is tried that another program holds open (Windows)


class RunExchange:
    """Exchanges the run in a folder for the one that is staged; what was begun can be finished after any crash.

    Args:
        out: What readers see.
        private: A folder below it that readers do not look into.
        staging: Where the new run is, index included.
    """

    def __init__(self, out: Path, private: Path, staging: Path) -> None:
        self._out = out
        self._staging = staging
        self._aside = out / ASIDE
        self._plan = private / "switch.json"

    def prepare(self, *, earlier: Iterable[str], keep: set[str]) -> None:
        """Set the old run aside, and decide: from here on only the new run counts.

        Args:
            earlier: The paths of the old run's files.
            keep: Paths that the new run has; other paths of the old run's files go.
        """
        old = {name for name in earlier if (self._out / name).is_file()}
        if old and (self._out / INDEX).is_file():
            shutil.rmtree(self._aside, ignore_errors=True)
            for name in sorted({*old, INDEX, REPORTS}):
                check_inside(self._aside / name, self._out)
                _link(self._out / name, self._aside / name)
        staged = (path.relative_to(self._staging).as_posix() for path in self._staging.rglob("*") if path.is_file())
        place = sorted(set(staged) & keep)
        # On the disk before anything old goes: a power cut must not leave names without content.
        _flush([self._staging / name for name in {*place, INDEX, REPORTS}])
        write_text(self._plan, json.dumps({"place": place, "remove": sorted(old - keep)}), durable=True)

    def finish(self) -> bool:
        """Do what was prepared and not yet done; then nothing of the old run is left but what is kept.

        Returns:
            Whether there was anything to do.

        Raises:
            BelimoError: Another program holds a file open; the next run goes on from there.
            OSError: A file would lie outside the folder.
        """
        try:
            plan = json.loads(self._plan.read_text(encoding="utf-8"))
        except FileNotFoundError:
            shutil.rmtree(self._aside, ignore_errors=True)  # of a run that was killed before it decided
            return False
        self._show_aside()
        for name in plan["place"]:
            with contextlib.suppress(FileNotFoundError):  # where it was begun before, it is in its place
                _move(self._staging / name, self._inside(name))
        for name in (REPORTS, INDEX):
            _exchange(self._inside(name), (self._staging / name).read_text(encoding="utf-8"))
        for folder in {self._inside(name).parent for name in (*plan["place"], INDEX)}:
            sync_folder(folder)
        for name in plan["remove"]:
            self._remove(self._inside(name))
        self._plan.unlink()
        shutil.rmtree(self._staging, ignore_errors=True)
        shutil.rmtree(self._aside, ignore_errors=True)
        return True

    def _show_aside(self) -> None:
        """Lead readers of the old index to the old run's files where they are now."""
        if (self._aside / INDEX).is_file():
            _exchange(self._inside(INDEX), _link_aside((self._aside / INDEX).read_text(encoding="utf-8")))
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            body = json.loads((self._aside / REPORTS).read_text(encoding="utf-8"))
            for item in [*body["reports"], *body.get("others", ())]:
                item["files"] = {kind: f"{ASIDE}/{name}" for kind, name in item["files"].items()}
            _exchange(self._inside(REPORTS), json.dumps(body, indent=1, ensure_ascii=False))

    def _inside(self, name: str) -> Path:
        """The path of a file of the folder; what the plan says is not trusted, for the folder may be anyone's.

        Raises:
            OSError: It leads out of the folder.
        """
        path = self._out / name
        check_inside(path, self._out)
        return path

    def _remove(self, path: Path) -> None:
        _retry_while_open(lambda: path.unlink(missing_ok=True), path)
        if path.parent != self._out:
            with contextlib.suppress(OSError):  # there are other files in it
                path.parent.rmdir()


def _link_aside(index: str) -> str:
    """An index of ours whose links lead to the files set aside, and which a browser loads again soon."""
    led = re.sub(r'(<a [^>]*href=")(?!#)', rf"\g<1>{ASIDE}/", index)
    return led.replace("<head>", f'<head>\n<meta http-equiv="refresh" content="{RELOAD}">', 1)


def _link(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the disk cannot do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _exchange(path: Path, text: str) -> None:
    _retry_while_open(lambda: write_text(path, text, durable=True), path)


def _flush(paths: Sequence[Path]) -> None:
    """Have the content of some files on the disk, and their names in their folders."""
    if len(paths) > MANY_FILES and hasattr(os, "sync"):
        os.sync()  # one wait instead of one for each file
        return
    for path in paths:
        with contextlib.suppress(FileNotFoundError), path.open("rb+") as stream:
            os.fsync(stream.fileno())
    for folder in {path.parent for path in paths if path.parent.is_dir()}:
        sync_folder(folder)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _retry_while_open(lambda: source.replace(target), target)


def _retry_while_open(step: Callable[[], object], path: Path) -> None:
    """Take a step that Windows refuses while another program reads the file."""
    for attempt in range(TRIES):
        try:
            step()
        except PermissionError as error:
            if attempt == TRIES - 1:
                raise BelimoError(
                    f"The file {path} cannot be replaced ({error.strerror}); close it elsewhere, and run the same "
                    "again with --resume: what is made goes to its place first."
                ) from None
            time.sleep(PAUSE)
        else:
            return
