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

_LANES = 4  # 16-bit lanes summed for one normal number
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
    """n nearly normal numbers, mean 0, standard deviation 1, never beyond 3.5: the scaled sum of four uniform ones."""
    bits = np.random.PCG64(digest(*name)).random_raw(n).astype("<u8").view("<u2").reshape(n, _LANES)
    total = bits.sum(axis=1, dtype=np.float64)
    return (total - _LANES * _LANE_MEAN) / (_LANE_SD * math.sqrt(_LANES))


def autoregressive(n: int, correlation: float, *name: object) -> FloatArray:
    """First-order autoregressive series of n steps, mean 0, standard deviation 1.

    Args:
        n: number of steps; computed step by step, so keep it to some ten thousands.
        correlation: correlation of neighboring steps, 0 to below 1.
        name: name of the stream.
    """
    gain = math.sqrt(1 - correlation * correlation)
    state = 0.0
    series = []
    for i, shock in enumerate(normal(n, *name).tolist()):
        state = shock if i == 0 else correlation * state + gain * shock
        series.append(state)
    return np.array(series)


def upsample(knots: FloatArray, ratio: int) -> FloatArray:
    """Straight lines through knots: n + 1 knots become n * ratio samples, the first one on the first knot."""
    weight = np.arange(ratio) / ratio
    return (knots[:-1, None] + np.diff(knots)[:, None] * weight).ravel()
