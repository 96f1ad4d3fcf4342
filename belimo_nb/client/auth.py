"""Sign-in by OAuth2 with user name and password, and the access tokens that it gives."""

from __future__ import annotations

import contextvars
import copy
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2 import LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

from belimo_nb.client import http, responses
from belimo_nb.client.retries import with_retries
from belimo_nb.client.token_file import TokenFile, is_token
from belimo_nb.errors import AnswerError, BelimoError, CloudError, SettingsError, SignInError
from belimo_nb.settings import Settings
from belimo_nb.settings.secret import Secret, masked, without_trace

RENEW_EARLY = 60.0
"""Seconds before its end at which a token is renewed, so that none ends on its way; half its lifetime at most."""

DEFAULT_LIFETIME = 3600.0  # lifetime in seconds of a token whose answer does not say

TOKENS_USED = "BELIMO_TOKENS_USED"
"""A variable with the path of a private file for the tokens that the cells of a report use; see `report.render`."""

_signing_in: contextvars.ContextVar[bool] = contextvars.ContextVar("belimo_nb_signing_in", default=False)


class _SignInLogFilter(logging.Filter):
    """Drops what requests-oauthlib logs about our own sign-in."""

    # At DEBUG it writes tokens and passwords. Ours alone, by a context variable: the logs of a user's own OAuth2
    # sessions in the same process stay as they are.

    def filter(self, record: logging.LogRecord) -> bool:
        return not _signing_in.get()


logging.getLogger("requests_oauthlib.oauth2_session").addFilter(_SignInLogFilter())


@contextmanager
def _without_logs() -> Iterator[None]:
    mark = _signing_in.set(True)
    try:
        yield
    finally:
        _signing_in.reset(mark)


class Authenticator:
    """Gives access tokens, renewed in time and kept in a token file; safe to share between threads."""

    def __init__(self, settings: Settings, cache_dir: Path | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token: dict[str, Any] | None = None
        self._noted: dict[str, Any] | None = None
        self._failure: tuple[float, BelimoError] | None = None
        self.granted: tuple[str, ...] | None = None
        self._file = TokenFile(settings, cache_dir)

    def __repr__(self) -> str:
        state = "signed in" if self._token else "not signed in"
        return f"<Authenticator {self._settings.username!r} at {self._settings.token_url}, {state}>"

    def access_token(self, refused: str | None = None) -> str:
        """An access token that will not run out at once.

        Args:
            refused: A token that the cloud has just refused. It is renewed, unless another thread already did.

        Raises:
            SignInError: The cloud refuses the credentials.
            CloudError: It cannot be reached, or answers nonsense.
        """
        asked_at = time.monotonic()
        # One renewal at a time over all threads: those that waited find the new token.
        with self._lock:
            if self._failure is not None and self._failure[0] >= asked_at:
                # Failed while this thread waited for it: asking again would only fail again, as slowly.
                raise copy.copy(self._failure[1])
            if self._token is None:
                self._token = self._file.read()
            if not self._is_valid(refused):
                # Another process that shares the file may have renewed it in the meantime.
                self._token = self._file.read() or self._token
                if not self._is_valid(refused):
                    try:
                        self._token = without_trace(self._renew)
                    except BelimoError as error:
                        self._failure = (time.monotonic(), error)
                        raise
                    self._file.write(self._token)
            self._note()
            return Secret((self._token or {})["access_token"])

    def sign_in(self) -> None:
        """Sign in with the password now, whatever token is kept, to check the credentials.

        Raises:
            SignInError: The cloud refuses the credentials.
            CloudError: It cannot be reached, or answers nonsense.
        """
        with self._lock:
            self._token = without_trace(lambda: with_retries(lambda: self._request_token(None)))
            self._file.write(self._token)

    def _note(self) -> None:
        """Tell whoever publishes what this process prints which tokens it knows, so that they can be masked."""
        path = os.environ.get(TOKENS_USED)
        if path and self._noted is not self._token:
            self._noted = self._token
            texts = [text for text in (self._token or {}).values() if isinstance(text, str)]
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as file:
                file.writelines(f"{text}\n" for text in texts)

    def _is_valid(self, refused: str | None) -> bool:
        token = self._token
        return token is not None and token.get("access_token") != refused and token["renew_at"] > time.time()

    def _renew(self) -> dict[str, Any]:
        refresh_token = (self._token or {}).get("refresh_token")
        if refresh_token:
            try:
                return with_retries(lambda: self._request_token(refresh_token))
            except CloudError as error:
                if error.retryable:
                    raise
                # Refused: a refresh token ends some day. The password still gives a new one.
        return with_retries(lambda: self._request_token(None))

    def _request_token(self, refresh_token: str | None) -> dict[str, Any]:
        """Send one request to the token endpoint: a refresh, or a sign-in with the password."""
        settings = self._settings
        client = LegacyApplicationClient(client_id=settings.client_id)
        session = OAuth2Session(client=client)
        http.new_session(settings.token_url, session)
        status: list[int] = []

        def check(response: requests.Response) -> requests.Response:
            """Turn answers that are no OAuth2 answers into our errors, before oauthlib raises its own."""
            status.append(response.status_code)
            problem = responses.refusal(response, "a token")
            if problem is not None and problem.retryable:
                raise problem
            responses.json_object(response, "a token", "BELIMO_TOKEN_URL")
            return response

        session.register_compliance_hook("access_token_response", check)
        session.register_compliance_hook("refresh_token_response", check)
        url = http.as_https(settings.token_url)
        asked_at = time.time()
        try:
            with _without_logs(), session:
                if refresh_token:
                    # requests-oauthlib adds client id and secret to no refresh by itself.
                    token = session.refresh_token(
                        url,
                        refresh_token=refresh_token,
                        timeout=http.TIMEOUT,
                        client_id=settings.client_id,
                        client_secret=settings.client_secret,
                    )
                else:
                    token = session.fetch_token(
                        url,
                        username=settings.username,
                        password=settings.password,
                        client_secret=settings.client_secret,
                        include_client_id=True,
                        audience=settings.audience,
                        scope=settings.scope,
                        timeout=http.TIMEOUT,
                    )
        except requests.RequestException as error:
            raise responses.unreachable(error, settings.token_url) from None
        except OAuth2Error as error:
            raise self._refused(error, status[-1] if status else None) from None
        except (TypeError, ValueError, AttributeError, OverflowError):
            # oauthlib takes every field for what it should be.
            raise self._malformed() from None
        except Warning as warning:
            # oauthlib raises this when fewer scopes were granted than asked for; the token is good for those.
            token = getattr(warning, "token", None) or {}
            if not token:
                raise AnswerError(f"The sign-in at {settings.token_url} gave no token; check BELIMO_SCOPE.") from None
        scopes = token.get("scope")  # a list, by oauthlib
        self.granted = tuple(map(str, scopes)) if isinstance(scopes, list) and scopes else None
        kept: dict[str, Any] = {key: token[key] for key in ("access_token", "refresh_token") if token.get(key)}
        try:
            lifetime = DEFAULT_LIFETIME if token.get("expires_in") is None else float(token["expires_in"])
        except OverflowError:
            raise self._malformed() from None
        if not is_token(kept) or not 0 < lifetime < float("inf"):
            raise self._malformed()
        # Verbose traces show attributes, too, so tokens are kept as secrets. `renew_at` counts from before the request:
        # the cloud's clock started at some moment after it.
        kept = {key: Secret(text) for key, text in kept.items()}
        return kept | {"renew_at": asked_at + lifetime - min(RENEW_EARLY, lifetime / 2)}

    def _malformed(self) -> AnswerError:
        return AnswerError(f"{self._settings.token_url} gave a token that makes no sense; check BELIMO_TOKEN_URL.")

    def _refused(self, error: OAuth2Error, status: int | None) -> BelimoError:
        settings = self._settings
        # The code is the server's own text, which might repeat what was sent to it.
        code = masked(" ".join(str(error.error or "no reason given").split()))[:60]
        if code == "insecure_transport":
            return SettingsError(f"{settings.token_url} would be asked over plain http; use an https address.")
        if code == "missing_token":
            return AnswerError(
                f"{settings.token_url} answered without a token; check that BELIMO_TOKEN_URL is the token endpoint."
            )
        mix_ups = "for mix-ups of I and l or O and 0"
        setting, advice = {
            "invalid_client": ("client_secret", f"check BELIMO_CLIENT_ID and BELIMO_CLIENT_SECRET ({{}}) {mix_ups}"),
            "invalid_grant": ("password", "check BELIMO_USERNAME and BELIMO_PASSWORD ({}), which may have expired"),
            "invalid_scope": ("scope", "check BELIMO_SCOPE ({})"),
        }.get(code, ("client_secret", f"check BELIMO_AUDIENCE, and the credentials (secret {{}}) {mix_ups}"))
        origin = settings.origins.get(setting, "argument")
        named = origin in ("argument", "environment", "default", "demo cloud")  # else it is a file's path
        place = f"from the {origin}" if named else f"from {origin}"
        refused = SignInError(
            f"{urlsplit(settings.token_url).netloc} refused to sign in {settings.username!r} ({code}); "
            f"{advice.format(place)}.",
            status_code=status,
        )
        refused.setting = setting
        return refused
