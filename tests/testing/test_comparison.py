"""``assert_close``, held against PyTorch's: what it lets pass, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.live import attempt, live

NAN = float("nan")
PAIRS = {
    "same": lambda xp: (xp.tensor([1.0, 2.0]), xp.tensor([1.0, 2.0])),
    "near": lambda xp: (xp.tensor([1.0]), xp.tensor([1.000001])),
    "element": lambda xp: (xp.tensor([[1.0, 2.0], [3.0, 4.0]]), xp.tensor([[1.0, 2.0], [3.0, 5.0]])),
    "shape": lambda xp: (xp.ones(2), xp.ones(3)),
    "dtype": lambda xp: (xp.ones(1), xp.ones(1, dtype=xp.float64)),
    "integers": lambda xp: (xp.tensor([1]), xp.tensor([2])),
    "bools": lambda xp: (xp.tensor([True]), xp.tensor([False])),
    "complex": lambda xp: (xp.tensor([1 + 1j]), xp.tensor([1 + 2j])),
    "nan": lambda xp: (xp.tensor(NAN), xp.tensor(NAN)),
    "numbers": lambda xp: (1.0, 2.0),
    "types_of_numbers": lambda xp: (1, 1.0),
    "sequence": lambda xp: ([xp.tensor(1.0), xp.tensor(2.0)], [xp.tensor(1.0), xp.tensor(3.0)]),
    "lengths": lambda xp: ([1], [1, 2]),
    "mapping": lambda xp: ({"a": xp.ones(1)}, {"a": xp.ones(1)}),
    "keys": lambda xp: ({"a": xp.ones(1)}, {"b": xp.ones(1)}),
    "text": lambda xp: ("a", "a"),
    "none": lambda xp: (None, None),
    "leaf": lambda xp: (xp.ones(1, requires_grad=True), xp.ones(1)),
}


@live
def test_pairs(xp: Any) -> Any:
    """Each pair passes or fails as with PyTorch, in the same words."""
    return {name: attempt(lambda: xp.testing.assert_close(*pair(xp))) for name, pair in PAIRS.items()}


@live
def test_options(xp: Any) -> Any:
    """Tolerances come in twos; types, nan and the message are the caller's choice."""
    close, one, off = xp.testing.assert_close, xp.ones(1), xp.tensor([1.1])
    return [
        attempt(lambda: close(one, off, rtol=0.2, atol=0.0)),
        attempt(lambda: close(one, off, rtol=0.2)),
        attempt(lambda: close(one, one.double(), check_dtype=False)),
        attempt(lambda: close(one * NAN, one * NAN, equal_nan=True)),
        attempt(lambda: close(one, off, msg="told")),
        attempt(lambda: close(one, off, msg=lambda text: text[:6])),
        attempt(lambda: close(xp.ones(2, 3), xp.ones(3, 2).t(), check_stride=True)),
    ]


def test_refused() -> None:
    """A tensor is not compared with a list."""
    import refgrad

    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        refgrad.testing.assert_close(refgrad.ones(1), [1.0])
