"""What the cells of a notebook say, as a kernel's messages, without a kernel and its sockets."""

from __future__ import annotations

import io
import os
import stat
from typing import Any

from jupyter_client.session import Session
from traitlets import Any as AnyTrait

__all__ = ["Message", "Recorder", "Stream"]

Message = dict[str, Any]


class Recorder(Session):
    """A kernel's session that hands over what it would send."""

    receive = AnyTrait(help="Called with each message.")

    def send(  # type: ignore[override]
        self, stream: Any, msg_or_type: Any, content: Any = None, parent: Any = None, **_: Any
    ) -> Message:
        """Hand over a message, after the same way through JSON as to another process."""
        message = msg_or_type if isinstance(msg_or_type, dict) else self.msg(msg_or_type, content, parent=parent)
        message["content"] = self.unpack(self.pack(message["content"]))
        self.receive(message)
        return message


class Stream(io.TextIOBase):
    """Standard output or standard error of the cells, that of other programs and libraries included.

    What is written waits until something else is shown or the cell ends, as it does in a kernel for a moment.
    """

    encoding = "UTF-8"
    errors = "strict"

    def __init__(self, name: str, descriptor: int, session: Recorder) -> None:
        super().__init__()
        self.name = name
        self._descriptor = descriptor
        self._session = session
        self._texts: list[str] = []
        facts = os.fstat(descriptor)
        self._place = facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def writable(self) -> bool:
        """Always, as the base class asks."""
        return True

    def fileno(self) -> int:
        """The descriptor of the file behind it, for other programs."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take a text; it is handed over with the next flush."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._look()
        self._texts.append(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what has been written."""
        self._look()
        if self._texts:
            text = "".join(self._texts)
            self._texts.clear()
            self._session.send(None, "stream", {"name": self.name, "text": text})

    def _look(self) -> None:
        """Take over what went to the file behind it without asking Python."""
        if self._place is not None and (size := os.fstat(self._descriptor).st_size) > self._place:
            found = os.pread(self._descriptor, size - self._place, self._place)
            self._place += len(found)
            self._texts.append(found.decode("utf-8", "replace"))
