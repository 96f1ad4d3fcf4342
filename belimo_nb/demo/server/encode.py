"""Fast and reproducible JSON for long series, built from arrays without an object for each sample."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from belimo_nb.demo.server.resample import is_numeric

_EXACT_INTEGERS = 2.0**53  # above it not every integer is a float, so the digits would claim too much


def json_number(value: Any) -> Any:
    """A value as the cloud writes it: numbers without a fraction as integers, anything else as it is."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)
    return value


def json_bytes(body: Any) -> bytes:
    """Compact UTF-8 JSON. A number that is not finite is a ValueError: the cloud never sends one."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def value_texts(values: NDArray[Any]) -> list[str]:
    """The JSON text of each value. Floats are written so that they are read back exactly; NaN is a ValueError."""
    if is_numeric(values) and (np.abs(values) < _EXACT_INTEGERS).all():
        floats = values.astype(float)
        numbers, whole = floats.astype(object), floats == np.rint(floats)
        numbers[whole] = floats[whole].astype(np.int64)
        return list(map(repr, numbers.tolist()))
    known: dict[tuple[type, Any], str] = {}
    texts = []
    for value in values.tolist():
        # True == 1 in a dict: the type is part of the key
        text = known.get((type(value), value))
        if text is None:
            text = known[type(value), value] = json.dumps(json_number(value), ensure_ascii=False, allow_nan=False)
        texts.append(text)
    return texts


def time_texts(times: NDArray[np.int64]) -> list[str]:
    """ISO-8601 texts with `Z` of epoch seconds."""
    stamps: list[str] = np.datetime_as_string(times.astype("datetime64[s]"), timezone="UTC").tolist()
    return stamps


def row_heads(times: NDArray[np.int64]) -> list[str]:
    """How the rows of some times (epoch seconds) begin; all series of an answer share them."""
    return [f'{{"timestamp":"{stamp}","value":' for stamp in time_texts(times)]


def json_rows(heads: list[str], values: NDArray[Any]) -> str:
    """The JSON list of `{"timestamp": ..., "value": ...}` of values with the heads of their rows."""
    return "[" + ",".join([head + text + "}" for head, text in zip(heads, value_texts(values), strict=True)]) + "]"
