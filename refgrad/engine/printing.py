"""A tensor as text, to the letter of PyTorch: ``tensor([1., 2.], grad_fn=<MulBackward0>)``.

The numbers are written from the inside out: a notation is chosen for all of them at once, they are padded to one
column width, the columns are wrapped into lines, the lines nested in brackets, and what numbers cannot say is appended.

Source: torch 2.13.0, ``repr`` of strided CPU tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PrintOptions", "get_printoptions", "printoptions", "set_printoptions", "tensor_str"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class PrintOptions:
    """What ``set_printoptions`` sets.

    Units: ``precision`` is in digits, ``linewidth`` in characters, ``threshold`` and ``edgeitems`` in elements.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: dict[str | None, PrintOptions] = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}

_options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Sets how tensors are printed; what is ``None`` stays, but for ``sci_mode``, which goes back to automatic.

    Errors: none; a ``profile`` other than "default", "short" and "full" changes nothing, as in PyTorch.
    """
    global _options
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _options = replace(_PROFILES.get(profile, _options), **changes, sci_mode=sci_mode)


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keywords for ``set_printoptions``."""
    return asdict(_options)


@contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Options of ``set_printoptions`` that hold until the block ends."""
    before = get_printoptions()
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_str(
    array: Array,
    *,
    dtype_name: str,
    has_default_dtype: bool,
    requires_grad: bool = False,
    grad_fn: str | None = None,
    tangent: str | None = None,
    class_name: str = "tensor",
    parameter: bool = False,
    tensor_contents: str | None = None,
    indent: int = 0,
) -> str:
    """The ``repr`` of a tensor that holds ``array``.

    ``has_default_dtype`` tells that the dtype goes without saying: the default one, its complex partner, int64, bool.
    ``grad_fn`` is the node's name ("PowBackward0", "torch::autograd::CopySlices"), or "Invalid" where reading it raised.
    ``tangent`` is ``format(tangent, "")``, so a bare number at 0-d; ``tensor_contents`` replaces the numbers.
    ``parameter`` adds "Parameter containing:"; a subclass's ``class_name`` is then wrapped in "Parameter(...)" as well.

    Units: ``indent`` is in characters, the column where the text starts.
    """
    opening = " " * indent + f"{class_name}("
    contents = _contents(array, len(opening)) if tensor_contents is None else tensor_contents
    suffixes = _type_suffixes(array, dtype_name, has_default_dtype) + _grad_suffixes(requires_grad, grad_fn, tangent)
    text = _append(opening + contents, suffixes, len(opening))[indent:] + ")"
    if not parameter:
        return text
    return f"Parameter containing:\n{text if class_name == 'tensor' else f'Parameter({text})'}"


@dataclass(frozen=True, slots=True)
class Column:
    """The one way in which all numbers of a tensor are written, ``width`` characters wide (nan and inf may stick out)."""

    width: int
    write: Callable[[Any], str]


def _column(values: Sequence[Any]) -> Column:
    first = values[0] if values else None
    if isinstance(first, complex):
        return _complex_column(_column([value.real for value in values]), _column([value.imag for value in values]))
    if not isinstance(first, float):
        return _padded(str, values)
    # Zeros and nonfinite values have no say: tensor([0., nan]) is not padded to the width of "nan".
    telling = [value for value in values if value and math.isfinite(value)]
    return _padded(_notation(telling), telling)


def _padded(write: Callable[[Any], str], values: Iterable[Any]) -> Column:
    width = max((len(write(value)) for value in values), default=1)
    return Column(width, lambda value: write(value).rjust(width))


def _complex_column(real: Column, imag: Column) -> Column:
    def write(value: complex) -> str:
        imaginary = imag.write(value.imag).lstrip()
        return f"{real.write(value.real)}{'' if imaginary[0] == '-' else '+'}{imaginary}j"

    return Column(real.width + imag.width + 1, write)


def _notation(values: Sequence[float]) -> Callable[[float], str]:
    """Scientific, whole or fixed: whichever suits all ``values``, which are finite and not zero."""
    if not values:
        return _whole
    if _scientific(values):
        return f"{{:.{_options.precision}e}}".format
    if all(value.is_integer() for value in values):
        return _whole
    return f"{{:.{_options.precision}f}}".format


def _scientific(values: Sequence[float]) -> bool:
    if _options.sci_mode is not None:
        return _options.sci_mode
    largest = max(map(abs, values))
    smallest = min(map(abs, values))
    return largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4


def _whole(value: float) -> str:
    """``value`` without decimals; the point stays, to tell it from an integer."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value}"


def _contents(array: Array, indent: int) -> str:
    """The numbers in their brackets; lines after the first start right of ``indent``."""
    if array.size == 0:
        return "[]"
    if array.ndim == 0:
        value = array.tolist()
        return _column([value]).write(value)
    shown, folded = _summarized(array)
    return _nested(shown.tolist(), folded, indent, _column(shown.ravel().tolist()))


def _summarized(array: Array) -> tuple[Array, tuple[bool, ...]]:
    """The part of ``array`` that is shown, and which of its dims are cut in the middle."""
    if array.size <= _options.threshold:
        return array, (False,) * array.ndim
    edge = _options.edgeitems
    folded = tuple(size > 2 * edge for size in array.shape)
    kept = [
        [*range(edge), *range(size - edge, size)] if fold else range(size)
        for size, fold in zip(array.shape, folded, strict=True)
    ]
    return array[np.ix_(*kept)], folded


def _nested(rows: list[Any], folded: tuple[bool, ...], indent: int, column: Column) -> str:
    if len(folded) == 1:
        return _vector(rows, folded[0], indent, column)
    texts = [_nested(row, folded[1:], indent + 1, column) for row in rows]
    if folded[0]:
        texts.insert(_options.edgeitems, "...")
    return _bracketed(texts, len(folded) - 1, indent)


def _vector(values: list[Any], folded: bool, indent: int, column: Column) -> str:
    cells = [column.write(value) for value in values]
    if folded:
        cells.insert(_options.edgeitems, " ..." if cells else "...")
    per_line = max(1, math.floor((_options.linewidth - indent) / (column.width + len(", "))))
    lines = [", ".join(cells[start : start + per_line]) for start in range(0, len(cells), per_line)]
    return _bracketed(lines, 1, indent)


def _bracketed(texts: Sequence[str], newlines: int, indent: int) -> str:
    separator = "," + "\n" * newlines + " " * (indent + 1)
    return f"[{separator.join(texts)}]"


def _type_suffixes(array: Array, dtype_name: str, has_default_dtype: bool) -> list[str]:
    """The size and the dtype, where the numbers alone do not tell them."""
    empty = array.size == 0
    suffixes = []
    if (array.ndim != 1) if empty else (not _options.edgeitems):
        suffixes.append(f"size={array.shape}")
    # Without an element even int64, bool and complex have to be named: only the default dtype itself goes unsaid.
    if not has_default_dtype or (empty and array.dtype.kind in "biuc"):
        suffixes.append(f"dtype={dtype_name}")
    return suffixes


def _grad_suffixes(requires_grad: bool, grad_fn: str | None, tangent: str | None) -> list[str]:
    suffixes = []
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn.rsplit('::', 1)[-1]}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    if tangent is not None:
        suffixes.append(f"tangent={tangent}")
    return suffixes


def _append(text: str, suffixes: Iterable[str], indent: int) -> str:
    """``text`` with ``suffixes`` after it, each on the last line if it fits there, else on a line of its own."""
    # PyTorch counts two characters more than there are until the first break, and a suffix by its whole length.
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text
