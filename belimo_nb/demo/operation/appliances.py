"""Actuators and gateways: the devices without energy datapoints, and what they publish."""

from typing import Any

import numpy as np

from belimo_nb.demo.fleet.building import Kind
from belimo_nb.demo.operation.meter import Select
from belimo_nb.demo.operation.reporting import Availability
from belimo_nb.demo.world.noise import FloatArray, normal, uniform
from belimo_nb.demo.world.physics import IntArray, drift
from belimo_nb.demo.world.schedule import SAMPLES, over_horizon, weekly

_FAN = weekly(
    {
        "weekday": [(5.8, 0), (6, 1), (19, 1), (19.2, 0)],
        "saturday": [(7.8, 0), (8, 1), (13, 1), (13.2, 0)],
        "sunday": [(0, 0), (12, 0)],
    }
)
_ROOM = weekly({"weekday": [(0, 0.15), (6, 0.2), (8.5, 0.7), (12, 0.55), (15, 0.8), (18, 0.35), (20, 0.15)],
                "saturday": [(0, 0.15), (12, 0.25)]})  # fmt: skip


Columns = dict[str, tuple[IntArray, int]]
"""Record of an actuator or gateway: datapoint id -> (whole numbers of shape (SAMPLES,), divisor)."""


def _damper_position(name: str, seed: int) -> FloatArray:
    key = ("appliance", name, seed)
    if name.startswith("VAV"):
        return np.clip(over_horizon(_ROOM) + 0.06 * drift(6, 0.8, *key, "flow"), 0.1, 1.0)
    if name.startswith("Klappe"):
        return over_horizon(_FAN)
    if name.startswith("Drossel"):
        return np.clip(0.5 + 0.3 * drift(36, 0.9, *key, "storage"), 0.0, 1.0)
    return np.zeros(SAMPLES)  # a smoke damper stays shut


def simulate_appliance(kind: Kind, name: str, seed: int) -> Columns:
    """The record of an actuator or a gateway over the horizon."""
    key = ("appliance", name, seed)
    if kind is Kind.GATEWAY:
        board = 31.0 + 3.0 * drift(12, 0.95, *key, "board") + 273.15
        supply = 24.1 + 0.08 * normal(SAMPLES, *key, "supply")
        devices = np.full(SAMPLES, round(uniform(6, 15, *key, "bus")), dtype=np.uint16)
        return {
            "mpgw.10": (devices, 1),
            "mpgw.20": (np.rint(board * 10).astype(np.uint16), 10),
            "mpgw.40": (np.rint(supply * 100).astype(np.uint16), 100),
        }
    stem = _damper_position(name, seed)
    asked = np.rint(stem * 100).astype(np.uint16)
    # Closed and open are mechanical stops: only in between does the position jitter.
    between_stops = (stem > 0) & (stem < 1)
    reached = np.clip(stem + 0.002 * between_stops * normal(SAMPLES, *key, "stem"), 0.0, 1.0)
    permille = np.rint(reached * 1000).astype(np.int32)
    strokes = np.cumsum(np.abs(np.diff(permille, prepend=permille[:1])), dtype=np.int32)
    return {"mpact.10": (asked, 1), "mpact.20": (permille, 10), "mpact.50": (strokes, 2000)}


class ApplianceMeter:
    """Numbers that an actuator or gateway publishes at every native step."""

    def __init__(self, columns: Columns, kind: Kind, availability: Availability, energized: int) -> None:
        self._columns, self._times, self._energized = columns, availability, energized
        self._hours = "mpgw.30" if kind is Kind.GATEWAY else "mpact.40"
        self.datapoints = frozenset({*columns, self._hours})

    def read(self, datapoint_id: str, at: Select) -> Any:
        """One sample, or for a slice all samples of the horizon."""
        if datapoint_id == self._hours:
            return self._times.hours_since(self._energized, at)
        column, divisor = self._columns[datapoint_id]
        return np.round(column[at] / divisor, 2)
