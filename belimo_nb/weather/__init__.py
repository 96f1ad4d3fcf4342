"""Hourly outdoor temperature from a CSV file or from an archive in Open-Meteo's format."""

from belimo_nb.weather.archive import OPEN_METEO, Place, place_of, read_archive
from belimo_nb.weather.csv_file import read_csv
from belimo_nb.weather.source import outdoor_temperature, temperature_or_reason

__all__ = [
    "OPEN_METEO",
    "Place",
    "outdoor_temperature",
    "place_of",
    "read_archive",
    "read_csv",
    "temperature_or_reason",
]
