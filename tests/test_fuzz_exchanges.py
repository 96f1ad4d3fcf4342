"""Exchanges of any speed and size, and texts of any letters: an answer or one sentence, in time, and no harm."""

from __future__ import annotations

import contextlib
import copy
import csv
import io
import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from fuzzing import inputs, survives
from hypothesis import given
from hypothesis import strategies as st
from test_fuzz_answers import DEVICE, PROFILE, STATE, answer_of

import belimo_nb as bn
from belimo_nb import display
from belimo_nb.cli import cli
from belimo_nb.cli.log import RunLog
from belimo_nb.client import http, responses, retries
from belimo_nb.client.auth import Authenticator
from belimo_nb.client.transport import Transport
from belimo_nb.errors import BelimoError
from belimo_nb.report.jobs import slugify
from belimo_nb.settings import load

LIMIT, BYTES, VALUES = 0.15, 24_000, 1000  # of these tests: seconds, bytes and values of an answer
SECRET = "s3cret-of-a-client-9Zx"


class Wire:
    """A server that sends what it is told to, byte for byte, and then the same again and again, if anything."""

    def __init__(self) -> None:
        self.sends, self.endless = b"", b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/x"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._answer, args=(self._server.accept()[0],), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            asked = b""
            while not (end := re.search(rb"\r\n\r\n", asked)):
                asked += connection.recv(65536)
            length = re.search(rb"(?i)content-length: (\d+)", asked)
            while len(asked) < end.end() + int(length[1] if length else 0):
                asked += connection.recv(65536)
            connection.sendall(self.sends)
            while self.endless:
                time.sleep(0.01)
                connection.sendall(self.endless)

    def close(self) -> None:
        """Answer nobody any more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def wire(monkeypatch) -> Iterator[Wire]:
    """Such a server; what it answers has narrow limits, and is asked for once."""
    for place, name, value in (
        *((http, "MAX_ANSWER_SECONDS", LIMIT), (http, "MAX_ANSWER_BYTES", BYTES), (http, "TIMEOUT", (5.0, 5.0))),
        *((responses, "MAX_ANSWER_VALUES", VALUES), (retries, "pause", lambda _: None)),
        *((retries, name, 1) for name in ("MAX_TRIES", "MAX_TRIES_TIMEOUT")),
    ):
        monkeypatch.setattr(place, name, value)
    with contextlib.closing(Wire()) as made:
        yield made


def ask(wire: Wire, signing_in: bool) -> Any:
    """What the API or the sign-in makes of the answer."""
    if signing_in:
        given = {"client_id": "a", "client_secret": SECRET, "username": "c", "password": SECRET[::-1]}
        return Authenticator(load(token_url=wire.url, api_url=wire.url, demo=False, **given)).sign_in()
    with http.new_session(wire.url) as session:
        try:
            response = session.get(http.as_https(wire.url), timeout=http.TIMEOUT)
        except requests.RequestException as error:
            raise responses.unreachable(error, wire.url) from None
    if problem := responses.refusal(response, "it"):
        raise problem
    return responses.json_object(response, "it")


TOKEN = b'{"access_token": "abc", "token_type": "Bearer", "expires_in": 3600}'
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKS = b"".join(b"%x;name=value\r\n%b\r\n" % (len(part), part) for part in (TOKEN[:20], TOKEN[20:]))
GOOD = [
    OK + b"Content-Length: %d\r\n\r\n" % len(TOKEN) + TOKEN,
    b"HTTP/1.1 100 Continue\r\nX: x\r\n\r\n"
    + OK
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + CHUNKS
    + b"0\r\nX: x\r\n\r\n",
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 40\r\n\r\n" + b'{"error": "x"}'.ljust(40),
    OK + b"Content-Encoding: gzip\r\n\r\n" + zlib.compress(TOKEN, wbits=31),
]
DRIPS = [
    b"x",
    b" ",
    b"0",
    b"\r\n",
    b"X: x\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"1\r\n \r\n",
    b";a=b",
    b"\0",
    b"\xff",
]


@inputs(100)
@given(
    good=st.sampled_from(GOOD),
    at=st.floats(0, 1),
    endless=st.sampled_from(DRIPS) | st.binary(max_size=3),
    token=st.booleans(),
)
def test_answers_that_stop_anywhere(wire, good, at, endless, token):
    """Whatever part comes slowly, and whatever comes then, at the API and the sign-in: the exchange ends in time."""
    wire.sends, wire.endless = good[: round(at * len(good))], endless
    began = time.monotonic()
    survives(ask, wire, token)
    assert time.monotonic() - began < 20  # on a busy machine


def packed(body: bytes, kinds: list[str]) -> bytes:
    """A body packed by gzip or zlib, one after the other."""
    for kind in kinds:
        body = zlib.compress(body, wbits=15 if kind == "deflate" else 31)
    return body


SIZES = st.sampled_from([0, 1, 100, BYTES - 200, BYTES, BYTES + 1, 10 * BYTES, 100 * BYTES])
BODIES = st.one_of(
    SIZES.map(lambda size: b'{"a": "' + b"x" * size + b'"}'),
    SIZES.map(lambda size: b"[" * size + b"]" * size),
    SIZES.map(lambda size: b'{"a": [' + b",".join([b"[]"] * (size // 4)) + b"]}"),
    SIZES.map(lambda size: b'{"a": ' * (size // 6) + b"1" + b"}" * (size // 6)),
    SIZES.map(lambda size: b'{"a": ' + b"9" * max(size, 1) + b"}"),
    SIZES.map(lambda size: '{"🌡": "'.encode() + b"x" * size + b'"}'),
    st.just(TOKEN),
)


@inputs(200)
@given(
    body=BODIES,
    kinds=st.lists(st.sampled_from(["gzip", "deflate"]), max_size=3),
    named=st.none() | st.sampled_from(["gzip", "deflate", "gzip, gzip", "br", "identity", "x" * 70_000, ""]),
    claimed=st.none() | st.sampled_from(["0", "-1", "5", "1e3", "99999999999", "x", "7, 7"]),
    headers=st.sampled_from([0, 1, 90, 120]),
    long=st.sampled_from([1, 60_000, 70_000]),
    token=st.booleans(),
)
def test_answers_of_any_size(wire, body, kinds, named, claimed, headers, long, token):
    """However long, packed, deep, or otherwise than it claims to be: no more is taken than a good answer has."""
    whole = packed(body, kinds)
    lines = [f"X-{number}: {'x' * (long if number == 0 else 1)}" for number in range(headers)]
    lines.append(f"Content-Length: {len(whole) if claimed is None else claimed}")
    lines += [f"Content-Encoding: {', '.join(kinds) if named is None else named}"] if kinds or named else []
    wire.sends = OK + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + whole
    found = survives(ask, wire, token)
    assert found is None or len(json.dumps(found)) <= 2 * BYTES


LETTERS = [
    *"\x00\x07\x1b\r\n\t\x7f\x85\x9b\u200d\u2028\u202e\u2066\ufeff\ud83d\udc4d\ufffe",
    "🔥",
    "=",
    "<b>",
    "../",
    ";",
    '"',
]
strange = st.lists(st.sampled_from(LETTERS) | st.characters(), min_size=1, max_size=6).map(
    lambda parts: f"a{''.join(parts)}b"
)


def put(body: Any, text: str) -> Any:
    """A body with a text in the place of each text that means nothing to us."""
    if isinstance(body, dict):
        means = (
            "id",
            "ref",
            "entityId",
            "version",
            "lastSeen",
            "timestamp",
            "default.name",
            "default.unit",
            "definedBy",
        )
        return {key: value if key in means else put(value, text) for key, value in body.items()}
    return [put(item, text) for item in body] if isinstance(body, list) else text if isinstance(body, str) else body


@inputs(100)
@given(text=strange)
def test_texts_of_any_letters(text, monkeypatch, tmp_path):
    """In JSON, tables, the log, names of files, refusals and what a notebook shows, a text of the cloud is but text."""
    device = put(copy.deepcopy(DEVICE), text) | {"serialNumber": f"7{text}"}
    bodies = {
        "devices": {"data": [device], "paging": {"total": 1, "offset": 0, "limit": 20}},
        "1.2": put(copy.deepcopy(PROFILE), text),
        "data": STATE,
    }

    def get(_, path, params=None, what=None):
        return responses.json_object(answer_of(json.dumps(bodies[path.rsplit("/", 1)[-1]]).encode(), 200, {}), "it")

    monkeypatch.setattr(Transport, "get", get)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD"):
        monkeypatch.setenv(f"BELIMO_{name}", SECRET)
    found = CliRunner().invoke(cli, ["devices", "--json"])
    assert found.exit_code == 0, found.stderr
    assert not [letter for letter in found.stdout + found.stderr if not letter.isprintable() and letter != "\n"]
    (row,) = json.loads(found.stdout)
    assert CliRunner().invoke(cli, ["devices"]).stdout.replace("\n", "").isprintable()
    with contextlib.closing(bn.connect()) as cloud:
        frame = cloud.devices()
        shown = display.table(frame, "devices")
        valve = cloud.device(frame.index[0])
        for plain in (repr(valve), repr(valve.profile), valve._repr_html_()):
            assert plain.isprintable()
        shown.html().encode()
        cells = list(csv.reader(io.StringIO(shown.csv(), newline="")))
        assert all(len(cells[0]) == len(line) for line in cells)
        assert not [cell for line in cells for cell in line if cell[:1] in ("=", "@", "\t", "\r")]
    with RunLog(Path(tmp_path / "log"), quiet=True) as log:
        log.log("made", row["name"])
    assert len((tmp_path / "log").read_text(encoding="utf-8").splitlines()) == 2
    (tmp_path / "log").unlink()
    assert re.fullmatch(r"[a-z0-9-]{0,80}", slugify(row["name"]))
    refused = responses.refusal(answer_of(json.dumps({"message": f"{text} {SECRET}"}).encode(), 403, {}), "it")
    assert isinstance(refused, BelimoError)
    assert str(refused).isprintable()
    assert SECRET not in str(refused)
