"""Values as JSON, and back: numbers and texts as themselves, arrays with dtype and shape, the rest by a number."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.errors import ProtocolError

__all__ = ["LIMIT", "PROTOCOL", "array_from", "array_to", "decode", "encode", "line", "message"]

PROTOCOL = 1
LIMIT = 64 * 2**20  # bytes a line may have, either way

NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
DTYPES = frozenset(
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64 complex128".split()
)

Array = np.ndarray[Any, Any]
Keep = Callable[[Any], dict[str, Any]]
Lookup = Callable[[str, dict[str, Any]], Any]


def line(message: dict[str, Any]) -> bytes:
    """``message`` as one line.

    Errors: ``ProtocolError`` for a line longer than the limit.
    """
    text = json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    if len(text) > LIMIT:
        raise ProtocolError(f"a message of {len(text):,} bytes is longer than the {LIMIT:,} that a line may have")
    return text


def message(text: bytes) -> dict[str, Any] | None:
    """The message in a line, or None where the line holds no JSON object."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # a line of brackets is as malformed as any other
        return None
    return found if isinstance(found, dict) else None


def encode(value: Any, keep: Keep, *, binary: bool = False) -> Any:
    """``value`` as JSON; ``keep`` names what has no JSON of its own, as ``{"handle": 3}`` or ``{"function": 4}``."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.ndarray | np.generic):  # NumPy's float64 is a float, too, and has a dtype to keep
        return array_to(np.asarray(value), binary=binary)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"fields": {name: encode(each, keep, binary=binary) for name, each in zip(value._fields, value)}}
    if isinstance(value, list | tuple):
        return [encode(each, keep, binary=binary) for each in value]
    return _special(value, keep, binary)


def _special(value: Any, keep: Keep, binary: bool) -> Any:
    if isinstance(value, np.dtype):
        return {"dtype": value.name}
    if isinstance(value, complex):
        return {"complex": [encode(part, keep) for part in (value.real, value.imag)]}
    if isinstance(value, slice):
        return {"slice": [encode(part, keep) for part in (value.start, value.stop, value.step)]}
    return {"ellipsis": True} if value is ... else keep(value)


def decode(value: Any, lookup: Lookup) -> Any:
    """The value that ``value`` stands for; lists become tuples; ``lookup`` finds what a handle or a function names.

    Errors: ``ProtocolError`` for an object that stands for nothing.
    """
    if isinstance(value, list):
        return tuple(decode(each, lookup) for each in value)
    if not isinstance(value, dict):
        return value
    kind = next((kind for kind in READERS if kind in value), None)
    if kind is None:
        raise ProtocolError(f"an object with the keys {', '.join(value) or '(none)'} stands for no value")
    try:
        return READERS[kind](value, lookup)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"a malformed {kind}: {json.dumps(value)[:80]} ({error})") from error


def array_to(array: Array, *, binary: bool = False) -> dict[str, Any]:
    """An array as JSON: nested lists, or its bytes (C order, little endian) in base64."""
    if array.dtype.name not in DTYPES:
        raise ProtocolError(f"an array of dtype {array.dtype.name} cannot be sent; known: {', '.join(sorted(DTYPES))}")
    head = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if not binary:
        return head | {"data": _lists(array)}
    stored = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return head | {"base64": base64.b64encode(stored).decode("ascii")}


def _lists(array: Array) -> Any:
    if array.dtype.kind == "c":  # a complex number is a pair
        array = np.stack([array.real, array.imag], axis=-1)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    words = array.astype(object)  # JSON has no nan and no inf
    words[~np.isfinite(array)] = [repr(float(each)) for each in array[~np.isfinite(array)]]
    return words.tolist()


def array_from(value: dict[str, Any]) -> Array:
    """The array in ``value``.

    Errors: ``ProtocolError`` for a dtype that is unknown, or data that does not fill the shape.
    """
    name, shape = value.get("dtype"), value.get("shape")
    if name not in DTYPES:
        raise ProtocolError(f"an array of dtype {name!r}; known: {', '.join(sorted(DTYPES))}")
    if not (isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)):
        raise ProtocolError(f"an array's shape is a list of whole numbers, not {shape!r}")
    try:
        flat = _from_bytes(value, name) if "base64" in value else _from_lists(value["data"], np.dtype(name))
        return flat.reshape(shape)
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise ProtocolError(f"an array's data does not fill its shape {shape} of {name} ({error})") from error


def _from_bytes(value: dict[str, Any], name: str) -> Array:
    stored = base64.b64decode(value["base64"], validate=True)
    return np.frombuffer(stored, np.dtype(name).newbyteorder("<")).astype(name)


def _from_lists(data: Any, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "c":
        return np.array(data, f"f{dtype.itemsize // 2}").reshape(-1).view(dtype)
    return np.array(data, dtype)  # NumPy reads "nan" and "-inf" too


def _fields(value: dict[str, Any], lookup: Lookup) -> Any:
    names = value["fields"]
    return namedtuple("Fields", names)(*(decode(each, lookup) for each in names.values()))


def _slice(value: dict[str, Any], lookup: Lookup) -> slice:
    start, stop, step = (decode(part, lookup) for part in value["slice"])
    return slice(start, stop, step)


READERS: dict[str, Callable[[dict[str, Any], Lookup], Any]] = {
    "handle": lambda value, lookup: lookup("handle", value),
    "function": lambda value, lookup: lookup("function", value),
    "base64": lambda value, lookup: array_from(value),
    "data": lambda value, lookup: array_from(value),
    "dtype": lambda value, lookup: np.dtype(value["dtype"]),
    "float": lambda value, lookup: NON_FINITE[value["float"]],
    "complex": lambda value, lookup: complex(*(decode(part, lookup) for part in value["complex"])),
    "slice": _slice,
    "ellipsis": lambda value, lookup: ...,
    "fields": _fields,
}
