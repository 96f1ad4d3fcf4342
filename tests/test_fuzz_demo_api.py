"""Thousands of requests drawn from the API's description: the demo cloud answers each of them as described."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from contract import closed, description
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, Config, GenerationMode
from tally import count

from belimo_nb.demo import DemoCloud
from belimo_nb.demo.fleet.profiles import ENERGY_VALVES_4

REQUESTS = "requests drawn from the API's description"
FAILURES = "requests drawn from the API's description that failed"
EXAMPLES = 20 + settings.default.max_examples  # of each operation: a thousand in CI

pytestmark = pytest.mark.hypothesis  # as a test that is itself given values

OPERATIONS = [
    (path, method) for path, item in description()["paths"].items() for method in item if method in ("get", "post")
]
WITHOUT_PARAMETERS = ("/api/v3/api-info", "/api/v3/user")
MOMENTS = [
    "2016-11-30T00:00:00Z",
    "2016-12-01",
    "2016-12-24T00:00:00Z",
    "2017-01-02T12:34:56.789Z",
    "2017-01-07T23:00:00+01:00",
    "2018-01-01T00:00:00Z",
]
DATAPOINTS = ["evcloud.210", "evcloud.140", "evcloud.30", "default.1", "metadata.1012", "mpact.30", "AbsolutePower"]
LISTS = ["evcloud.210", "evcloud.140,default.1, ,evcloud.140", "evcloud.30,AbsolutePower,metadata.1012", "nothing"]


class Asked:
    """A demo cloud, what may be asked of it, and tokens good and bad.

    Five weeks of history keep the answers short; 200 devices include some without a dataprofile, some that were
    never online, Energy Valves 4, and some that report by change.
    """

    def __init__(self, cloud: DemoCloud) -> None:
        self.cloud = cloud
        self.session = requests.Session()
        self.session.trust_env = False
        known = cloud.environment()
        self.form = {
            "client_id": known["BELIMO_CLIENT_ID"],
            "client_secret": known["BELIMO_CLIENT_SECRET"],
            "username": known["BELIMO_USERNAME"],
            "password": known["BELIMO_PASSWORD"],
            "audience": known["BELIMO_AUDIENCE"],
        }
        whole = self._token("public.read read:dataprofile offline_access")
        self.refresh_token = whole["refresh_token"]
        self.good = whole["access_token"]
        self.narrow = self._token("offline_access")["access_token"]
        devices = cloud.simulation.devices
        odd = [next(d for d in devices if not d.registered), next(d for d in devices if d.profile is None)]
        odd += [
            next(d for d in devices if d.profile in ENERGY_VALVES_4),
            next(d for d in devices if d.reporting != "5m"),
        ]
        self.devices = [d.id for d in [*devices[:36:7], *odd]]
        config = Config.from_dict({"checks": {"positive_data_acceptance": {"enabled": False}}})
        self._free = schemathesis.openapi.from_dict(closed(description()), config=config)
        self._known = schemathesis.openapi.from_dict(self._narrowed(), config=config)

    def _token(self, scope: str) -> dict[str, Any]:
        form = {**self.form, "grant_type": "password", "scope": scope}
        found: dict[str, Any] = self.session.post(self.cloud.environment()["BELIMO_TOKEN_URL"], form, timeout=60).json()
        return found

    def _narrowed(self) -> dict[str, Any]:
        """The description with values that exist, so that what is drawn from it is often answered in full."""
        document = copy.deepcopy(closed(description()))
        values = {
            "deviceId": self.devices,
            "datapointId": DATAPOINTS,
            "datapointIds": LISTS,
            "from": MOMENTS,
            "to": MOMENTS,
            "start_date": ["2016-11-30", "2016-12-24", "2017-01-07"],
            "end_date": ["2016-12-24", "2017-01-08"],
            "dataprofileId": ["energyvalve3", "energyvalve4", "mp-actuator", "device.belimo.energy-valve-Version3"],
            "dataprofileVersion": ["1.0", "1.2", "1.4", "1.11", "last"],
            "resolution": ["15m", "1h", "90s", "1d", "1", "100", "10000"],
        }
        lists = [item.get("parameters", []) for item in document["paths"].values()]
        lists += [item["get"].get("parameters", []) for item in document["paths"].values() if "get" in item]
        for parameter in [*document["components"]["parameters"].values(), *(p for found in lists for p in found)]:
            if parameter.get("name") in values:
                parameter["schema"] = {"enum": values[parameter["name"]]}
        fields = document["components"]["schemas"]["TokenRequest"]["properties"]
        for name, value in {**self.form, "refresh_token": self.refresh_token}.items():
            fields[name] = {"enum": [value, value + "x"] if name in ("client_secret", "password") else [value]}
        fields["scope"] = {"enum": ["public.read", "offline_access public.read", "all"]}
        document["components"]["schemas"]["TokenRequest"]["required"] = list(fields)
        return document

    def cases(self, path: str, method: str) -> st.SearchStrategy[tuple[Case, bool]]:
        """Cases of an operation, and whether all their values are as described."""
        free, known = self._free[path][method], self._known[path][method]
        ids = {"deviceId": self.devices[0], "datapointId": DATAPOINTS[0]}
        fixed = {name: value for name, value in ids.items() if f"{{{name}}}" in path}
        kinds = [
            (4, known.as_strategy(GenerationMode.POSITIVE)),
            (1, free.as_strategy(GenerationMode.POSITIVE)),
            (1, free.as_strategy(GenerationMode.NEGATIVE)),
        ]
        if fixed:
            kinds.append((2, free.as_strategy(GenerationMode.NEGATIVE, path_parameters=fixed)))
        drawn = [strategy for weight, strategy in kinds for _ in range(weight)]
        return st.sampled_from(drawn).flatmap(lambda strategy: strategy)

    def ask(self, case: Case, token: str | None) -> requests.Response:
        """The answer, looked at by schemathesis (the test's fixtures look, too)."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        count(REQUESTS)
        try:
            answer = case.call(base_url=self.cloud.url, session=self.session, headers=headers, timeout=60)
            case.validate_response(answer)
        except BaseException:
            count(FAILURES)
            raise
        return answer


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """What may be asked of a demo cloud of this module's own."""
    with DemoCloud(devices=200, now="2017-01-08") as cloud:
        found = Asked(cloud)
        with found.session:
            yield found


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
def test_every_answer_is_as_described(path, method, asked):
    """No 500, no answer off the schema, nothing bad taken for good; who has no good token gets 401 or 403 only."""
    secured = bool(description()["paths"][path][method]["security"])
    refusals = {asked.narrow: 403, asked.good[:-1]: 401, "": 401, None: 401}
    drawn = asked.cases(path, method)
    statuses = []
    count(FAILURES, 0)

    def run(token, most):
        @settings(max_examples=most, suppress_health_check=list(HealthCheck))
        @given(case=drawn)
        def ask(case):
            statuses.append(asked.ask(case, token).status_code)
            assert not (secured and token in refusals) or statuses[-1] == refusals[token]

        ask()

    for token in refusals:
        run(token, EXAMPLES // 20)
    run(asked.good, EXAMPLES - 4 * (EXAMPLES // 20))
    if path not in WITHOUT_PARAMETERS:
        assert len(statuses) >= EXAMPLES
    if EXAMPLES >= 70:  # fewer requests may happen to have no full answer among them
        assert 200 in statuses
