"""Sign-in: OAuth2 with user name and password, the token kept between runs.

The token, never the password, lies in the user's cache folder, in a file that only the user can read.
"""

from __future__ import annotations

import contextvars
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from oauthlib.oauth2 import LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

from belimo_nb import wire
from belimo_nb.errors import AnswerError, BelimoError, SettingsError, SignInError
from belimo_nb.settings import Settings

__all__ = ["Authenticator"]

EARLY = 60.0
"""Seconds before its end at which a token is renewed, so that none runs out on its way."""

LIFETIME = 3600.0
"""Seconds that a token is taken to live when the answer does not say."""

STALE = 60 * 86400.0
"""Seconds after which a kept token is of no use to anyone: passwords last 60 days."""

_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("belimo_nb_signing_in", default=False)


class _Discretion(logging.Filter):
    """Drops what requests-oauthlib logs about our own sign-in: at DEBUG it would write tokens and passwords."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _ours.get()


logging.getLogger("requests_oauthlib.oauth2_session").addFilter(_Discretion())


@contextmanager
def _discreet() -> Iterator[None]:
    mark = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(mark)


class Authenticator:
    """Gives access tokens, renewed in time; safe to share between threads.

    Args:
        settings: Credentials and addresses.
        cache_dir: Folder for the token file; by default the user's cache folder.
    """

    def __init__(self, settings: Settings, cache_dir: Path | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token: dict[str, Any] | None = None
        self._file = (cache_dir or _cache_dir()) / f"token-{_fingerprint(settings)}.json"

    def __repr__(self) -> str:
        state = "signed in" if self._token else "not signed in"
        return f"<Authenticator {self._settings.username!r} at {self._settings.token_url}, {state}>"

    def access_token(self, refused: str | None = None) -> str:
        """An access token that is good for at least the next minute.

        Args:
            refused: A token that the cloud has just refused. It is renewed, unless another thread already did.

        Raises:
            SignInError: The cloud refuses the credentials.
            CloudError: It cannot be reached, or answers nonsense.
        """
        with self._lock:
            if self._token is None:
                self._token = self._read()
            if not self._good(refused):
                # Another process may have renewed it in the meantime.
                self._token = self._read() or self._token
                if not self._good(refused):
                    self._token = self._renewed()
                    self._write(self._token)
            return str((self._token or {})["access_token"])

    def _good(self, refused: str | None) -> bool:
        token = self._token
        return (
            token is not None
            and token.get("access_token") != refused
            and float(token.get("expires_at", 0)) - EARLY > time.time()
        )

    def _renewed(self) -> dict[str, Any]:
        refresh_token = (self._token or {}).get("refresh_token")
        if refresh_token:
            try:
                fresh = wire.patiently(lambda: self._ask(refresh_token))
            except SignInError:
                pass  # a refresh token ends some day: sign in anew
            else:
                return {"refresh_token": refresh_token} | fresh
        return wire.patiently(lambda: self._ask(None))

    def _ask(self, refresh_token: str | None) -> dict[str, Any]:
        """One request to the token endpoint: a refresh, or a sign-in with the password."""
        settings = self._settings
        client = LegacyApplicationClient(client_id=settings.client_id)
        session = OAuth2Session(client=client)
        wire.new_session(settings.token_url, session)
        session.register_compliance_hook("access_token_response", _check)
        session.register_compliance_hook("refresh_token_response", _check)
        url = wire.secure(settings.token_url)
        asked_at = time.time()
        try:
            with _discreet(), session:
                if refresh_token:
                    token = session.refresh_token(
                        url,
                        refresh_token=refresh_token,
                        timeout=wire.TIMEOUT,
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
                        timeout=wire.TIMEOUT,
                    )
        except requests.RequestException as error:
            raise wire.unreachable(error, settings.token_url) from None
        except OAuth2Error as error:
            raise self._refused(error) from None
        except (TypeError, ValueError):
            raise AnswerError(
                f"{settings.token_url} gave a token that makes no sense; check BELIMO_TOKEN_URL."
            ) from None
        except Warning as warning:
            # oauthlib raises this when fewer scopes were granted than asked for; the token is good for those.
            token = getattr(warning, "token", None) or {}
            if not token:
                raise AnswerError(f"The sign-in at {settings.token_url} gave no token; check BELIMO_SCOPE.") from None
        kept = {key: token[key] for key in ("access_token", "refresh_token") if token.get(key)}
        return kept | {"expires_at": asked_at + float(token.get("expires_in") or LIFETIME)}

    def _refused(self, error: OAuth2Error) -> BelimoError:
        settings = self._settings
        code = error.error or "no reason given"
        if code == "missing_token":
            return AnswerError(
                f"{settings.token_url} answered without a token; check that BELIMO_TOKEN_URL is the token endpoint."
            )
        hints = {
            "invalid_client": "check BELIMO_CLIENT_ID and BELIMO_CLIENT_SECRET",
            "invalid_grant": "check BELIMO_USERNAME and BELIMO_PASSWORD",
            "invalid_scope": "check BELIMO_SCOPE",
        }
        hint = hints.get(code, "check the four credentials and BELIMO_AUDIENCE")
        origin = settings.origins.get("password", "argument")
        status = getattr(error, "status_code", None)
        return SignInError(
            f"The cloud refused to sign in {settings.username!r} ({code}); {hint} (the password comes from {origin}; "
            "mind I and l, O and 0; Developer Space passwords expire after 60 days).",
            status_code=status if isinstance(status, int) else None,
        )

    def _read(self) -> dict[str, Any] | None:
        """The token kept by an earlier run, or None."""
        try:
            with self._file.open(encoding="utf-8") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise SettingsError(
                        f"The token file {self._file} can be read by other users of this machine, so it is not used; "
                        "delete it and change your password."
                    )
                token = json.load(file)
        except (OSError, ValueError):
            return None
        return token if isinstance(token, dict) and isinstance(token.get("access_token"), str) else None

    def _write(self, token: Mapping[str, Any]) -> None:
        """Keep the token; a folder that cannot be written costs a sign-in a run, nothing else."""
        folder = self._file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp creates the file 0600: at no moment can others read it.
            handle, name = tempfile.mkstemp(prefix=".token-", dir=folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(token, file)
                Path(name).replace(self._file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            for old in folder.glob("token-*.json"):
                if old.stat().st_mtime < time.time() - STALE:
                    old.unlink(missing_ok=True)
        except OSError as error:
            logging.getLogger(__name__).info("The token is not kept for the next run (%s).", error)


def _check(response: requests.Response) -> requests.Response:
    """Turns answers that are no OAuth2 answers into our errors before oauthlib stumbles over them."""
    problem = wire.refusal(response, "the sign-in")
    if problem is not None and problem.retryable:
        raise problem
    wire.json_object(response, "the sign-in")
    return response


def _cache_dir() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("belimo-nb", appauthor=False))


def _fingerprint(settings: Settings) -> str:
    """Names the token file after whose token it is, without saying so."""
    parts = (settings.token_url, settings.client_id, settings.username, settings.audience, settings.scope)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
