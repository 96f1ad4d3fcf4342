"""Random numbers that are the same bytes in any process, on any platform and with any version of numpy.

Every stream has a name (device, quantity, ...) that decides its numbers. There is no global state, so the order in
which streams are drawn does not matter. Raw PCG64 bits and integer sums are used instead of numpy's distributions,
whose algorithms may change between versions.
"""

import hashlib
import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_LANES = 4  # 16-bit lanes of a random 64-bit number, summed for one normal number
_LOW_LANES = np.uint64(0x0000FFFF0000FFFF)
_LOW_HALF = np.uint64(0x00000000FFFFFFFF)
_NEGLIGIBLE = 0.01  # weight of the oldest shock in an autoregressive series
_LANE_MEAN = 65535 / 2
_LANE_SD = math.sqrt((65536.0**2 - 1) / 12)


def hash64(*name: object) -> int:
    """64-bit hash of a name (SHA-256); unlike Python's `hash`, the same in every process."""
    text = "/".join(str(part) for part in name)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def fraction(*name: object) -> float:
    """Number in [0, 1) that depends on the name only."""
    return (hash64(*name) >> 11) / 2.0**53


def uniform(low: float, high: float, *name: object) -> float:
    """Number in [low, high) that depends on the name only."""
    return low + (high - low) * fraction(*name)


def normal(n: int, *name: object) -> FloatArray:
    """Nearly normal numbers, shape (n,), mean 0, standard deviation 1, within 3.5: sums of four uniform ones."""
    # Four 16-bit numbers out of each 64-bit one, added two at a time in integer arithmetic.
    bits = np.random.PCG64(hash64(*name)).random_raw(n)
    pairs = (bits & _LOW_LANES) + ((bits >> np.uint64(16)) & _LOW_LANES)
    total = ((pairs & _LOW_HALF) + (pairs >> np.uint64(32))).astype(np.float64)
    return (total - _LANES * _LANE_MEAN) / (_LANE_SD * math.sqrt(_LANES))


def autoregressive(n: int, correlation: float, *name: object) -> FloatArray:
    """First-order autoregressive series, AR(1), shape (n,), mean 0, standard deviation 1; its far past is cut off.

    Neighboring steps have the given correlation, above 0 and below 1.
    """
    # A weighted sum of shocks instead of a recursion, which numpy cannot vectorize.
    taps = math.ceil(math.log(_NEGLIGIBLE) / math.log(correlation))
    shocks = normal(n + taps - 1, *name)
    series = np.zeros(n)
    for lag in range(taps):
        series += correlation**lag * shocks[taps - 1 - lag : taps - 1 - lag + n]
    power = (1 - correlation ** (2 * taps)) / (1 - correlation**2)
    return series / math.sqrt(power)


def upsample(knots: FloatArray, ratio: int) -> FloatArray:
    """Linear interpolation: n + 1 knots become n * ratio samples, the first one on the first knot."""
    weight = np.arange(ratio) / ratio
    between: FloatArray = np.diff(knots)[:, None] * weight
    between += knots[:-1, None]
    return between.ravel()
