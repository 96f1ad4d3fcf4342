"""Random streams that are the same bytes everywhere: any process, platform and numpy version.

Every stream is named (device, quantity, ...). The name, not a global state, decides its numbers, so the order in which
streams are drawn never matters. Raw PCG64 bits and integer sums are used instead of numpy's distributions, whose
algorithms may change between versions.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_LANES = 4  # 16-bit lanes of a random 64-bit number, summed for one normal number
_LOW_LANES = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0x00000000FFFFFFFF)
_NEGLIGIBLE = 0.01  # weight of the oldest shock in a wandering series
_LANE_MEAN = 65535 / 2
_LANE_SD = math.sqrt((65536.0**2 - 1) / 12)


def digest(*name: object) -> int:
    """64-bit number that depends on the parts of the name only (SHA-256 of their texts)."""
    text = "/".join(str(part) for part in name)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def fraction(*name: object) -> float:
    """Number in [0, 1) that depends on the name only."""
    return (digest(*name) >> 11) / 2.0**53


def between(low: float, high: float, *name: object) -> float:
    """Number in [low, high) that depends on the name only."""
    return low + (high - low) * fraction(*name)


def normal(n: int, *name: object) -> FloatArray:
    """Nearly normal numbers, shape (n,), mean 0, standard deviation 1, never beyond 3.5: sums of four uniform ones."""
    bits = np.random.PCG64(digest(*name)).random_raw(n)
    pairs = (bits & _LOW_LANES) + ((bits >> np.uint64(16)) & _LOW_LANES)
    total = ((pairs & _LOW_HALF) + (pairs >> np.uint64(32))).astype(np.float64)
    return (total - _LANES * _LANE_MEAN) / (_LANE_SD * math.sqrt(_LANES))


def wander(n: int, correlation: float, *name: object) -> FloatArray:
    """Wandering series, shape (n,), mean 0, standard deviation 1: autoregressive of first order, its far past cut off.

    Args:
        n: number of steps.
        correlation: correlation of neighboring steps, above 0 and below 1.
        name: name of the stream.
    """
    taps = math.ceil(math.log(_NEGLIGIBLE) / math.log(correlation))
    shocks = normal(n + taps - 1, *name)
    series = np.zeros(n)
    for lag in range(taps):
        series += correlation**lag * shocks[taps - 1 - lag : taps - 1 - lag + n]
    power = (1 - correlation ** (2 * taps)) / (1 - correlation**2)
    return series / math.sqrt(power)


def upsample(knots: FloatArray, ratio: int) -> FloatArray:
    """Straight lines through knots: n + 1 knots become n * ratio samples, the first one on the first knot."""
    weight = np.arange(ratio) / ratio
    return (knots[:-1, None] + np.diff(knots)[:, None] * weight).ravel()
