"""Settings: where they come from, what they refuse, and what they never show."""

from pathlib import Path

import pandas as pd
import pytest

import belimo_nb as bn
from belimo_nb import demo, settings
from belimo_nb.errors import SettingsError

CREDENTIALS = {
    "BELIMO_CLIENT_ID": "the-client",
    "BELIMO_CLIENT_SECRET": "s3cret-of-the-client",
    "BELIMO_USERNAME": "anna@example.org",
    "BELIMO_PASSWORD": "pa55word-of-anna",
}


@pytest.fixture
def credentials(monkeypatch):
    """An account in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def demo_cloud(monkeypatch):
    """A demo cloud that is nowhere: settings do not ask it anything."""
    environment = dict.fromkeys(CREDENTIALS, "demo") | {
        "BELIMO_API_URL": "http://127.0.0.1:9/api/v3",
        "BELIMO_TOKEN_URL": "http://127.0.0.1:9/oauth/token",
        "BELIMO_AUDIENCE": "https://api.demo/",
        "BELIMO_TIMEZONE": "Europe/Zurich",
        "BELIMO_RATE": "0",
        "BELIMO_NOW": "2018-12-01T00:00:00Z",
        "BELIMO_SOURCE": "demo data, seed 1",
    }
    monkeypatch.setattr(demo, "environment", lambda: environment)


def write_env(path, **values):
    """A `.env` file."""
    path.write_text("".join(f"BELIMO_{name.upper()}={value}\n" for name, value in values.items()), encoding="utf-8")


def test_defaults(credentials):
    """With an account and nothing else, everything leads to the live cloud."""
    found = settings.load()
    assert found.api_url == "https://cloud.belimo.com/api/v3"
    assert found.token_url == "https://id.belimo.com/oauth/token"
    assert found.audience == "https://api.cloud.belimo.com/"
    assert found.scope == "public.read offline_access read:dataprofile"
    assert (found.timezone, found.rate, found.weather, found.now) == ("Europe/Zurich", 2, None, None)
    assert found.source == "cloud.belimo.com"
    assert found.data_dir.is_absolute()


def test_layers(monkeypatch, credentials, isolated):
    """An argument wins over the environment, the environment over `.env`, `.env` over a default."""
    write_env(Path(".env"), timezone="Europe/Paris", rate="5", username="file@example.org", audience="https://file/")
    monkeypatch.setenv("BELIMO_TIMEZONE", "Europe/Rome")
    monkeypatch.setenv("BELIMO_RATE", "7")
    found = settings.load(rate=9)
    assert (found.rate, found.timezone, found.username) == (9, "Europe/Rome", "anna@example.org")
    assert found.audience == "https://file/"
    assert found.origins["rate"] == "argument"
    assert found.origins["timezone"] == "environment"
    assert Path(found.origins["audience"]).name == ".env"
    assert found.origins["scope"] == "default"


def test_the_nearest_env_file(monkeypatch, tmp_path):
    """`.env` is looked for from the working folder upward; a named file is read instead of it."""
    (tmp_path / "project" / "deep").mkdir(parents=True)
    write_env(tmp_path / "project" / ".env", **{name[7:]: f"{value}-1" for name, value in CREDENTIALS.items()})
    write_env(tmp_path / "other.env", **{name[7:]: f"{value}-2" for name, value in CREDENTIALS.items()})
    monkeypatch.chdir(tmp_path / "project" / "deep")
    assert settings.load().client_id == "the-client-1"
    assert settings.load(tmp_path / "other.env").client_id == "the-client-2"


def test_env_files_as_people_write_them(tmp_path):
    """A mark at the start of the file, quotes, comments and a dollar sign in a password are all read as meant."""
    path = tmp_path / "my.env"
    lines = ["\ufeffBELIMO_CLIENT_ID = abc  # mine", 'export BELIMO_CLIENT_SECRET="x#y"', "BELIMO_USERNAME='u'"]
    path.write_text("\r\n".join([*lines, "BELIMO_PASSWORD='pa$HOME ${word}'", ""]), encoding="utf-8")
    found = settings.load(path)
    assert (found.client_id, found.client_secret, found.username) == ("abc", "x#y", "u")
    assert found.password == "pa$HOME ${word}"


def test_blank_is_not_set(monkeypatch, credentials):
    """A blank value leaves the next weaker layer in force."""
    write_env(Path(".env"), timezone="Europe/Paris")
    monkeypatch.setenv("BELIMO_TIMEZONE", "  ")
    monkeypatch.setenv("BELIMO_RATE", "")
    found = settings.load(audience="")
    assert (found.timezone, found.rate, found.audience) == ("Europe/Paris", 2, "https://api.cloud.belimo.com/")


def test_spaces_around_a_value(monkeypatch, credentials):
    """Spaces that came along when copying are dropped."""
    monkeypatch.setenv("BELIMO_CLIENT_ID", " the-client\n")
    assert settings.load().client_id == "the-client"


def test_no_credentials_mean_the_demo_cloud(demo_cloud):
    """With no credential at all everything leads to the demo cloud, and says so."""
    found = settings.load()
    assert found.api_url == "http://127.0.0.1:9/api/v3"
    assert found.source == "demo data, seed 1"
    assert found.now == pd.Timestamp("2018-12-01T00:00Z")
    assert {found.origins[name] for name in ("client_id", "api_url", "rate", "now")} == {"demo cloud"}


def test_blank_credentials_mean_the_demo_cloud(monkeypatch, demo_cloud):
    """The template of `.env` as it comes, with four blank credentials, leads to the demo cloud."""
    for name in CREDENTIALS:
        monkeypatch.setenv(name, " ")
    assert settings.load().source == "demo data, seed 1"


def test_the_demo_cloud_keeps_what_leads_nowhere(monkeypatch, demo_cloud):
    """Zone and rate stay as set on the demo cloud, but an address of one's own does not mix with it."""
    monkeypatch.setenv("BELIMO_TIMEZONE", "Europe/Paris")
    monkeypatch.setenv("BELIMO_RATE", "3")
    monkeypatch.setenv("BELIMO_API_URL", "https://example.org/api")
    monkeypatch.setenv("BELIMO_SOURCE", "my building")
    found = settings.load()
    assert (found.timezone, found.rate) == ("Europe/Paris", 3)
    assert found.api_url == "http://127.0.0.1:9/api/v3"
    assert found.source == "demo data, seed 1"


@pytest.mark.parametrize("flag", ["1", "true", "YES", " on "])
def test_demo_by_setting(monkeypatch, credentials, demo_cloud, flag):
    """BELIMO_DEMO brings the demo cloud whatever else is set."""
    monkeypatch.setenv("BELIMO_DEMO", flag)
    found = settings.load()
    assert found.source == "demo data, seed 1"
    assert found.client_id == "demo"


def test_demo_by_argument(monkeypatch, credentials, demo_cloud):
    """The argument wins over BELIMO_DEMO, either way."""
    monkeypatch.setenv("BELIMO_DEMO", "1")
    assert settings.load(demo=False).source == "cloud.belimo.com"
    monkeypatch.setenv("BELIMO_DEMO", "0")
    assert settings.load().source == "cloud.belimo.com"
    assert settings.load(demo=True).source == "demo data, seed 1"


def test_credentials_as_arguments(monkeypatch):
    """Handed over, they are used whatever the environment says of the demo; some alone are refused, with the others."""
    monkeypatch.setenv("BELIMO_DEMO", "1")
    given = {name.removeprefix("BELIMO_").lower(): "mine" for name in CREDENTIALS}
    found = settings.load(**given)
    assert (found.client_id, found.source) == ("mine", "cloud.belimo.com")
    del given["password"]
    with pytest.raises(SettingsError, match="BELIMO_PASSWORD is not set"):
        settings.load(**given)


@pytest.mark.parametrize(
    "missing", [["PASSWORD"], ["CLIENT_ID", "CLIENT_SECRET"], ["CLIENT_ID", "CLIENT_SECRET", "USERNAME"]]
)
def test_some_credentials(monkeypatch, credentials, missing):
    """Some but not all credentials: an error that names each missing one and no other, never demo data."""
    for name in missing:
        monkeypatch.setenv(f"BELIMO_{name}", " ")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert [name for name in CREDENTIALS if name in str(caught.value)] == [f"BELIMO_{name}" for name in missing]
    assert "demo cloud" in str(caught.value)


def test_no_demo_and_no_credentials():
    """Without an account and without leave to use the demo cloud there is nothing to connect to."""
    with pytest.raises(SettingsError, match="or allow the demo cloud"):
        settings.load(demo=False)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("rate", "fast", "a number"),
        ("rate", "-1", "a number"),
        ("rate", "nan", "a number"),
        ("rate", "inf", "a number"),
        ("timezone", "Zurich", "Europe/Zurich"),
        ("timezone", "../../etc/passwd", "Europe/Zurich"),
        ("timezone", "Europe", "Europe/Zurich"),
        ("now", "soon", "2018-12-01"),
        ("now", "NaT", "2018-12-01"),
        ("now", "9999999-01-01", "2018-12-01"),
        ("demo", "perhaps", "set it to 1"),
        ("currency", "3", "letters such as CHF"),
        ("currency", "0.12 CHF", "letters such as CHF"),
        ("data_dir", "~nobody-of-this-name/x", "whole path"),
        ("api_url", "cloud.belimo.com/api/v3", "https://host/path"),
        ("api_url", "ftp://cloud.belimo.com", "https://host/path"),
        ("api_url", "https://", "https://host/path"),
        ("api_url", "https://cloud.belimo.com:port", "https://host/path"),
        ("api_url", "https://cloud belimo.com/api", "https://host/path"),
        ("api_url", "https://cloud..belimo.com/api", "https://host/path"),
        ("api_url", f"https://{'a' * 64}.com/api", "https://host/path"),
        ("api_url", "https://cloud.belimo.com/api?v=3", "https://host/path"),
        ("api_url", "https://[::1/api", "https://host/path"),
        ("api_url", "http://cloud.belimo.com/api/v3", "https"),
        ("token_url", "http://id.belimo.com/oauth/token", "https"),
        ("token_url", "http://127.0.0.1.example.org/token", "https"),
        ("token_url", "http://127.example.org/token", "https"),
        ("token_url", "http://localhost.example.org/token", "https"),
        ("token_url", "http://0.0.0.0/token", "https"),
    ],
)
def test_senseless_values(monkeypatch, credentials, name, value, advice):
    """A value that makes no sense is named, shown, and answered with advice."""
    monkeypatch.setenv(f"BELIMO_{name.upper()}", value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    message = str(caught.value)
    assert message.startswith(f"BELIMO_{name.upper()} is {value!r}")
    assert advice in message.removeprefix(f"BELIMO_{name.upper()} is {value!r}")
    assert message.endswith(".")


@pytest.mark.parametrize(
    "url", ["https://anna:pa55@id.example.org/token", "http://anna:pa55@id.example.org", "anna:pa55@id"]
)
def test_a_password_in_an_address(monkeypatch, credentials, url):
    """A password in an address is refused without being shown."""
    monkeypatch.setenv("BELIMO_TOKEN_URL", url)
    with pytest.raises(SettingsError, match="BELIMO_TOKEN_URL contains a user name or password") as caught:
        settings.load()
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org/api/", "https://example.org/api"),
        ("HTTPS://Example.org/api", "https://Example.org/api"),
        ("http://localhost:8080/api", "http://localhost:8080/api"),
        ("HTTP://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/api", "http://[::1]:8080/api"),
        ("https://bücher.example/api", "https://bücher.example/api"),
    ],
)
def test_addresses(credentials, given, kept):
    """Addresses are kept as given, without a slash at the end; this machine may be asked without https."""
    assert settings.load(api_url=given).api_url == kept


def test_the_token_address_keeps_its_slash(credentials):
    """The token endpoint is asked exactly as it is written."""
    assert settings.load(token_url="https://example.org/token/").token_url == "https://example.org/token/"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2018-12-01T00:00:00Z", "2018-12-01T00:00Z"),
        ("2018-12-01", "2018-11-30T23:00Z"),
        ("2018-07-01 12:00", "2018-07-01T10:00Z"),
    ],
)
def test_now(credentials, text, utc):
    """BELIMO_NOW is local time of the site unless it says otherwise; it is kept in UTC."""
    found = settings.load(now=text)
    assert found.now == pd.Timestamp(utc)
    assert str(found.now.tz) == "UTC"


def test_unknown_settings(credentials):
    """A misspelled argument is refused with the names there are."""
    with pytest.raises(SettingsError, match="no setting 'user'") as caught:
        settings.load(user="anna")
    assert "username" in str(caught.value)


def test_no_such_file(credentials, tmp_path):
    """A settings file that is not there is not passed over."""
    with pytest.raises(SettingsError, match="no settings file"):
        settings.load(tmp_path / "missing.env")


def test_a_file_that_is_no_text(tmp_path):
    """A settings file in another encoding is refused with advice."""
    path = tmp_path / "latin.env"
    path.write_bytes("BELIMO_PASSWORD=pä".encode("latin-1"))
    with pytest.raises(SettingsError, match="UTF-8"):
        settings.load(path)


def test_secrets_are_not_shown(credentials):
    """Neither the representation nor the table of settings shows a secret; the table says where each came from."""
    found = settings.load(password="from-the-argument")
    table = found.table()
    shown = repr(found) + table.to_string() + table.to_html() + bn.show_settings().to_string() + str(found)
    for secret in (CREDENTIALS["BELIMO_CLIENT_SECRET"], CREDENTIALS["BELIMO_PASSWORD"], "from-the-argument"):
        assert secret not in shown
    assert table.loc["BELIMO_PASSWORD"].tolist() == ["********", "argument"]
    assert table.loc["BELIMO_CLIENT_SECRET"].tolist() == ["********", "environment"]
    assert table.loc["BELIMO_USERNAME"].tolist() == ["anna@example.org", "environment"]
    assert table.loc["BELIMO_WEATHER"].tolist() == ["(not set)", "default"]
    assert table.index.name == "setting"


def test_environment_for_a_child(monkeypatch, credentials):
    """A child process that is given the environment has the same settings, and chooses nothing anew."""
    found = settings.load(timezone="Europe/Paris", now="2018-12-01", rate=0.5, weather="open-meteo")
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    for name, value in found.environment().items():
        monkeypatch.setenv(name, value)
    write_env(Path(".env"), demo="1", rate="7")
    assert settings.load() == found


def test_settings_do_not_change(credentials):
    """Settings are fixed once they are checked."""
    with pytest.raises(AttributeError):
        settings.load().rate = 9
