"""Masked reductions and normalizations: side by side with PyTorch."""

from __future__ import annotations

import importlib
import math
from typing import Any

import pytest

from tests.engine.ops.rows import as_in_pytorch, floats, whole

torch = pytest.importorskip("torch")
X, MASK = (
    floats(3, 4),
    whole([[True, False, True, True], [False, False, False, True], [True, True, True, True]], "bool"),
)
ROW, NONE = whole([True, False, False, True], "bool"), whole([[False] * 4] * 3, "bool")
INTEGERS = whole([[3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8]])


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """The function of ``masked``, of a tensor and its mask."""

    def run(xp: Any, x: Any, mask: Any = None) -> Any:
        room = importlib.import_module(f"{xp.__name__}.masked")
        return getattr(room, name)(x, *args, mask=mask, **kwargs)

    return run


REDUCTIONS = ["sum", "prod", "amax", "amin", "mean", "var", "std", "logsumexp"]
CALLS = {
    **{name: call(name) for name in REDUCTIONS},
    **{f"{name} rows": call(name, 1, keepdim=True) for name in REDUCTIONS},
    **{f"{name} rows": call(name, 1) for name in ("argmax", "argmin", "median", "cumsum", "cumprod", "softmax")},
    "log_softmax": call("log_softmax", -1), "softmin": call("softmin", 0), "normalize": call("normalize", 2.0, 1),
    "norm": call("norm"), "norm inf": call("norm", math.inf, 0), "norm -inf": call("norm", -math.inf, 0), "norm 1": call("norm", 1, (0, 1)),
    "var biased": call("var", 0, False), "std corrected": call("std", 1, correction=2), "sum twice": call("sum", (0, 0)),
}  # fmt: skip
MASKS = {"mask": (X, MASK), "row": (X, ROW), "none": (X,), "nothing": (X, NONE)}


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name: str, kind: str) -> None:
    """Value, graph, gradients and errors are PyTorch's; nothing at all has the value of its identity."""
    orders = 0 if kind == "nothing" else 2  # of nothing the gradient is nan, in whichever order it is computed
    as_in_pytorch(torch, (CALLS[name], *MASKS[kind]), orders=orders, forward=False)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_mask_of_more_dimensions_is_refused_as_in_pytorch(name: str) -> None:
    """A mask has no more dimensions than its input."""
    as_in_pytorch(torch, (CALLS[name], floats(4), MASK))


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin", "mean", "median rows", "argmax rows", "cumsum rows"])
def test_integers_as_in_pytorch(name: str) -> None:
    """Integers are reduced in PyTorch's types, or refused."""
    as_in_pytorch(torch, (CALLS[name], INTEGERS, MASK))


def test_logaddexp_as_in_pytorch() -> None:
    """Each input has a mask of its own."""

    def run(xp: Any, x: Any, y: Any, mask: Any) -> Any:
        return importlib.import_module(f"{xp.__name__}.masked").logaddexp(x, y, input_mask=mask)

    as_in_pytorch(torch, (run, X, floats(3, 4, seed=1), MASK), forward=False)
