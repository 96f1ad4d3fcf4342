"""The vendor's published example, in our words: a script with nothing of this package in it, on the demo cloud."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from oauthlib.oauth2 import LegacyApplicationClient
from requests_oauthlib import OAuth2Session

API = os.environ["API"]
session = OAuth2Session(client=LegacyApplicationClient(client_id=os.environ["CLIENT_ID"]))
session.fetch_token(
    token_url=os.environ["TOKEN_URL"],
    username=os.environ["LOGIN"],
    password=os.environ["LOGIN_PASSWORD"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    audience="https://api.cloud.belimo.com/",
    scope=SCOPE,
    include_client_id=True,
)

stats = session.get(API + "/devices/stats").json()
print("devices", stats["totalDevices"])
print("online", stats["connection"]["online"], "offline", stats["connection"]["offline"])
print("ok", stats["health"]["ok"], "problem", stats["health"]["problem"])
print("incoming", stats["transfer"]["incoming"], "outgoing", stats["transfer"]["outgoing"])

found = session.get(API + "/devices", params={"state": "REGISTERED", "search": "Heizung"}).json()
devices = pd.DataFrame(found["data"])[["id", "displayName", "dataprofile"]]
for device in devices.itertuples():
    print("device", device.id, device.displayName, device.dataprofile["displayName"])

profile = session.get(API + devices["dataprofile"][0]["ref"]).json()
energy = pd.DataFrame(
    [
        {"id": point["id"], "description": point["featureValues"]["default.description"]}
        for point in profile["datapoints"]
        if "Energy" in point["featureValues"]["default.description"]
    ]
)
for point in energy.itertuples():
    print("datapoint", point.id, point.description)

query = {
    "datapointIds": "evcloud.210",
    "from": "2017-12-01T00:00:00.000Z",
    "to": "2018-12-01T00:00:00.000Z",
    "resolution": "1d",
    "aggregation": "last",
}
answer = session.get(f"{API}/devices/{devices['id'][0]}/data/history/timeseries", params=query).json()
values = pd.DataFrame(answer["series"][0]["values"])
counter = pd.Series(values["value"].to_numpy(), index=pd.to_datetime(values["timestamp"]))
daily = counter.diff().dropna() / 3.6e6
print("days", len(counter), "differences", len(daily), "first", daily.index[0], "last", daily.index[-1])
print(daily.min(), daily.max(), daily["2018-02"].mean(), daily["2018-07"].mean())

daily.plot(title="Daily heating energy in kWh")
plt.savefig("daily.png")
session.close()
"""

EXPECTED = """\
devices 36
online 35 offline 1
ok 35 problem 1
incoming 0 outgoing 0
device 5a430aa2-1d46-4776-bfe1-a10b6c567230 Energieventil Heizung 2.OG Sued-Ost energyvalve3/1.2
device 3c563d80-48f0-4a7a-8701-65d65aefdd9c Energieventil Heizung 2.OG Nord-Ost energyvalve3/1.2
device 3c6f7077-a147-4d25-865f-e72901d9de62 Energieventil Heizung 2.OG Nord-West energyvalve3/1.2
device b69b0b32-03ca-4ec4-8850-2a1b474fbd83 Energieventil Heizung 1.OG Sued-West energyvalve3/1.2
device 0cc5b932-c7b0-4eab-87ae-153aec6a7f90 Energieventil Heizung 2.OG Sued-West energyvalve3/1.2
datapoint evcloud.200 Cooling Energy in J
datapoint evcloud.210 Heating Energy in J
days 365 differences 364 first 2017-12-02 00:00:00+00:00 last 2018-11-30 00:00:00+00:00
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "scope", [["public.read", "offline_access", "read:dataprofile"], "public.read offline_access read:dataprofile"]
)
def test_the_vendors_example_prints_what_the_vendor_printed(demo_server, tmp_path, scope):
    """Sign in, figures, devices, datapoints, a year of daily energy and a plot; the scope as a list and as text."""
    known = demo_server.environment()
    environment = {
        # what the script's user has to set, and only there, to sign in over plain http
        "OAUTHLIB_INSECURE_TRANSPORT": "1",
        "API": known["BELIMO_API_URL"],
        "TOKEN_URL": known["BELIMO_TOKEN_URL"],
        "CLIENT_ID": known["BELIMO_CLIENT_ID"],
        "CLIENT_SECRET": known["BELIMO_CLIENT_SECRET"],
        "LOGIN": known["BELIMO_USERNAME"],
        "LOGIN_PASSWORD": known["BELIMO_PASSWORD"],
    }
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"SCOPE = {scope!r}\n{SCRIPT}"],
        env={**os.environ, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(EXPECTED)
    lowest, highest, winter, summer = map(float, ran.stdout.removeprefix(EXPECTED).split())
    assert 0 <= lowest <= summer < winter <= highest
    assert 100 < winter < 10_000  # kWh a day: some offices, neither a flat nor a power station
    assert summer < winter / 5
    assert (tmp_path / "daily.png").stat().st_size > 5_000
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ
