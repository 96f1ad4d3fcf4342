"""Settings from arguments, the environment and `.env`, each with where it came from."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from belimo_nb.errors import SURROGATES, SettingsError
from belimo_nb.settings import addresses, parse
from belimo_nb.settings import env_file as env_files
from belimo_nb.settings.origins import SET_BY_USER, check_origins
from belimo_nb.settings.parse import PREFIX
from belimo_nb.settings.secret import MASK, Secret

if TYPE_CHECKING:
    import pandas as pd

    from belimo_nb.hydronics.worth import Prices

__all__ = ["CREDENTIALS", "Settings", "load", "missing_credentials"]

CREDENTIALS = ("client_id", "client_secret", "username", "password")
SECRETS = ("client_secret", "password")
_NO_ACCOUNT = dict.fromkeys(CREDENTIALS, "")  # imported files have none, and are the same for everyone
INNER = ("fresh_since",)  # set by runs of reports for what they start; nobody else needs to know of them
CONNECTION = (*CREDENTIALS, "api_url", "token_url", "audience", "scope", "source")
DEFAULTS: Mapping[str, str] = {
    "api_url": "https://cloud.belimo.com/api/v3",
    "token_url": "https://id.belimo.com/oauth/token",
    "audience": "https://api.cloud.belimo.com/",
    "scope": "public.read offline_access read:dataprofile",
    "timezone": "Europe/Zurich",
    "rate": "2",
    "currency": "CHF",
}


@dataclass(frozen=True)
class Settings:
    """All settings, checked.

    Attributes:
        client_id: OAuth2 client id (32 characters on the live cloud).
        client_secret: OAuth2 client secret; never shown.
        username: Account name, an e-mail address.
        password: Account password; never shown and never stored.
        api_url: Base address of the API, without a slash at the end.
        token_url: Address that issues tokens.
        audience: OAuth2 audience of the token.
        scope: OAuth2 scopes, separated by spaces.
        timezone: IANA name of the site's zone: where days and months begin.
        rate: Requests a second; 0 means no limit.
        data_dir: Folder for the store and the caches.
        weather: A CSV file, ``open-meteo``, or an address that speaks Open-Meteo's format; None if not set.
        now: What "last month" and "online" are relative to (aware, UTC); None for the clock.
        source: What outputs call the source of the data.
        source_files: Name of the imported files to use instead of a cloud; None for a cloud.
        offline: Answer from the store alone, without a request.
        fresh_since: What was fetched since then counts as current (aware, UTC); None: in the last minutes.
        price_heat: Price of 1 kWh of heat; None if it is not set.
        price_cold: Price of 1 kWh of cold.
        price_electricity: Price of 1 kWh of electricity, for pumps.
        currency: Of the prices.
        origins: For each setting, where its value came from.
    """

    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    api_url: str
    token_url: str
    audience: str
    scope: str
    timezone: str
    rate: float
    data_dir: Path
    weather: str | None
    now: pd.Timestamp | None
    source: str
    source_files: str | None
    offline: bool
    fresh_since: pd.Timestamp | None
    price_heat: float | None
    price_cold: float | None
    price_electricity: float | None
    currency: str
    origins: Mapping[str, str] = field(repr=False, compare=False)

    @property
    def prices(self) -> Prices:
        """What energy costs."""
        from belimo_nb.hydronics.worth import Prices

        return Prices(self.price_heat, self.price_cold, self.price_electricity, self.currency)

    def environment(self) -> dict[str, str]:
        """The settings as ``BELIMO_*`` variables for a child process, secrets included: never print it."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "origins"}
        for name in ("now", "fresh_since"):
            moment = getattr(self, name)
            values[name] = moment.isoformat() if moment is not None else None
        found = {
            PREFIX + name.upper(): _hide_secret(name, str(value)) for name, value in values.items() if value is not None
        }
        # The demo cloud, if it was chosen, is among the addresses by now: the child must not start another.
        return found | {PREFIX + "DEMO": "0"}

    def table(self) -> pd.DataFrame:
        """Tabulate values and where they came from: index ``setting``, columns value and from; secrets masked."""
        import pandas as pd

        rows = {}
        for item in fields(self):
            if item.name in ("origins", *INNER):
                continue
            value = getattr(self, item.name)
            shown = "(not set)" if value is None else str(value)
            rows[PREFIX + item.name.upper()] = {
                "value": MASK if item.name in SECRETS else shown,
                "from": self.origins.get(item.name, "default"),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("setting")


def load(
    env_file: str | os.PathLike[str] | None = None, *, demo: bool | None = None, trust: bool = False, **overrides: Any
) -> Settings:
    """Read the settings: arguments win over the environment, the environment over `.env`, `.env` over defaults.

    A blank value counts as not set. With no credential set at all, the demo cloud is started and used.

    Args:
        env_file: A file of ``NAME=value`` lines; by default the nearest `.env`, from the working folder upward.
        demo: True for the demo cloud whatever else is set; False to never use it; None to decide by the settings.
        trust: Confirm, for good, that these credentials may go to these addresses; see `origins.check_origins`.
        **overrides: Settings by their lower-case name (``client_id=...``, ``timezone=...``).

    Raises:
        SettingsError: A file is missing, a name unknown, a value senseless, only some credentials are set, or they
            would go to addresses from elsewhere.
    """
    # A secret as soon as it is read, so that no trace of a failure further down shows it.
    known = {f.name for f in fields(Settings)} - {"origins"}
    overrides = {name: value if value is None else _hide_secret(name, str(value)) for name, value in overrides.items()}
    unknown = sorted(set(overrides) - known)
    if unknown:
        names = ", ".join(sorted(known.difference(INNER)))
        raise SettingsError(f"There is no setting {unknown[0]!r}; the settings are {names}.")
    values, origins = _merged(env_file, overrides)
    for name, value in values.items():
        if "\0" in value:  # which neither a path nor a request can hold; not shown, since it may be the password
            raise SettingsError(f"{PREFIX}{name.upper()} contains a zero byte; write its value anew.")
        if SURROGATES.search(value):  # bytes of another encoding, which no request can hold
            raise SettingsError(f"{PREFIX}{name.upper()} is no text in UTF-8; write its value anew.")
    wanted = demo if demo is not None else parse.flag("demo", values.get("demo", ""))
    if demo is None and any(origins.get(name) == "argument" for name in CREDENTIALS):
        wanted = False  # who hands over an account's credentials must not be shown the demo's numbers
    if values.get("source_files") and (not wanted or (demo is None and origins["source_files"] == "argument")):
        return _validated(values | {"source": values["source_files"], "offline": "1", **_NO_ACCOUNT}, origins)
    values.pop("source_files", None)
    missing = [name for name in CREDENTIALS if name not in values]
    if wanted or (wanted is None and len(missing) == len(CREDENTIALS)):
        if wanted is None:
            _check_misplaced(env_file)
        _use_demo(values, origins)
    elif missing:
        _check_misplaced(env_file)
        *others, last = [PREFIX + name.upper() for name in missing]
        names = f"{', '.join(others)} and {last}" if others else last
        if len(missing) == len(CREDENTIALS):
            raise SettingsError(f"{names} are not set; set them in .env or the environment, or allow the demo cloud.")
        places = [place for name in missing if (place := _place(name, _file(env_file)))]
        lack, them = (f"{names} are not set", "them") if others else (f"{names} is not set", "it")
        lack = f"{lack} ({places[0]}, is blank)" if places else lack
        raise SettingsError(
            f"{lack}; set {them} in .env or the environment, or unset all four credentials to use the demo cloud."
        )
    for name in CREDENTIALS:
        if origins[name] not in ("argument", "demo cloud") and env_files.is_placeholder(name, values[name]):
            raise SettingsError(
                f"{PREFIX}{name.upper()} (from {_place(name, origins[name])}) is what examples write there; write your "
                "own, or leave all four credentials blank for the demo building."
            )
    for name in SECRETS:
        check_origins(values, origins, name, named=env_file is not None, trust=trust)
    return _validated(values, origins)


def missing_credentials(env_file: str | os.PathLike[str] | None = None) -> list[str]:
    """The lower-case names of credentials that are not set; none where the demo cloud is asked for."""
    values, _ = _merged(env_file, {})
    chosen = parse.flag("demo", values.get("demo", "")) or "source_files" in values
    missing = [] if chosen else [name for name in CREDENTIALS if name not in values]
    if missing:
        _check_misplaced(env_file)
    return missing


def token_address(env_file: str | os.PathLike[str] | None = None) -> str:
    """The address that the environment, `.env` or the default has for tokens."""
    return _merged(env_file, {})[0]["token_url"]


def chosen_files(env_file: str | os.PathLike[str] | None = None) -> str | None:
    """The imported files that the environment or `.env` names, or None."""
    return parse.source_files(_merged(env_file, {})[0].get("source_files"))


def _merged(
    env_file: str | os.PathLike[str] | None, overrides: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Merge the sources, defaults included: values, and where each came from."""
    path = _file(env_file)
    in_file = {name: entry.value for name, entry in env_files.read(path, _names()).items()} if path else {}
    _check_environment(_names(), 0.75)  # an unknown name may be another program's, a misspelt one is ours
    values: dict[str, str] = dict(DEFAULTS)
    origins = dict.fromkeys(DEFAULTS, "default")
    for origin, found in (  # the weakest first
        (path, _belimo_variables(in_file)),
        ("environment", _belimo_variables(os.environ)),
        ("argument", {name: value for name, value in overrides.items() if value is not None}),
    ):
        for name, value in found.items():
            if value.strip():
                values[name] = _hide_secret(name, value.strip())
                origins[name] = origin
    return values, origins


def _check_environment(names: Collection[str], cutoff: float) -> None:
    """Refuse variables whose names are none, but so like one of `names`."""
    for name in os.environ:
        ours = name.upper().startswith(PREFIX) or env_files.misspells_prefix(name)
        if ours and name not in _names() and (meant := env_files.near(name, names, cutoff)):
            raise SettingsError(f"The environment sets {name}, which is no setting; write {meant}, or unset it.")


def _file(env_file: str | os.PathLike[str] | None) -> str:
    """The path of the settings file, or "" where there is none."""
    from dotenv import find_dotenv

    if env_file is not None and not Path(env_file).is_file():
        raise SettingsError(f"There is no settings file {os.fspath(env_file)!r}; check the path.")
    return os.fspath(env_file) if env_file is not None else find_dotenv(usecwd=True)


def _names() -> set[str]:
    """The names of variables that people set."""
    names = {f.name for f in fields(Settings)} - {"origins", *INNER}
    return {PREFIX + name.upper() for name in (*names, "demo", "debug")}


def _place(name: str, path: str) -> str:
    """Where a setting stands, with its line if that is in a file; "" if it stands nowhere."""
    if path in SET_BY_USER:
        return f"the {path}"
    found = env_files.read(path, _names()).get(PREFIX + name.upper()) if path else None
    return f"{path!r}, line {found.line}" if found else ""


def _check_misplaced(env_file: str | os.PathLike[str] | None) -> None:
    """Refuse to go on without an account where one seems to be in a file that is not read."""
    wanted = [PREFIX + name.upper() for name in CREDENTIALS]
    _check_environment(wanted, 0.5)
    told = None if env_file is not None else env_files.misplaced(_file(None), wanted)
    if told:
        raise SettingsError(told)


def _belimo_variables(mapping: Mapping[str, str]) -> dict[str, str]:
    found = {name[len(PREFIX) :].lower(): value for name, value in mapping.items() if name.startswith(PREFIX)}
    return {name: _hide_secret(name, value) for name, value in found.items()}


def _hide_secret(name: str, value: str) -> str:
    """The value, as a `Secret` where the setting is one."""
    return Secret(value) if name in SECRETS else value


def _use_demo(values: dict[str, str], origins: dict[str, str]) -> None:
    """Start the demo cloud and point the settings at it; others (zone, rate, weather ...) stay as set."""
    # Imported late: who has an account should not wait for the demo's server. Addresses and credentials go together, so
    # all of them are the demo's; what does not lead to a cloud stays as set.
    from belimo_nb import demo

    for name, value in _belimo_variables(demo.environment()).items():
        if name in CONNECTION or origins.get(name, "default") == "default":
            values[name] = value
            origins[name] = "demo cloud"


def _validated(values: dict[str, str], origins: dict[str, str]) -> Settings:
    api_url = addresses.check_address(values["api_url"], "BELIMO_API_URL").rstrip("/")
    return Settings(
        client_id=values["client_id"],
        client_secret=values["client_secret"],
        username=values["username"],
        password=values["password"],
        api_url=api_url,
        token_url=addresses.check_address(values["token_url"], "BELIMO_TOKEN_URL"),
        audience=values["audience"],
        scope=values["scope"],
        timezone=parse.zone(values["timezone"]),
        rate=parse.rate(values["rate"]),
        data_dir=parse.data_dir(values.get("data_dir")),
        weather=parse.weather(values.get("weather")),
        now=parse.moment("now", values.get("now"), values["timezone"]),
        source=values.get("source") or urlsplit(api_url).netloc,
        source_files=parse.source_files(values.get("source_files")),
        offline=bool(parse.flag("offline", values.get("offline", ""))),
        fresh_since=parse.moment("fresh_since", values.get("fresh_since"), values["timezone"]),
        price_heat=parse.price("price_heat", values.get("price_heat")),
        price_cold=parse.price("price_cold", values.get("price_cold")),
        price_electricity=parse.price("price_electricity", values.get("price_electricity")),
        currency=parse.currency(values["currency"]),
        origins=origins,
    )
