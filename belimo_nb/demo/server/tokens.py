"""The tokens that the demo cloud has issued."""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Grant:
    """The scopes of a token and its expiry (monotonic seconds)."""

    scopes: frozenset[str]
    expires: float


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class TokenStore:
    """The valid tokens, by their digests: tokens themselves are not kept. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, frozenset[str]] = {}

    def add(self, token: Mapping[str, Any], scopes: frozenset[str]) -> None:
        """Add a token that was issued, and drop expired ones."""
        now = time.monotonic()
        with self._lock:
            # kept for an hour after expiry: the error can then tell an expired token from an unknown one
            self._access = {key: grant for key, grant in self._access.items() if grant.expires > now - 3600}
            self._access[_digest(token["access_token"])] = Grant(scopes, now + token["expires_in"])
            if "refresh_token" in token:
                self._refresh[_digest(token["refresh_token"])] = scopes

    def access(self, token: str) -> Grant | None:
        """The grant of an access token, expired or not; None if it is unknown or revoked."""
        with self._lock:
            return self._access.get(_digest(token))

    def refresh(self, token: str) -> frozenset[str] | None:
        """The scopes of a refresh token; None if it is unknown or revoked."""
        with self._lock:
            return self._refresh.get(_digest(token))

    def revoke(self, token: str) -> None:
        """Revoke one access token; its refresh token stays valid."""
        with self._lock:
            self._access.pop(_digest(token), None)

    def revoke_refresh(self, token: str) -> None:
        """Revoke a refresh token; access tokens issued for it stay valid."""
        with self._lock:
            self._refresh.pop(_digest(token), None)

    def expire(self, token: str) -> None:
        """Let one access token expire now; its refresh token stays valid."""
        with self._lock:
            if grant := self._access.get(_digest(token)):
                self._access[_digest(token)] = Grant(grant.scopes, time.monotonic())

    def expire_all(self) -> None:
        """Let every access token expire now; refresh tokens stay valid."""
        now = time.monotonic()
        with self._lock:
            self._access = {key: Grant(grant.scopes, now) for key, grant in self._access.items()}
