"""Checks of web addresses: https, except on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from belimo_nb.errors import SettingsError


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine."""
    # Not by looking the name up: what a name resolves to may change between this check and the request.
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(text: str, variable: str) -> str:
    """Check an address to which credentials are sent, and give it back; `variable` is its setting, for messages.

    Raises:
        SettingsError: It is no web address, plain http to another machine, or contains a password.
    """
    if "@" in text:
        # Not shown: what stands before it may be a password.
        raise SettingsError(
            f"{variable} contains a user name or password; put them in BELIMO_USERNAME and BELIMO_PASSWORD."
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port  # an impossible port raises here
        host.encode("idna")  # and a label that is empty or too long here
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or any(c.isspace() or c in "?#\\" for c in text):
        raise SettingsError(f"{variable} is {text!r}, which is no web address; write it as https://host/path.")
    if parts.scheme == "http" and not is_loopback(text):
        raise SettingsError(f"{variable} is {text!r}, but credentials only travel over https; write https://{host}.")
    return parts.geturl()
