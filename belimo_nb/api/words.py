"""What a valve says of itself in numbers, in words: error bits, and choices of modes and states."""

from __future__ import annotations

from collections.abc import Mapping

from belimo_nb.quantities import bits_in_words

CHOICES: Mapping[str, Mapping[int, str]] = {
    "dt_manager_ste": {
        1: "disabled",
        2: "delta-T selected, not active",
        3: "delta-T selected, active",
        4: "flow and delta-T selected, not active",
        5: "flow and delta-T selected, active",
    },
    "sequence_ste": {1: "no demand", 2: "cooling", 3: "heating"},
    # Valves were seen that do otherwise.
    "override_write": {1: "probably automatic", 2: "probably closed", 3: "probably open"},
}
"""The words of integers, by the names of datapoints in lower case; of other integers no meaning is known."""


def in_words(name: str, value: object) -> str | None:
    """A datapoint's value in words, with its number behind; None if there are no words for it.

    Args:
        name: The datapoint's name, in any case, with a path before it or without.
        value: As the cloud gives it.
    """
    leaf = name.rsplit("/", 1)[-1].casefold()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
        return None
    number = int(value)
    if leaf == "error_status_cloud":
        return _errors(number)
    words = CHOICES.get(leaf, {}).get(number)
    return None if words is None else f"{words} ({number})"


def _errors(bits: int) -> str | None:
    if bits < 0:
        return None
    return f"{', '.join(bits_in_words(bits))} ({bits})" if bits else "no error (0)"
