"""`.env` files as people write them: a line of ours that is no setting is told by its number, never by its value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from belimo_nb.errors import SettingsError
from belimo_nb.settings.parse import PREFIX
from belimo_nb.system.files import read_bytes

ASSIGNED = re.compile(r"\s*(?:export\s+)?(BELIMO_[A-Z0-9_]+)\s*=\s*(.*)", re.DOTALL)
OURS = re.compile(r"\bbelimo[_ -][a-z]", re.IGNORECASE)
SHOWABLE = re.compile(r"[A-Za-z][A-Za-z_-]*")  # what stands before a "=" and holds no value
TYPOGRAPHIC = re.compile("[“”„«»‘’‚].*[“”„«»‘’‚]", re.DOTALL)
QUOTED = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")(.*)""", re.DOTALL)
SECRETS = (f"{PREFIX}PASSWORD", f"{PREFIX}CLIENT_SECRET")  # whatever is typed there may be meant as it is
VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}|\$[A-Za-z_]|%[A-Za-z_]\w*%")
PLACEHOLDER = re.compile(
    "(your|my|deine?|ihre?|insert|enter|put|type)+(belimo)?(client|account|user|login)?"
    "(id|secret|name|username|email|password|passwort|kennwort)(here|hier)?|changeme|replaceme|todo|tbd|placeholder"
)
PLACEHOLDER_USERS = ("you@", "your.name@", "yourname@", "name@", "user@example", "user@domain", "email@")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how such files begin
LARGEST = 100_000  # bytes of a file that may be meant for an .env


class Entry(NamedTuple):
    """The value of a setting in a file, and its line, counted from 1."""

    value: str
    line: int


def read(path: str, known: Collection[str]) -> dict[str, Entry]:
    """Read what a file sets of ours, by whole name; other programs' lines are passed over.

    Args:
        path: The file.
        known: The names there are.

    Raises:
        SettingsError: It cannot be read, or a line of ours is no setting.
    """
    from dotenv.parser import parse_stream

    found = {}
    # No interpolation: a password may contain ${...}.
    for binding in parse_stream(StringIO(_text(path))):
        whole = binding.original.string
        text, before = whole.strip(), whole[: len(whole) - len(whole.lstrip())]
        line = binding.original.line + len(re.findall("\r\n|\n|\r", before))
        key = binding.key or ""
        runs_on = "\n" in text or "\r" in text
        ours = OURS.search(text if binding.error or runs_on else key) or misspells_prefix(key)
        if ours and not text.startswith("#"):
            found[key] = Entry(_checked(f"{path!r}, line {line},", text, key, binding.value, known), line)
    return found


def _checked(place: str, text: str, key: str, value: str | None, known: Collection[str]) -> str:
    """The value of one statement of ours."""
    assigned = ASSIGNED.fullmatch(text)
    given = assigned[2] if assigned else ""
    quoted = QUOTED.fullmatch(given)
    if assigned and (
        TYPOGRAPHIC.fullmatch(given)
        or (given[:1] in ("'", '"') and value is None)
        or (key in SECRETS and _half_quoted(given, quoted))
    ):
        if re.fullmatch(r"(['\"])[^'\"]*\\\1", given):  # the backslash makes the mark a letter
            raise SettingsError(
                f"{place} has a backslash before the closing quotation mark of {assigned[1]}; write the value without "
                "quotation marks."
            )
        raise SettingsError(
            f"{place} has quotation marks that do not enclose the whole value of {assigned[1]}; enclose it in ' ' or "
            '" ", whichever it does not contain.'
        )
    if "\n" in text or "\r" in text:
        raise SettingsError(f"{place} has a quotation mark that is not closed on this line; close it, or delete it.")
    spelt = PREFIX + key.upper().partition("_")[2] if misspells_prefix(key) else key.upper()
    longer = any(spelt.startswith(name) and spelt != name for name in known)
    if value is None or longer or not SHOWABLE.fullmatch(key):
        # Nothing of the line is shown: who knows where its value begins.
        squeezed = re.sub("[^A-Z0-9]+", "_", text.upper())
        name = max((name for name in known if name in squeezed), key=len, default=f"{PREFIX}NAME")
        raise SettingsError(f"{place} is no setting as it is written; write {name}=value, and nothing before it.")
    if key not in known:
        meant = near(key, known, 0.5)
        advice = f"write {meant}" if meant else "delete it, or put a # before it"
        raise SettingsError(f"{place} sets {key[:60]}, which is no setting; {advice}.")
    if re.search(r"[\x01-\x1f\x7f]", value):
        raise SettingsError(
            f"{place} has a backslash in the value of {key} that means another character; enclose the value in ' '."
        )
    if key in SECRETS and value and not quoted and value != given:
        raise SettingsError(
            f"{place} has a # after a blank in the value of {key}, where a comment would begin; enclose the value in "
            "' ', or delete the comment."
        )
    if key in SECRETS and value != value.strip():
        raise SettingsError(
            f"{place} has blanks within the quotes at the start or end of {key}, which are never sent; delete them, or "
            "choose another."
        )
    # Nothing is put in: a password may contain ${...}, and in ' ' it is meant as it is written.
    if given[:1] != "'" and (VARIABLE.fullmatch(value) if key in SECRETS else VARIABLE.search(value)):
        raise SettingsError(
            f"{place} has a variable in the value of {key}, and none is put in; write what it stands for, or enclose "
            "the value in ' ' if it is meant as it is."
        )
    return value


def _half_quoted(given: str, quoted: re.Match[str] | None) -> bool:
    """Whether a quotation mark stands on one side only, or more than a comment follows the closing one."""
    if quoted:
        return bool(quoted[2].strip()) and (not quoted[2][0].isspace() or quoted[1][0] in quoted[2])
    return given[-1:] in ("'", '"') and given.count(given[-1]) == 1


def misspells_prefix(name: str) -> bool:
    """Whether a name begins nearly as ours do: BELMIO_USERNAME."""
    first = name.upper().partition("_")[0] + "_"
    return first != PREFIX and difflib.SequenceMatcher(None, first, PREFIX).ratio() >= 0.8


def near(name: str, known: Collection[str], cutoff: float) -> str | None:
    """The known name that one was probably meant for."""
    rests = [each.removeprefix(PREFIX) for each in known]
    wanted = re.sub("[- ]", "_", name.upper())
    wanted = wanted.partition("_")[2] if misspells_prefix(wanted) else wanted.removeprefix(PREFIX)
    found = difflib.get_close_matches(wanted, rests, n=1, cutoff=cutoff)
    return PREFIX + found[0] if found else None


def is_placeholder(name: str, value: str) -> bool:
    """Whether a credential is what examples write in its place, or what our tables show; `name` in lower case."""
    letters = re.sub("[^a-z]", "", value.lower())
    stands_in = letters == name.replace("_", "") or PLACEHOLDER.fullmatch(letters)
    dots = re.fullmatch(r"x{4,}|X{4,}|\*{4,}|\.{3,}|…|<[^<>]+>", value) and (name != "password" or value[0] != "<")
    return bool(stands_in or dots or (name == "username" and value.lower().startswith(PLACEHOLDER_USERS)))


def misplaced(read_already: str, credentials: Collection[str]) -> str | None:
    """The sentence on credentials that are not read, here or above; None if there are none.

    That is: in a file of another name or behind a nearer one, or in the file that was read without our prefix.

    Args:
        read_already: Path of the file that was read, or "".
        credentials: Whole names.
    """
    if read_already:
        bare = _filled(Path(read_already), [name.removeprefix(PREFIX) for name in credentials])
        if len(bare) > len(credentials) / 2:
            name, line = bare[0]
            return (
                f"{read_already!r}, line {line}, sets {name}, which is not read; write {PREFIX}{name}, or set "
                "BELIMO_DEMO=1 for the demo building."
            )
    for path in _candidates():
        if str(path) == read_already:
            continue
        for name, line in _filled(path, credentials)[:1]:
            place = f"{str(path)!r}, line {line}, sets {name},"
            if path.name == ".env":
                return f"{place} but {read_already!r} is nearer; put it there, or set BELIMO_DEMO=1 for the demo."
            return (
                f"{place} but only a file named .env is read; rename this one to .env, or set BELIMO_DEMO=1 for the "
                "demo building."
            )
    return None


def _filled(path: Path, names: Collection[str]) -> list[tuple[str, int]]:
    """Which of some names a file of any encoding gives a value, in whatever way, and on which line."""
    given = re.compile(rf"^[^\w\n#]*(?:export|set|env:)?[ \t]*({'|'.join(names)})['\"]?[ \t]*[:=](.*)$", re.MULTILINE)
    try:
        data = path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST else b""
    except OSError:
        return []
    text = data.decode("utf-16" if data[:2] in UTF_16 else "utf-8-sig", errors="replace")
    found = []
    for match in given.finditer("\n".join(text.splitlines())):
        name, value = match[1], match[2].strip(" \t'\"")
        if value and not value.startswith("#") and not is_placeholder(name.removeprefix(PREFIX).lower(), value):
            found.append((name, match.string.count("\n", 0, match.start(1)) + 1))
    return found


def _candidates() -> Iterator[Path]:
    """Files in the working folder and above whose names sound like settings."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        try:
            yield from sorted(p for p in folder.iterdir() if re.search("env|belimo|credential", p.name, re.IGNORECASE))
        except OSError:
            continue


def _text(path: str) -> str:
    try:
        data = read_bytes(Path(path))
    except OSError as error:
        raise SettingsError(f"The settings file {path!r} cannot be read ({error.strerror}); check the path.") from None
    if data[:2] in UTF_16 or data.count(b"\0") > len(data) / 4:
        raise SettingsError(f"{path!r}, line 1, is UTF-16, as PowerShell and editors write it; save the file as UTF-8.")
    try:
        # With or without a BOM, which Windows' editor writes.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path!r}, line {line}, has letters that are not UTF-8; save the file as UTF-8.") from None
