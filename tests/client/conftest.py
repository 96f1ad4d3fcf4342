"""What tests of the client share."""

import pytest

from belimo_nb.client import retries


@pytest.fixture
def waits(monkeypatch):
    """The waits between tries, which take no time here."""
    waited = []
    monkeypatch.setattr(retries, "pause", waited.append)
    return waited
