"""Zones in which calendars are tested: with and without clock changes, of an hour and of half an hour."""

ZONES = (
    "Europe/Zurich",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "UTC",
)
