"""`.env` files as people write them: what can only be meant one way is read, the rest is told by its line."""

import re
from pathlib import Path

import pytest
from fuzzing import bytes_like, inputs
from hypothesis import given
from test_bad_input import check_sentence

from belimo_nb import demo, settings
from belimo_nb.errors import SettingsError

ID, SECRET, USER, PASSWORD = "Qx7f" * 8, "b9Kz" * 16, "rosa@strasse.example", "hunter-2-Zug"
LINES = {
    "client_id": f"BELIMO_CLIENT_ID={ID}",
    "client_secret": f"BELIMO_CLIENT_SECRET={SECRET}",
    "username": f"BELIMO_USERNAME={USER}",
    "password": f"BELIMO_PASSWORD={PASSWORD}",
}


@pytest.fixture(autouse=True)
def no_demo(monkeypatch):
    """Whoever is brought to the demo cloud here has been deceived."""
    monkeypatch.setattr(demo, "environment", lambda: pytest.fail("demo data in silence"))


def write(*lines, path=".env", **replaced):
    """A file of an account, of which some lines are written otherwise, below a comment and a blank line."""
    text = "\n".join(["# our account", "", *(lines or (LINES | replaced).values()), ""])
    Path(path).write_bytes(text.encode())
    Path(path).chmod(0o600)


def refused(*words, line=None, **options):
    """Check that the settings are refused in a sentence that names file, line and these words, and no value."""
    with pytest.raises(SettingsError) as caught:
        settings.load(**options)
    message = str(caught.value)
    check_sentence(message, [*words, *([f"line {line}"] if line else [])])
    for value in (ID, SECRET, PASSWORD, "hunter", "Zug", "b9K", "Qx7"):
        assert value not in message.replace(str(Path.cwd()), "")
    return message


@pytest.mark.parametrize(
    ("replaced", "line", "words"),
    [
        ({"client_id": f"BELIMO_CLIENT_ID: {ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f"BELIMO_CLIENT_ID:{ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f'"BELIMO_CLIENT_ID": "{ID}",'}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f"BELIMO_CLIENT_ID {ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f"BELIMO CLIENT ID={ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f"- BELIMO_CLIENT_ID={ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": f"BELIMO_CLIENT_ID := {ID}"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"client_id": "BELIMO_CLIENT_ID"}, 3, "write BELIMO_CLIENT_ID=value"),
        ({"password": f"BELIMO_PASSWORD.{PASSWORD}=="}, 6, "write BELIMO_PASSWORD=value"),
        ({"password": f"BELIMO_PASSWORD_{PASSWORD[:6]}=="}, 6, "write BELIMO_PASSWORD=value"),
        ({"client_secret": f'$env:BELIMO_CLIENT_SECRET = "{SECRET}"'}, 4, "write BELIMO_CLIENT_SECRET=value"),
        ({"client_secret": f"set BELIMO_CLIENT_SECRET={SECRET}"}, 4, "write BELIMO_CLIENT_SECRET=value"),
        ({"client_secret": f"setx BELIMO_CLIENT_SECRET {SECRET}"}, 4, "write BELIMO_CLIENT_SECRET=value"),
        ({"client_secret": f"BELIMO-CLIENT-SECRET={SECRET}"}, 4, "write BELIMO_CLIENT_SECRET"),
        (
            {"username": f"belimo_username={USER}"},
            5,
            "sets belimo_username, which is no setting; write BELIMO_USERNAME",
        ),
        ({"username": f"Belimo_User={USER}"}, 5, "write BELIMO_USERNAME"),
        ({"username": f"BELIMO_USER_NAME={USER}"}, 5, "write BELIMO_USERNAME"),
        ({"password": f"BELIMO_PASWORD={PASSWORD}"}, 6, "write BELIMO_PASSWORD"),
        ({"password": f"BELMIO_PASSWORD={PASSWORD}"}, 6, "sets BELMIO_PASSWORD, which is no setting"),
        ({"client_id": f"Bellimo_Client_Id={ID}"}, 3, "write BELIMO_CLIENT_ID"),
        ({"password": f"BELMIO_PASSWORD_{PASSWORD[:6]}=="}, 6, "is no setting as it is written"),
        ({"password": f"BELIMO_PWD={PASSWORD}"}, 6, "write BELIMO_PASSWORD"),
        ({"password": f"{LINES['password']}\nBELIMO_COLOUR=red"}, 7, "BELIMO_COLOUR, which is no setting"),
        ({"password": f"{LINES['password']}\nBELIMO_FRESH_SINCE=2018"}, 7, "BELIMO_FRESH_SINCE, which is no setting"),
        ({"password": "BELIMO_PASSWORD='hunter's 2 Zug'"}, 6, "of BELIMO_PASSWORD"),
        ({"password": 'BELIMO_PASSWORD="hunter"2Zug"'}, 6, "of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD='hunter Zug"}, 6, "of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD=“hunter Zug”"}, 6, "of BELIMO_PASSWORD"),
        ({"password": r'BELIMO_PASSWORD="hunter\nZug"'}, 6, "backslash in the value of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD=hunter 2 #Zug"}, 6, "a # after a blank in the value of BELIMO_PASSWORD"),
        ({"client_secret": f"export BELIMO_CLIENT_SECRET={SECRET}\t# new"}, 4, "of BELIMO_CLIENT_SECRET"),
        ({"password": "BELIMO_PASSWORD='hunter'#Zug"}, 6, "do not enclose the whole value of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD='hunter' #Zug'"}, 6, "do not enclose the whole value of BELIMO_PASSWORD"),
        ({"password": 'BELIMO_PASSWORD=hunter-2-Zug"'}, 6, "do not enclose the whole value of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD=hunter-2-Zug' "}, 6, "do not enclose the whole value of BELIMO_PASSWORD"),
        ({"password": "BELIMO_PASSWORD='hunter-2-Zug '"}, 6, "blanks within the quotes at the start or end"),
        ({"password": 'BELIMO_PASSWORD=" hunter-2-Zug"'}, 6, "blanks within the quotes at the start or end"),
        ({"password": r"BELIMO_PASSWORD='hunter\'"}, 6, "backslash before the closing quotation mark"),
        ({"password": "BELIMO_PASSWORD=${HUNTER}"}, 6, "has a variable in the value of BELIMO_PASSWORD"),
        (
            {"password": f"{LINES['password']}\nBELIMO_DATA_DIR=$HOME/b"},
            7,
            "a variable in the value of BELIMO_DATA_DIR",
        ),
        ({"password": f"{LINES['password']}\nBELIMO_DATA_DIR=%USERPROFILE%\\b"}, 7, "in the value of BELIMO_DATA_DIR"),
        ({"client_id": f"BELIMO_CLIENT_ID='{ID}", "username": "BELIMO_USERNAME='x"}, 3, "of BELIMO_CLIENT_ID"),
        ({"client_id": f"OTHER='a\n{LINES['client_id']}", "username": "BELIMO_USERNAME='x'"}, 3, "not closed"),
        ({"password": "BELIMO_PASSWORD="}, 6, "is not set"),
        ({"password": "BELIMO_PASSWORD=your-password"}, 6, "what examples write"),
        ({"client_id": "BELIMO_CLIENT_ID=<client id>"}, 3, "what examples write"),
        ({"client_secret": "BELIMO_CLIENT_SECRET=********"}, 4, "what examples write"),
        ({"username": "BELIMO_USERNAME=you@example.com"}, 5, "what examples write"),
    ],
)
def test_lines(replaced, line, words):
    """A line that is not as it should be: the file, the line, what to write, and not what it holds."""
    write(**replaced)
    refused(str(Path(".env").resolve()), words, line=line)
    refused("'.env'", words, line=line, env_file=".env")


@inputs(400)
@given(content=bytes_like("\n".join(LINES.values()).encode()))
def test_no_secret_is_shown(isolated, content):
    """However a file is spoiled, what is said of it holds no part of a secret."""
    file = isolated / "some.env"
    file.write_bytes(content)
    try:
        settings.load(file, demo=False)
    except SettingsError as error:
        told = str(error).replace(str(file), "")
        assert not [part for part in (SECRET[:8], PASSWORD[:6], PASSWORD[-6:]) if part in told]


@pytest.mark.parametrize(
    ("replaced", "name", "value"),
    [
        ({"client_id": f"export BELIMO_CLIENT_ID={ID}"}, "client_id", ID),
        ({"password": 'BELIMO_PASSWORD=it\'s "2" Zug'}, "password", 'it\'s "2" Zug'),
        ({"password": r"BELIMO_PASSWORD='it\'s 2'"}, "password", "it's 2"),
        ({"password": 'BELIMO_PASSWORD="it\'s # 2"'}, "password", "it's # 2"),
        ({"password": "BELIMO_PASSWORD='hunter' # of 2018"}, "password", "hunter"),
        ({"password": "BELIMO_PASSWORD=#hunter#2"}, "password", "#hunter#2"),
        ({"password": "BELIMO_PASSWORD=$hunter${A}"}, "password", "$hunter${A}"),
        ({"password": "BELIMO_PASSWORD='${A}'"}, "password", "${A}"),
        ({"password": "BELIMO_PASSWORD=a\\"}, "password", "a\\"),
        ({"password": 'BELIMO_PASSWORD=a\\nb\\\\c"d"'}, "password", 'a\\nb\\\\c"d"'),
        ({"client_id": f"BELIMO_CLIENT_ID={ID}  # mine"}, "client_id", ID),
        ({"username": f"# belimo_username: old\nDB: x\nabout=belimo {USER}\n{LINES['username']}"}, "username", USER),
    ],
)
def test_lines_that_are_read(replaced, name, value):
    """What can only be meant one way is read so, and other programs' lines are none of our business."""
    write(**replaced)
    assert getattr(settings.load(), name) == value


@pytest.mark.parametrize(
    ("encoding", "line", "words"), [("utf-16", 1, "UTF-16"), ("utf-16-le", 1, "UTF-16"), ("latin-1", 6, "UTF-8")]
)
def test_encodings(encoding, line, words):
    """PowerShell's UTF-16 and an old editor's Latin-1 are told."""
    text = "\r\n".join(["# our account", "", *LINES.values()]).replace("Zug", "Züg")
    Path(".env").write_bytes(text.encode(encoding))
    refused(words, "save the file as UTF-8", line=line)


def test_a_byte_order_mark():
    """That of UTF-8 is read over."""
    Path(".env").write_text("\n".join(LINES.values()), encoding="utf-8-sig")
    assert settings.load().client_id == ID


@pytest.mark.parametrize("name", [".env.txt", "env", ".env.example", "belimo.env", "dot.ENV", ".env.local"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_files_of_other_names(tmp_path, monkeypatch, name, encoding):
    """A filled file that is not read is told, here or above, also beside a blank .env; a blank one is not."""
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    (tmp_path / name).write_bytes("\n".join(["# our account", *LINES.values()]).encode(encoding))
    refused(repr(str(tmp_path / name)), "sets BELIMO_CLIENT_ID", "only a file named .env is read", line=2)
    Path(".env").write_text(re.sub("=.*", "=", "\n".join(LINES.values()), flags=re.MULTILINE))
    refused(repr(str(tmp_path / name)), "only a file named .env is read", line=2)
    with pytest.raises(SettingsError):
        settings.missing_credentials()
    write()
    assert settings.load().client_id == ID


def test_a_nearer_file(tmp_path, monkeypatch):
    """An .env without an account hides the one above that has it."""
    write(path=tmp_path / ".env")
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    Path(".env").write_text("BELIMO_TIMEZONE=Europe/Berlin\n")
    refused(repr(str(Path(".env").resolve())), "is nearer", line=3)


def test_names_without_the_prefix():
    """Three of the four names without it are an account; a PASSWORD alone is another program's."""
    write(*(line.removeprefix("BELIMO_") for line in LINES.values()))
    refused("sets CLIENT_ID, which is not read; write BELIMO_CLIENT_ID", line=3)


def test_the_demo_cloud_where_it_is_meant(monkeypatch):
    """Blank lines, placeholders of an example in another file, and other programs' passwords deceive nobody."""
    monkeypatch.setattr(demo, "environment", lambda: {f"BELIMO_{name.upper()}": "demo" for name in LINES})
    Path(".env").write_text("PASSWORD=x\nBELIMO_CLIENT_ID=\n")
    Path(".env.example").write_text("BELIMO_CLIENT_ID=your-client-id\nBELIMO_PASSWORD=\nBELIMO_USERNAME= # yours\n")
    assert settings.load().client_id == "demo"
    write(path="env")
    monkeypatch.setenv("BELIMO_DEMO", "1")
    assert settings.load().client_id == "demo"


@pytest.mark.parametrize("name", ["BELIMO_PASWORD", "belimo_password", "BELIMO_CLIENTID", "BELMIO_PASSWORD"])
def test_the_environment(monkeypatch, name):
    """A misspelt name is told; an unknown one may be another program's."""
    write()
    monkeypatch.setenv("BELIMO_BUILDING", "4")
    assert settings.load().client_id == ID
    monkeypatch.setenv(name, PASSWORD)
    refused(f"The environment sets {name}, which is no setting; write BELIMO_")


@pytest.mark.parametrize("name", ["BELIMO_USER", "BELIMO_PWD", "belimo_secret"])
def test_the_environment_without_an_account(monkeypatch, name):
    """Where nothing else is set, a name that is only somewhat like one is enough to ask."""
    monkeypatch.setenv(name, PASSWORD)
    refused(f"The environment sets {name}, which is no setting; write BELIMO_")
    write()
    assert settings.load().client_id == ID


def test_inner_settings_are_not_shown():
    """What runs of reports tell the processes that they start is in no table and no list of settings."""
    write()
    assert not [name for name in settings.load().table().index if "FRESH" in name]
    with pytest.raises(SettingsError) as caught:
        settings.load(user="x")
    assert "fresh" not in str(caught.value)
