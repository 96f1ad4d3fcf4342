"""The demo cloud's authorization server, on oauthlib: the password and refresh grants of RFC 6749.

Where the standard leaves a choice:

- the audience is required in the password grant: without one `invalid_request`, a wrong one `invalid_target`
  (RFC 8707);
- a wrong client is `invalid_client` (401), a wrong user name or password and an invalid refresh token
  `invalid_grant` (400);
- a token asked for without a scope has all scopes of the client, as integrators saw on the live service;
- the refresh token, issued for `offline_access` only, is not rotated: the answer to a refresh has none, and the old
  one stays valid.
"""

import base64
import contextvars
import hmac
import logging
import secrets
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_plus

from oauthlib.common import Request
from oauthlib.oauth2 import (
    BearerToken,
    InvalidRequestError,
    OAuth2Error,
    RefreshTokenGrant,
    RequestValidator,
    ResourceOwnerPasswordCredentialsGrant,
    TokenEndpoint,
    UnsupportedGrantTypeError,
)

from belimo_nb.demo.server.tokens import TokenStore

CLIENT_ID = "belimo-nb-demo-client-0123456789"
CLIENT_SECRET = "belimo-nb-demo-secret-of-no-value-0123456789-0123456789-01234567"  # noqa: S105 - opens a demo, on loopback
USERNAME = "demo@belimo-nb.example"
PASSWORD = "demo-password"  # noqa: S105 - as above
AUDIENCE = "https://api.cloud.belimo.com/"
SCOPES = ("public.read", "offline_access", "read:dataprofile")
GRANT_TYPES = ("password", "refresh_token")


_handling_request: contextvars.ContextVar[bool] = contextvars.ContextVar("belimo_nb_demo_answering", default=False)


class _TokenLogFilter(logging.Filter):
    """Drops what oauthlib logs while this server answers: at DEBUG it logs tokens.

    Only then, since the client of the same process uses oauthlib, too.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not _handling_request.get()


for _grant in ("resource_owner_password_credentials", "refresh_token"):
    logging.getLogger(f"oauthlib.oauth2.rfc6749.grant_types.{_grant}").addFilter(_TokenLogFilter())


class InvalidTargetError(OAuth2Error):
    """The token is asked for an audience that this server does not serve (RFC 8707)."""

    error = "invalid_target"


def secrets_equal(given: str | None, expected: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest((given or "").encode(), expected.encode())


class _Validator(RequestValidator):
    """oauthlib's questions about a token request: there is one client, one user, and the scopes of `SCOPES`."""

    def __init__(self, tokens: TokenStore) -> None:
        super().__init__()
        self._tokens = tokens

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        client_id, client_secret = _basic_credentials(request.headers.get("Authorization", ""))
        if client_id is None:
            client_id, client_secret = _parameter(request, "client_id"), _parameter(request, "client_secret")
        # `&`, not `and`: both are compared, so the time of the answer does not tell which one was wrong
        known = secrets_equal(client_id, CLIENT_ID) & secrets_equal(client_secret, CLIENT_SECRET)
        if known:
            request.client = SimpleNamespace(client_id=CLIENT_ID)
        return known

    def validate_user(self, username: str, password: str, *args: Any, **kwargs: Any) -> bool:
        return secrets_equal(username, USERNAME) & secrets_equal(password, PASSWORD)

    def validate_grant_type(self, client_id: str, grant_type: str, *args: Any, **kwargs: Any) -> bool:
        return grant_type in GRANT_TYPES

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return list(SCOPES)

    def validate_scopes(self, client_id: str, scopes: list[str], *args: Any, **kwargs: Any) -> bool:
        return set(scopes) <= set(SCOPES)

    def validate_refresh_token(self, refresh_token: str, *args: Any, **kwargs: Any) -> bool:
        return self._tokens.refresh(refresh_token) is not None

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        scopes = self._tokens.refresh(refresh_token) or frozenset()
        return [scope for scope in SCOPES if scope in scopes]

    def save_bearer_token(self, token: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        self._tokens.add(token, frozenset(request.scopes or ()))


class AuthorizationServer:
    """Answers token requests and keeps the tokens that it issues in a `TokenStore`."""

    def __init__(self, tokens: TokenStore) -> None:
        validator = _Validator(tokens)
        # Any: the stubs ask for other signatures than oauthlib calls
        checks: Any = {"pre_token": [_check_grant_type], "post_token": [_check_audience]}
        password = ResourceOwnerPasswordCredentialsGrant(validator, **checks)
        modifier: Any = _drop_unasked_refresh_token
        password.register_token_modifier(modifier)
        refresh = RefreshTokenGrant(validator, issue_new_refresh_tokens=False, **checks)
        bearer: Any = BearerToken(validator, token_generator=lambda request: secrets.token_urlsafe(32))
        self._endpoint = TokenEndpoint(
            "password", default_token_type=bearer, grant_types={"password": password, "refresh_token": refresh}
        )

    def answer(
        self, uri: str, body: str, headers: Mapping[str, str], lifetime: int
    ) -> tuple[dict[str, str], bytes, int]:
        """Answer one POST to the token endpoint.

        Args:
            uri: path and query of the request. oauthlib is given it as https: its switch for plain http would hold for
                the whole process, the client included.
            body: the form.
            headers: of the request.
            lifetime: seconds a new access token lives.

        Returns:
            Headers, JSON body and status.
        """
        mark = _handling_request.set(True)
        try:
            given, text, status = self._endpoint.create_token_response(
                f"https://demo.invalid{uri}", "POST", body, dict(headers), credentials={"expires_in": lifetime}
            )
        except OAuth2Error as error:
            given, text, status = error.headers, error.json, error.status_code
        except ValueError:  # how oauthlib says that a form is not url-encoded
            malformed = InvalidRequestError("The request is not form-encoded.")
            given, text, status = malformed.headers, malformed.json, malformed.status_code
        finally:
            _handling_request.reset(mark)
        plain = {**given, "Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
        return plain, text.encode(), status


def _parameter(request: Request, name: str) -> str | None:
    value = getattr(request, name, None)
    return value if isinstance(value, str) else None


def _basic_credentials(header: str) -> tuple[str | None, str | None]:
    """Client id and secret of an HTTP Basic header (form-encoded, RFC 6749 section 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _check_grant_type(request: Request) -> None:
    if request.grant_type and request.grant_type not in GRANT_TYPES:
        raise UnsupportedGrantTypeError(request=request)


def _check_audience(request: Request) -> None:
    audience = _parameter(request, "audience")
    if audience is None and request.grant_type == "password":
        raise InvalidRequestError("Request is missing audience parameter.", request=request)
    if audience not in (None, AUDIENCE):
        raise InvalidTargetError(f"Unknown audience; this server is {AUDIENCE}", request=request)


def _drop_unasked_refresh_token(token: dict[str, Any]) -> dict[str, Any]:
    if "offline_access" not in token["scope"].split():
        del token["refresh_token"]
    return token
