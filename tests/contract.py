"""Answers held against the description of the API that lies beside the demo cloud, `belimo_nb/demo/openapi.json`."""

from __future__ import annotations

import copy
import gzip
import json
import re
import threading
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import jsonschema_rs
from tally import count

VALIDATED = "answers of the demo cloud held against its description"
EXEMPT = "answers that a test has spoiled on purpose, exempt"
SPOILING = {
    *("html", "empty-body", "truncated-json", "wrong-type", "broken-gzip", "slow-body"),
    *("bomb", "gzip-twice", "slow-headers", "slow-trailers", "strange-token"),
    *("no-retry-after", "clock-skew"),  # of the headers
    *("series-texts", "series-nan", "series-outside", "series-off-grid", "series-duplicates"),
}
"""Faults that make something else of an answer; the other faults' answers are in the description."""

Problems = list[str]


def description() -> dict[str, Any]:
    """The description as it is: objects may have more than it lists."""
    text = resources.files("belimo_nb.demo").joinpath("openapi.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def closed(document: Any) -> Any:
    """A copy for the demo cloud, which says nothing that is not described, and sends every header that is."""
    document = copy.deepcopy(document)
    for node in _nodes(document):
        for header in node.get("headers", {}).values():
            header["required"] = True
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
    return document


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inner in list(value.values() if isinstance(value, dict) else value):
            yield from _nodes(inner)


class Contract:
    """Says what is wrong with an answer.

    Args:
        document: An OpenAPI 3.1 description.
        base: What to put before the paths of answers, where they are told without the API's own.
    """

    def __init__(self, document: Mapping[str, Any], base: str = "") -> None:
        self._document = document
        self._base = base
        paths = sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
        self._paths = [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), item) for path, item in paths]
        self._validators: dict[str, Any] = {}

    def problems(self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes) -> Problems:
        """What is wrong with an answer; empty where all is as described."""
        answer = self._answer(method, self._base + path, status)
        if answer is None:
            return [f"{method} {path}: status {status} is not described"]
        found = self._headers(answer.get("headers", {}), headers)
        kind = headers.get("Content-Type", "").split(";")[0]
        if kind not in answer["content"]:
            found.append(f"content type {kind!r} instead of {', '.join(answer['content'])}")
        else:
            if headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found += self._body(answer["content"][kind]["schema"], kind, body)
        return [f"{method} {path}, {status}: {problem}" for problem in found]

    def _answer(self, method: str, path: str, status: int) -> Mapping[str, Any] | None:
        """The described answer, references followed."""
        shared = self._document["components"]["responses"]
        item = next((item for pattern, item in self._paths if pattern.fullmatch(path)), None)
        if item is None:
            # No path of the API: it is refused, in the shape of all refusals.
            found = {403: shared["Forbidden"], 404: shared["NotFound"]}.get(status)
        elif method.lower() in item:
            found = item[method.lower()]["responses"].get(str(status))
        else:
            known = item.get("get") or item.get("post")
            found = known["responses"].get(str(status)) if status in (403, 405) else None
        if found is not None and "$ref" in found:
            found = shared[found["$ref"].rsplit("/", 1)[-1]]
        return found

    @staticmethod
    def _headers(wanted: Mapping[str, Any], given: Mapping[str, str]) -> Problems:
        return [
            f"header {name} is {given.get(name)!r}"
            for name, header in wanted.items()
            if not (
                re.search(header["schema"].get("pattern", ""), given[name])
                if name in given
                else not header.get("required")
            )
        ]

    def _body(self, schema: Mapping[str, Any], kind: str, body: bytes) -> Problems:
        try:
            content = json.loads(body, parse_constant=_refused) if kind == "application/json" else body.decode()
        except ValueError as error:
            return [f"no {kind}: {error}"]
        return [
            f"{error.message[:300]} at {error.instance_path}" for error in self._validator(schema).iter_errors(content)
        ]

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {**schema, "components": self._document["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class Watch:
    """Looks at every answer of every demo cloud of this process before its last byte is sent."""

    def __init__(self) -> None:
        self._contract = Contract(closed(description()))
        self._lock = threading.Lock()
        self._problems: Problems = []

    def take(self) -> Problems:
        """What was wrong since the last call."""
        with self._lock:
            found, self._problems = self._problems, []
        return found

    def install(self, handler: Any) -> None:
        """Stand in the way of a Tornado handler's answers."""
        write, finish, watch = handler.write, handler.finish, self

        def noting_write(self: Any, chunk: Any) -> None:
            self.__dict__.setdefault("_told", []).append(chunk)
            write(self, chunk)

        def checked_finish(self: Any, chunk: Any = None) -> Any:
            body = b"".join([*self.__dict__.get("_told", []), *([] if chunk is None else [chunk])])
            watch.see(self.request, self.get_status(), self._headers, body, self.faults)
            return finish(self, chunk)

        handler.write, handler.finish = noting_write, checked_finish

    def see(
        self, request: Any, status: int, headers: Mapping[str, str], body: bytes, faults: Mapping[str, Any]
    ) -> None:
        """Check one answer."""
        if SPOILING & set(faults):
            count(EXEMPT)
            return
        count(VALIDATED)
        found = self._contract.problems(request.method, request.path, status, headers, body)
        with self._lock:
            self._problems += found
