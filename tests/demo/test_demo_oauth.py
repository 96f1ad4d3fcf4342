"""Signing in to the demo cloud: grants, refusals in the standard's terms, tokens that end."""

import base64
from urllib.parse import quote

import pytest
import requests
from oauthlib.oauth2 import InvalidClientError, InvalidGrantError, LegacyApplicationClient
from requests_oauthlib import OAuth2Session

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.server.tokens import TokenStore


@pytest.fixture
def own(connect):
    """A demo cloud of the test's own, and a client of it."""
    with DemoCloud() as cloud:
        yield connect(cloud)


def test_a_password_grant_gives_a_token_that_opens_the_api(api):
    """All fields of the answer, and nothing that a cache may keep."""
    answer = api.grant()
    token = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(token) == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 86400
    assert token["scope"] == "public.read offline_access read:dataprofile"
    assert api.get("/user", headers={"Authorization": f"Bearer {token['access_token']}"}).status_code == 200


def test_requests_oauthlib_signs_in_and_refreshes(api, monkeypatch):
    """The library that users have, as the vendor uses it."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # what a user's script over http has to set
    known = api.environment
    client = LegacyApplicationClient(client_id=known["BELIMO_CLIENT_ID"])
    with OAuth2Session(client=client) as session:
        session.trust_env = False
        token = session.fetch_token(
            known["BELIMO_TOKEN_URL"],
            username=known["BELIMO_USERNAME"],
            password=known["BELIMO_PASSWORD"],
            client_secret=known["BELIMO_CLIENT_SECRET"],
            audience=known["BELIMO_AUDIENCE"],
            scope=["public.read", "offline_access"],
            include_client_id=True,
        )
        assert session.get(known["BELIMO_API_URL"] + "/devices/stats").json()["totalDevices"] == 36
        fresh = session.refresh_token(
            known["BELIMO_TOKEN_URL"],
            client_id=known["BELIMO_CLIENT_ID"],
            client_secret=known["BELIMO_CLIENT_SECRET"],
        )
        assert fresh["access_token"] != token["access_token"]
        assert fresh["refresh_token"] == token["refresh_token"]
        assert session.get(known["BELIMO_API_URL"] + "/user").status_code == 200


def test_requests_oauthlib_recognizes_the_refusals(api, monkeypatch):
    """A wrong client and a wrong password come out as oauthlib's own exceptions."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    known = api.environment
    for change, error in (({"client_secret": "x"}, InvalidClientError), ({"password": "x"}, InvalidGrantError)):
        with OAuth2Session(client=LegacyApplicationClient(client_id=known["BELIMO_CLIENT_ID"])) as session:
            session.trust_env = False
            credentials = {
                "username": known["BELIMO_USERNAME"],
                "password": known["BELIMO_PASSWORD"],
                "client_secret": known["BELIMO_CLIENT_SECRET"],
                "audience": known["BELIMO_AUDIENCE"],
            }
            with pytest.raises(error):
                session.fetch_token(known["BELIMO_TOKEN_URL"], include_client_id=True, **{**credentials, **change})


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_id": "someone-else"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"username": "nobody@belimo-nb.example"}, 400, "invalid_grant"),
        ({"password": "wrong"}, 400, "invalid_grant"),
        ({"password": "pässwort\ud83d".encode("utf-8", "replace").decode()}, 400, "invalid_grant"),
        ({"password": None}, 400, "invalid_request"),
        ({"username": ""}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"audience": None}, 400, "invalid_request"),
        ({"audience": "https://api.cloud.belimo.com"}, 400, "invalid_target"),
        ({"scope": "public.read public.write"}, 400, "invalid_scope"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "username": None}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "made-up"}, 400, "invalid_grant"),
        ({"scope": ["public.read", "offline_access"]}, 400, "invalid_request"),
    ],
)
def test_refusals_use_the_standards_terms(api, change, status, error):
    """Each thing that can be wrong has its own error, as JSON that nobody caches."""
    answer = api.grant(**change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "access_token" not in answer.json()
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_no_refresh_token_without_offline_access(api):
    """It comes with that scope only; who asks for no scope has all of them."""
    assert "refresh_token" not in api.grant(scope="public.read read:dataprofile").json()
    token = api.grant(scope=None).json()
    assert "refresh_token" in token
    assert token["scope"] == "public.read offline_access read:dataprofile"


def test_the_client_may_use_http_basic(api):
    """Id and secret in the header instead of the body, form-encoded; a wrong one there is not helped by the body."""
    known = api.environment

    def ask(secret, **form):
        text = f"{quote(known['BELIMO_CLIENT_ID'])}:{quote(secret)}"
        basic = base64.b64encode(text.encode()).decode()
        return requests.post(
            known["BELIMO_TOKEN_URL"],
            {
                "grant_type": "password",
                "username": known["BELIMO_USERNAME"],
                "password": known["BELIMO_PASSWORD"],
                "audience": known["BELIMO_AUDIENCE"],
                **form,
            },
            headers={"Authorization": f"Basic {basic}"},
            timeout=60,
        )

    right = known["BELIMO_CLIENT_SECRET"]
    assert ask(right).status_code == 200
    body = {"client_id": known["BELIMO_CLIENT_ID"], "client_secret": right}
    assert ask("wrong", **body).json()["error"] == "invalid_client"


@pytest.mark.parametrize("header", ["Basic !!!", "Basic", "Basic /w==", "Digest x"])
def test_a_header_that_is_no_credentials_is_a_wrong_client(api, header):
    """Garbage instead of HTTP Basic is refused, not a fault of the server."""
    answer = requests.post(
        api.environment["BELIMO_TOKEN_URL"],
        {"grant_type": "password", "username": "a", "password": "b"},
        headers={"Authorization": header},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("body", ["%%%", "a=b&&&;\x00", "{}", "\xff\xfe", ""])
def test_a_body_that_is_no_form_is_an_invalid_request(api, body):
    """Neither garbage nor JSON nor nothing brings the endpoint down."""
    answer = requests.post(
        api.environment["BELIMO_TOKEN_URL"],
        body.encode("latin-1"),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_credentials_do_not_belong_into_the_address(api):
    """RFC 6749 forbids them there."""
    answer = requests.post(api.environment["BELIMO_TOKEN_URL"] + "?client_id=x", {"grant_type": "password"}, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_token_endpoint_takes_posts_only(api):
    """A GET is refused as JSON that says what is allowed."""
    answer = requests.get(api.environment["BELIMO_TOKEN_URL"], timeout=60)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json()["error"] == "method_not_allowed"


def test_a_refresh_keeps_scopes_or_narrows_them(api):
    """The new token has the old scopes, or fewer if asked; more is refused. The refresh token stays good."""
    old = api.grant(scope="public.read offline_access").json()
    fresh = api.refresh(old["refresh_token"]).json()
    assert fresh["access_token"] != old["access_token"]
    assert fresh["scope"].split() == ["public.read", "offline_access"]
    assert "refresh_token" not in fresh
    assert api.refresh(old["refresh_token"], scope="public.read").json()["scope"] == "public.read"
    assert api.refresh(old["refresh_token"], scope="read:dataprofile").json()["error"] == "invalid_scope"
    assert api.refresh(old["refresh_token"], client_secret="x").json()["error"] == "invalid_client"
    assert api.refresh(old["access_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer made-up", "Basic x", "made-up"])
def test_a_request_without_a_good_token_is_401(api, header):
    """Missing, empty or made up: `invalid_token`, in the body and in the challenge."""
    answer = requests.get(
        api.environment["BELIMO_API_URL"] + "/user",
        headers={} if header is None else {"Authorization": header},
        timeout=60,
    )
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_token"
    assert answer.json()["error_description"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')


def test_expired_tokens_can_be_refreshed(own):
    """401 says expired; the refresh token still works."""
    token = own.grant().json()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert own.get("/user", headers=bearer).status_code == 200
    own.cloud.tokens.expire(token["access_token"])
    answer = own.get("/user", headers=bearer)
    assert answer.status_code == 401
    assert "expired" in answer.json()["error_description"]
    fresh = own.refresh(token["refresh_token"]).json()["access_token"]
    assert own.get("/user", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200


def test_revoked_tokens_cannot(own):
    """401 says revoked, and the refresh token is dead as well: only the password helps."""
    token = own.grant().json()
    own.cloud.tokens.revoke(token["access_token"])
    own.cloud.tokens.revoke_refresh(token["refresh_token"])
    answer = own.get("/user", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert answer.status_code == 401
    assert "revoked" in answer.json()["error_description"]
    assert own.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"
    assert own.sign_in().get("/user").status_code == 200


def test_tokens_live_as_long_as_the_cloud_says(connect):
    """`token_lifetime` is told, and holds."""
    with DemoCloud(token_lifetime=0) as cloud:
        client = connect(cloud)
        assert client.grant().json()["expires_in"] == 0
        assert client.get("/user").status_code == 401


def test_scopes_open_what_they_name(api, connect):
    """Dataprofiles need `read:dataprofile`, devices `public.read`; else 403 that names the scope."""
    reader = connect(api.cloud, "public.read")
    answer = reader.get("/definitions/dataprofiles/energyvalve3/1.2")
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert "read:dataprofile" in answer.json()["message"]
    assert reader.get("/devices/stats").status_code == 200
    assert connect(api.cloud, "read:dataprofile").get("/devices/stats").status_code == 403


def test_long_expired_tokens_are_forgotten(monkeypatch):
    """The store does not grow for ever."""
    clock = [0.0]
    monkeypatch.setattr("belimo_nb.demo.server.tokens.time.monotonic", lambda: clock[0])
    store = TokenStore()
    store.add({"access_token": "old", "expires_in": 10}, frozenset())
    assert store.access("old").expires == 10
    clock[0] = 5000
    store.add({"access_token": "new", "expires_in": 10}, frozenset())
    assert store.access("old") is None
    assert store.access("new").expires == 5010
