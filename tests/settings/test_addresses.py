"""Addresses: which are this machine's. What settings refuse is in test_settings.py."""

import pytest

from belimo_nb.settings.addresses import is_loopback


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://127.1.2.3/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:8000", True),
        ("https://cloud.belimo.com", False),
        ("http://127.0.0.1.example.org", False),
        ("http://127.evil.example", False),
        ("http://localhost.example.org", False),
        ("http://localhost@example.org", False),
        ("http://0.0.0.0", False),
        ("http://192.168.0.1", False),
        ("nonsense", False),
    ],
)
def test_loopback(url, here):
    """This machine is known by its addresses, not by names that look like them."""
    assert is_loopback(url) is here
