"""A signed-in client of the demo cloud that hides nothing: requests, and the API's own names."""

from __future__ import annotations

import pytest
import requests

from belimo_nb.demo.operation.simulation import Simulation

SCOPE = "public.read offline_access read:dataprofile"


class Api:
    """Signs in and asks; answers are `requests.Response`."""

    def __init__(self, cloud, scope=SCOPE):
        self.cloud = cloud
        self.scope = scope
        self.environment = cloud.environment()
        self.session = requests.Session()
        self.session.trust_env = False
        self.token = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.session.close()

    def grant(self, **form):
        """The answer to a token request: a password grant, with these fields changed, or left out where None."""
        known = self.environment
        defaults = {
            "grant_type": "password",
            "username": known["BELIMO_USERNAME"],
            "password": known["BELIMO_PASSWORD"],
            "client_id": known["BELIMO_CLIENT_ID"],
            "client_secret": known["BELIMO_CLIENT_SECRET"],
            "audience": known["BELIMO_AUDIENCE"],
            "scope": self.scope,
        }
        return self.session.post(known["BELIMO_TOKEN_URL"], {**defaults, **form}, timeout=60)

    def refresh(self, refresh_token, **form):
        """The answer to a refresh."""
        gone = {"username": None, "password": None, "audience": None, "scope": None}
        return self.grant(grant_type="refresh_token", refresh_token=refresh_token, **{**gone, **form})

    def sign_in(self):
        """Get a token and use it from now on."""
        self.token = self.grant().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {self.token}"
        return self

    def get(self, path, *, timeout=60, headers=None, stream=False, **query):
        """The answer to a GET below the API's address; `from_` stands for `from`."""
        if self.token is None:
            self.sign_in()
        query = {name.rstrip("_"): value for name, value in query.items()}
        url = self.environment["BELIMO_API_URL"] + path
        return self.session.get(url, params=query, timeout=timeout, headers=headers, stream=stream)


@pytest.fixture(scope="session")
def api(demo_server):
    """Signed in to the run's demo cloud."""
    with Api(demo_server) as client:
        yield client


@pytest.fixture
def connect():
    """Makes clients of a test's own demo cloud."""
    clients = []

    def make(cloud, scope=SCOPE):
        clients.append(Api(cloud, scope))
        return clients[-1]

    yield make
    for client in clients:
        client.session.close()


@pytest.fixture(scope="package")
def simulation():
    """The default fleet at its standing clock; tests that move the clock make their own."""
    return Simulation()
