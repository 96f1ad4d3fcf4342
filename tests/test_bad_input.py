"""Bad input: each kind is one clear sentence with the value at fault, the right exit status, and no trace.

One table, run twice: from Python and from the command line. The cloud is the second one, so nothing here depends on
the demo cloud; the tests at the end are about when that one is used.
"""

import re
import subprocess
from dataclasses import dataclass, field

import pytest
from click.testing import CliRunner
from prepared import program
from second_cloud import HANG, page_of_html, says
from second_fleet import HEATING

import belimo_nb as bn
from belimo_nb.cli import cli
from belimo_nb.client import http, retries
from belimo_nb.errors import (
    AmbiguousDevice,
    AnswerError,
    ApiError,
    BelimoError,
    ConnectionFailed,
    NoDataError,
    RateLimited,
    ServerError,
    SettingsError,
    SignInError,
    StoreError,
    TimedOut,
    UnknownDatapoint,
    UnknownDevice,
    UsageError,
)

DEVICES = ("devices",)
SPAN = ("2021-01-01", "2021-02-01")


def sync(*options, start=SPAN[0], end=SPAN[1]):
    """The command that fetches a month."""
    return ("sync", *options, "--from", start, "--to", end)


@dataclass(frozen=True)
class Case:
    """Something that people do wrong, or that happens to them."""

    name: str
    kind: type[BelimoError]
    words: tuple[str, ...]  # what the sentence must contain: the value at fault first
    environment: dict[str, str] = field(default_factory=dict)
    trouble: object = None  # for the second cloud
    python: object = lambda client: client.devices()
    command: tuple[str, ...] | None = DEVICES
    command_words: tuple[str, ...] | None = None  # where the command line says it in other words
    command_kind: type[BelimoError] | None = None


CLOSED = "http://127.0.0.1:1"  # no one listens there
CASES = [
    # Settings
    Case("no password", SettingsError, ("BELIMO_PASSWORD is not set",), {"PASSWORD": ""}),
    Case("blank password", SettingsError, ("BELIMO_PASSWORD is not set",), {"PASSWORD": "  "}),
    Case(
        "two missing",
        SettingsError,
        ("BELIMO_CLIENT_ID and BELIMO_CLIENT_SECRET are not set",),
        {"CLIENT_ID": "", "CLIENT_SECRET": ""},
    ),
    Case("rate", SettingsError, ("'fast'", "BELIMO_RATE"), {"RATE": "fast"}),
    Case("zone", SettingsError, ("'Zurich'", "BELIMO_TIMEZONE", "Europe/Zurich"), {"TIMEZONE": "Zurich"}),
    Case("now", SettingsError, ("'soon'", "BELIMO_NOW"), {"NOW": "soon"}),
    Case("demo", SettingsError, ("'maybe'", "BELIMO_DEMO"), {"DEMO": "maybe"}),
    Case("offline", SettingsError, ("'maybe'", "BELIMO_OFFLINE"), {"OFFLINE": "maybe"}),
    Case("no address", SettingsError, ("'cloud.example.org'", "BELIMO_API_URL"), {"API_URL": "cloud.example.org"}),
    Case("http", SettingsError, ("http://cloud.example.org", "https"), {"API_URL": "http://cloud.example.org/api"}),
    # Signing in
    Case("wrong password", SignInError, ("anna.muster@example.org", "BELIMO_PASSWORD"), {"PASSWORD": "wrong"}),
    Case("wrong user", SignInError, ("nobody@example.org", "BELIMO_USERNAME"), {"USERNAME": "nobody@example.org"}),
    Case("wrong client", SignInError, ("invalid_client", "BELIMO_CLIENT_ID"), {"CLIENT_ID": "O0Il"}),
    Case("wrong secret", SignInError, ("invalid_client", "BELIMO_CLIENT_SECRET"), {"CLIENT_SECRET": "O0Il"}),
    Case("wrong audience", SignInError, ("access_denied", "BELIMO_AUDIENCE"), {"AUDIENCE": "https://other/"}),
    Case("refused token", SignInError, ("401", "BELIMO_AUDIENCE"), trouble={"/devices": says({}, 401)}),
    # Reaching the cloud
    Case("unknown host", ConnectionFailed, ("'cloud.invalid'",), {"API_URL": "https://cloud.invalid/api/v3"}),
    Case("unknown token host", ConnectionFailed, ("'id.invalid'",), {"TOKEN_URL": "https://id.invalid/token"}),
    Case("refusing", ConnectionFailed, (CLOSED[7:], "refuses connections"), {"API_URL": f"{CLOSED}/api"}),
    Case("refusing sign-in", ConnectionFailed, (CLOSED[7:], "refuses connections"), {"TOKEN_URL": f"{CLOSED}/token"}),
    Case("hanging", TimedOut, ("127.0.0.1", "did not answer within"), trouble={"/devices": HANG}),
    Case("hanging sign-in", TimedOut, ("127.0.0.1", "did not answer within"), trouble={"/auth/token": HANG}),
    # Answers
    Case("web page", AnswerError, ("web page", "BELIMO_API_URL"), trouble={"/devices": page_of_html()}),
    Case("web page at sign-in", AnswerError, ("web page", "BELIMO_TOKEN_URL"), trouble={"/auth/token": page_of_html()}),
    Case("wrong path", ApiError, ("404", "BELIMO_API_URL"), trouble={"/devices": page_of_html(404)}),
    Case(
        "forbidden",
        ApiError,
        ("403: Not yours", "BELIMO_SCOPE"),
        trouble={"/devices": says({"message": "Not yours."}, 403)},
    ),
    Case("limited", RateLimited, ("429", "BELIMO_RATE"), trouble={"/devices": says({}, 429)}),
    Case("failing", ServerError, ("502",), trouble={"/devices": says({}, 502)}),
    Case(
        "redirect", ApiError, ("redirects",), trouble={"/devices": says({}, 302, Location="https://elsewhere.example")}
    ),
    Case(
        "half a list", AnswerError, ("0 of 9 rows",), trouble={"/devices": says({"data": [], "paging": {"total": 9}})}
    ),
    # Devices
    Case(
        "unknown device",
        UnknownDevice,
        ("'Heizkreis 51'", "near matches", "'Heizkreis 15'"),
        python=lambda client: client.device("Heizkreis 51"),
        command=sync("--device", "Heizkreis 51"),
    ),
    Case(
        "device like no other",
        UnknownDevice,
        ("'qqqq'", "belimo-nb devices"),
        python=lambda client: client.device("qqqq"),
        command=sync("--device", "qqqq"),
    ),
    Case(
        "no device",
        UnknownDevice,
        ("No device is named",),
        python=lambda client: client.device(" "),
        command=sync("--device", " "),
    ),
    Case(
        "ambiguous device",
        AmbiguousDevice,
        ("'Lüftung'", "Lüftung West (SN-0021-K)", "Lüftung Ost"),
        python=lambda client: client.device("Lüftung"),
        command=sync("--device", "Lüftung"),
    ),
    Case(
        "very ambiguous device",
        AmbiguousDevice,
        ("'Heizkreis'", "15 devices", "and 10 more"),
        python=lambda client: client.device("Heizkreis"),
        command=sync("--device", "Heizkreis"),
    ),
    Case(
        "device without profile",
        NoDataError,
        ("Ohne Profil", "dataprofile"),
        python=lambda client: client.device("Ohne Profil").energy("heating", *SPAN),
        command=sync("--device", "Ohne Profil"),
        command_kind=UsageError,
        command_words=("'Ohne Profil'", "energy"),
    ),
    Case(
        "device without energy",
        NoDataError,
        ("Gateway Öl", "no heating energy counter"),
        python=lambda client: client.device("Gateway Öl").energy("heating", *SPAN),
        command=sync("--device", "Gateway Öl"),
        command_kind=UsageError,
        command_words=("'Gateway Öl'", "energy"),
    ),
    Case(
        "no device found",
        NoDataError,
        ("'Kühldecke'",),
        python=lambda client: client.heating_valves("Kühldecke"),
        command=sync("--search", "Kühldecke"),
    ),
    # Datapoints and times
    Case(
        "unknown datapoint",
        UnknownDatapoint,
        ("'/hlk/heating_enrgy'", "near matches", "'/hlk/heating_energy'"),
        python=lambda client: client.device("Heizkreis 01").history("/hlk/heating_enrgy", *SPAN),
        command=None,
    ),
    Case(
        "ambiguous datapoint",
        UnknownDatapoint,
        ("'status'", "default.1"),
        python=lambda client: client.device("Heizkreis 01").history("status", *SPAN),
        command=None,
    ),
    Case(
        "from after to",
        UsageError,
        ("2021-02-01", "2021-01-01"),
        python=lambda client: client.device("Heizkreis 01").energy("heating", *reversed(SPAN)),
        command=sync(start=SPAN[1], end=SPAN[0]),
    ),
    Case(
        "no date",
        UsageError,
        ("'yesterday'", "2018-11-03"),
        python=lambda client: client.device("Heizkreis 01").history(HEATING, "yesterday"),
        command=sync(start="yesterday"),
    ),
    Case(
        "no such date",
        UsageError,
        ("'2021-02-30'", "2018-11-03"),
        python=lambda client: client.device("Heizkreis 01").energy("heating", "2021-02-01", "2021-02-30"),
        command=sync(end="2021-02-30"),
    ),
    Case(
        "future",
        UsageError,
        ("2031-01-01", "future"),
        python=lambda client: client.device("Heizkreis 01").energy("heating", "2031-01-01", "2031-02-01"),
        command=sync(start="2031-01-01", end="2031-02-01"),
        command_words=("January 2031", "future"),
    ),
    Case(
        "no period",
        UsageError,
        ("'November'", "2018-11"),
        python=lambda client: client.period(period="November"),
        command=("sync", "--period", "November"),
    ),
    Case(
        "no resolution",
        UsageError,
        ("'hourly'", "15m"),
        python=lambda client: client.device("Heizkreis 01").history(HEATING, *SPAN, resolution="hourly"),
        command=sync("--resolution", "hourly"),
    ),
    Case(
        "no zone",
        UsageError,
        ("'Mars/Base'", "Europe/Zurich"),
        python=lambda client: client.device("Heizkreis 01").energy("heating", *SPAN, tz="Mars/Base"),
        command=None,
    ),
]


CASES.append(
    Case(
        "folder for data is none",
        StoreError,
        ("cannot be read", "BELIMO_DATA_DIR"),
        {"DATA_DIR": f"{__file__}/data"},
        python=lambda client: client.device("Heizkreis 01").history("heating_energy", *SPAN),
        command=sync("--device", "Heizkreis 01"),
        command_words=("cannot be kept", "BELIMO_DATA_DIR"),
    )
)


def named(cases):
    """The cases with their names as ids."""
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits take no time, timeouts little."""
    monkeypatch.setattr(retries, "pause", lambda _: None)
    monkeypatch.setattr(http, "TIMEOUT", (5, 0.05))


@pytest.fixture
def in_trouble(case, second, monkeypatch):
    """The second cloud as the case has it."""
    if case.kind is not TimedOut:
        monkeypatch.setattr(http, "TIMEOUT", (5, 10))
    for name, value in case.environment.items():
        monkeypatch.setenv(f"BELIMO_{name}", value)
    for path, answer in (case.trouble or {}).items():
        second.always(path, answer)
    return second


def check_sentence(message, words):
    """One sentence, on one line, that ends in a period, is not too long, and names what is at fault."""
    assert "\n" not in message
    assert message == message.strip()
    assert message.endswith(".")
    assert not re.search(r"(?<!e\.g)[.?!]\s+[A-Z]", message), "more than one sentence"
    assert not message.endswith(("..", "?.", ";.", ",."))
    assert 20 < len(message) <= 300
    assert "None" not in message
    for word in words:
        assert word in message


@named(CASES)
def test_in_python(case, in_trouble):
    """From Python: an error of the right class with one sentence."""
    with pytest.raises(case.kind) as caught:
        case.python(bn.connect())
    assert type(caught.value) is case.kind
    assert isinstance(caught.value, BelimoError)
    check_sentence(str(caught.value), case.words)


@named([case for case in CASES if case.command])
def test_on_the_command_line(case, in_trouble):
    """On the command line: the same sentence on standard error, the exit status of its class, and nothing else."""
    result = CliRunner().invoke(cli, case.command)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("\n")
    check_sentence(result.stderr.removeprefix("Error: ").rstrip("\n"), case.command_words or case.words)
    assert result.exit_code == (case.command_kind or case.kind).exit_status


@pytest.mark.slow
@named(
    [
        case
        for case in CASES
        if case.name in ("no password", "wrong password", "refusing", "web page", "unknown device", "no date")
    ]
)
def test_in_a_process_of_its_own(case, in_trouble):
    """As people run it: exit status, one line on standard error, no trace."""
    run = subprocess.run([*program(), *case.command], capture_output=True, text=True, timeout=60)
    assert run.returncode == case.kind.exit_status
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    check_sentence(run.stderr.removeprefix("Error: ").rstrip("\n"), case.words)


def test_every_error_that_users_cause_is_here():
    """The table has a case for every class of error."""
    from belimo_nb import errors

    abstract = {"BelimoError", "CloudError"}
    assert {case.kind.__name__ for case in CASES} == set(errors.__all__) - abstract


@pytest.mark.parametrize("blank", [None, "", " "])
def test_no_credentials_are_the_demo_cloud(monkeypatch, blank):
    """No credential at all, or all of them blank: demo data, and the output says so."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD") if blank is not None else ():
        monkeypatch.setenv(f"BELIMO_{name}", blank)
    monkeypatch.setattr(http, "TIMEOUT", (5, 30))
    client = bn.connect()
    assert client.source.startswith("demo data")
    assert client.stats()["totalDevices"] == 36
    client.close()
    result = CliRunner().invoke(cli, ["devices", "--search", "heizung"])
    assert result.exit_code == 0
    assert "demo data" in result.stderr


def test_some_credentials_are_never_the_demo_cloud(second, monkeypatch):
    """With one credential missing nothing is asked of any cloud, and no demo data comes."""
    monkeypatch.setenv("BELIMO_USERNAME", "")
    monkeypatch.setattr("belimo_nb.demo.environment", lambda: pytest.fail("the demo cloud was started"))
    with pytest.raises(SettingsError):
        bn.connect()
    assert second.requests == []
