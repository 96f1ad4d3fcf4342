"""HTTP sessions for the sign-in, the API and the weather: https only, no redirects, and answers have an end."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import socket
import threading
import zlib
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from belimo_nb._version import __version__
from belimo_nb.client.surroundings import check_bundle, check_proxy
from belimo_nb.errors import SettingsError
from belimo_nb.settings.addresses import is_loopback

TIMEOUT = (10.0, 60.0)  # seconds to wait for a connection, and for the next byte of an answer

# requests' own timeout begins anew with each byte, so an answer that trickles in would keep us for days.
MAX_ANSWER_SECONDS = 300.0  # seconds that a whole exchange may take, from the connection to the last byte
MAX_ANSWER_BYTES = 32 * 2**20  # bytes of an answer, as they come and unpacked; the largest of a good cloud has 10 MB
CHUNK_BYTES = 65_536  # bytes of an answer to read at a time
PACKINGS = ("gzip", "x-gzip", "deflate")


def as_https(url: str) -> str:
    """Rewrite a plain http address of this machine as https; `new_session` sends it as http again."""
    # oauthlib accepts nothing else, see `_LoopbackAdapter`.
    return "https" + url.removeprefix("http") if url.startswith("http://") and is_loopback(url) else url


class AnswerTooSlow(requests.exceptions.ReadTimeout):
    """The answer did not end within `MAX_ANSWER_SECONDS`."""


class AnswerTooLarge(requests.exceptions.RequestException):
    """The answer has more than `MAX_ANSWER_BYTES`, or is packed so that it may have; the text says which."""


class _Watch:
    """Cuts the connections of an exchange that takes longer than it may, in whatever phase it is."""

    # From outside: status line, headers, sizes of chunks and trailers are read deep in the standard library, with a
    # time limit for each byte only.

    def __init__(self, seconds: float) -> None:
        self.late = False
        self._handles: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()

    def mind(self, connection: Any) -> None:
        """Cut this connection, too, at once if it is late already."""
        # A handle of our own: TLS and the end of an answer close that of the connection.
        handle = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        with self._lock:
            self._handles.append(handle)
            if self.late:
                _shut(handle)

    def _cut(self) -> None:
        with self._lock:
            self.late = True
            for handle in self._handles:
                _shut(handle)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side has closed it
        handle.shutdown(socket.SHUT_RDWR)


_watch: contextvars.ContextVar[_Watch | None] = contextvars.ContextVar("belimo_nb_watch", default=None)


class _Watched(HTTPConnection):
    """A connection that is cut when the exchange under way is late."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        self._mind(made)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # kept from an exchange before
            self._mind(self.sock)
        super().request(*args, **kwargs)

    def _tunnel(self) -> None:
        super()._tunnel()
        if (watch := _watch.get()) is not None and watch.late:  # a proxy's answer seems whole when it is cut
            raise TimeoutError

    @staticmethod
    def _mind(connection: Any) -> None:
        if (watch := _watch.get()) is not None:
            watch.mind(connection)


class _WatchedTls(_Watched, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


@functools.cache
def _socks_pools() -> dict[str, type]:
    """The pools for a SOCKS proxy, whose greeting is watched, too; it takes the package for such proxies."""
    # Imported late: it is not there otherwise.
    import socks  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from urllib3.contrib.socks import SOCKSConnection

    class Socks(_Watched, SOCKSConnection):
        def _new_conn(self) -> socket.socket:
            proxy = self._socks_options
            where = proxy["proxy_host"], proxy["proxy_port"]
            try:
                made = socks.socksocket(socket.getaddrinfo(*where, type=socket.SOCK_STREAM)[0][0])
            except OSError as error:
                raise urllib3.exceptions.ProxyError("no such host", error) from None
            try:
                self._mind(made)
                made.settimeout(self.timeout)
                made.set_proxy(proxy["socks_version"], *where, proxy["rdns"], proxy["username"], proxy["password"])
                made.connect((self.host, self.port))
            except OSError as error:
                made.close()
                raise urllib3.exceptions.ProxyError("no way through", error) from None
            return cast(socket.socket, made)

    class SocksTls(Socks, HTTPSConnection):
        pass

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Socks

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = SocksTls

    return {"http": Pool, "https": TlsPool}


class _Adapter(HTTPAdapter):
    """Reads the whole answer, unpacked, within `MAX_ANSWER_SECONDS` and `MAX_ANSWER_BYTES`."""

    _checked: tuple[object, str | None] = (True, None)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        pools = {"http": _Pool, "https": _TlsPool}
        manager.pool_classes_by_scheme = pools if type(manager) is urllib3.ProxyManager else _socks_pools()
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._check_surroundings(request.url or "", kwargs.get("verify"), kwargs.get("proxies"))
        with _Watch(MAX_ANSWER_SECONDS) as watch:
            mark = _watch.set(watch)
            try:
                response = super().send(request, *args, **kwargs)
                try:
                    response._content = b"".join(_unpacked(response.raw, _pieces(response.raw, watch)))
                except BaseException:
                    response.raw.close()  # what is left of it must not be taken for the next answer
                    raise
            except Exception:
                # Whatever a cut connection looks like to the libraries.
                if watch.late:
                    raise AnswerTooSlow from None
                raise
            finally:
                _watch.reset(mark)
            if watch.late:  # a body without a length seems whole when it is cut
                raise AnswerTooSlow
        response.encoding = "utf-8"  # of JSON; requests would guess, which takes minutes for a long answer
        return response

    def _check_surroundings(self, url: str, verify: object, proxies: Any) -> None:
        """Tell at once what the libraries would tell late, in words of theirs, or as a failure that may pass."""
        found = (verify, requests.utils.select_proxy(url, proxies))
        if found != self._checked:
            bundle, proxy = found
            if isinstance(bundle, str):
                check_bundle(bundle)
            if proxy:
                check_proxy(proxy)
            self._checked = found


def _pieces(raw: urllib3.HTTPResponse, watch: _Watch) -> Iterator[bytes]:
    """The body as it comes, perhaps compressed; fails with the errors of requests."""
    read = 0
    try:
        while piece := raw.read1(CHUNK_BYTES, decode_content=False):
            read += len(piece)
            if watch.late:
                raise AnswerTooSlow
            if read > MAX_ANSWER_BYTES:
                raise _too_large()
            yield piece
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from None
    except urllib3.exceptions.SSLError as error:
        raise requests.exceptions.SSLError(error) from None
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None


def _unpacked(raw: urllib3.HTTPResponse, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The body unpacked, piece by piece; an answer may be packed once, by gzip or zlib."""
    named = [name.strip().lower() for name in raw.headers.get("Content-Encoding", "").split(",")]
    packings = [name for name in named if name not in ("", "identity")]
    if not packings:
        yield from pieces
        return
    if len(packings) > 1 or packings[0] not in PACKINGS:
        raise AnswerTooLarge(f"an answer packed as {', '.join(packings)[:60]!r}, which was not asked for")
    size, unpacker = 0, zlib.decompressobj(zlib.MAX_WBITS | 32)
    begun = False
    for piece in pieces:
        begun, left = True, piece
        while left:
            if unpacker.eof:  # a gzip file may be several, one after the other
                unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
            try:
                found = unpacker.decompress(left, CHUNK_BYTES * 16)
            except zlib.error as error:
                raise requests.exceptions.ContentDecodingError(error) from None
            size += len(found)
            if size > MAX_ANSWER_BYTES:
                raise _too_large()
            yield found
            left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if begun and not unpacker.eof:
        raise requests.exceptions.ContentDecodingError("cut off")


def _too_large() -> AnswerTooLarge:
    return AnswerTooLarge(f"an answer of more than {MAX_ANSWER_BYTES / 2**20:g} MB, which none should have")


class _LoopbackAdapter(_Adapter):
    """Sends https addresses of this machine as plain http."""

    # oauthlib refuses plain http unless OAUTHLIB_INSECURE_TRANSPORT turns its check off for the whole process, and so
    # for every host. This adapter is mounted on one address of one session instead (decision 2).

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = "http" + (request.url or "").removeprefix("https")
        return super().send(request, *args, **kwargs)


class _RefusePlainHttp(HTTPAdapter):
    # Addresses are checked when settings are read; this holds even where a library builds an address of its own.
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        raise SettingsError(f"{_origin(request.url or '')} is asked over plain http; use an https address.")


def new_session(url: str, session: requests.Session | None = None) -> requests.Session:
    """A session (or `session`, set up the same) with https only, except to `url` if it is http on this machine."""
    session = requests.Session() if session is None else session
    session.headers["User-Agent"] = f"belimo-nb/{__version__}"
    session.headers["Accept"] = "application/json"
    session.headers["Accept-Encoding"] = "gzip"
    session.max_redirects = 0  # a redirect would carry the password, which opens a building's heating, anywhere
    session.mount("http://", _RefusePlainHttp())
    session.mount("https://", _Adapter(pool_maxsize=16))  # above the 5 requests in flight
    if is_loopback(url):
        session.trust_env = False  # a proxy cannot reach this machine's own servers
        if url.startswith("http://"):
            session.mount(f"https://{urlsplit(url).netloc}/", _LoopbackAdapter(pool_maxsize=16))
    return session


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else url
