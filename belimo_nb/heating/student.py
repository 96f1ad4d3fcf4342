"""Student's t distribution."""

from __future__ import annotations

from statistics import NormalDist

__all__ = ["t_quantile"]


def t_quantile(p: float, freedom: float) -> float:
    """Quantile of Student's t distribution: Abramowitz and Stegun 26.7.5, good to 0.1 % from 5 degrees on."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom ** (i + 1) for i, term in enumerate(terms))
