"""What stands between this machine and the cloud: proxies and certificates that a company's network asks for."""

from __future__ import annotations

import importlib.util
import os
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from belimo_nb.errors import SettingsError

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # in this order, as requests has it
SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def check_bundle(path: str) -> None:
    """Check that a file or folder of certificates that the environment names has some.

    Raises:
        SettingsError: It has none that OpenSSL can read.
    """
    setting = f"{next((name for name in BUNDLES if os.environ.get(name)), 'The certificates')} is {path!r}"
    if Path(path).is_dir():
        if not any(re.fullmatch(r"[0-9a-f]{8}\.\d+", file.name) for file in Path(path).iterdir()):
            raise SettingsError(
                f"{setting}, a folder without certificates under the names that OpenSSL looks for; name a file of "
                "certificates instead, or run openssl rehash on the folder."
            )
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
        found = context.cert_store_stats()["x509"]
    except ssl.SSLError:
        found = 0
    except OSError as error:
        raise SettingsError(
            f"{setting}, which cannot be read ({error.strerror}); correct the path, or unset it."
        ) from None
    if found:
        return
    try:
        context.load_verify_locations(cadata=Path(path).read_bytes())
    except (ssl.SSLError, ValueError):  # the latter: it is empty
        raise SettingsError(f"{setting}, which holds no certificates as text (PEM); name the file that does.") from None
    raise SettingsError(
        f"{setting}, which is binary (DER); write it as text with: openssl x509 -inform der -in FILE -out FILE.pem."
    )


def check_proxy(address: str) -> None:
    """Check the address of a proxy, which may have a password in it.

    Raises:
        SettingsError: It is none, or one of SOCKS without the package that this takes.
    """
    shown = f"{address!r}" if "@" not in address else "not shown, for it may hold a password"
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, _ = parts.hostname or "", parts.port  # an impossible port raises here
    except ValueError:
        host, parts = "", urlsplit("")
    if not re.fullmatch(r"[\w.:-]+", host) or parts.scheme not in SCHEMES:
        raise SettingsError(
            f"{proxy_setting()} holds no address of a proxy ({shown}); write it as http://host:port, or unset it."
        )
    if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        raise SettingsError(
            f"{proxy_setting()} names a SOCKS proxy, for which Python needs a package: pip install pysocks, or name an "
            "http proxy."
        )


def proxy_setting() -> str:
    """What the proxy in use was set by."""
    return next((name for name in PROXIES if os.environ.get(name)), "this system's network settings")
