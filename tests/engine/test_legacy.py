"""The constructors from before ``torch.tensor``, held against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.engine.live import attempt, live

NAMES = "Bool Byte Char Double Float Half Int Long Short".split()


@live
def test_each_type(xp: Any) -> Any:
    """Each type's constructor takes data or sizes, tells its tensors with isinstance, and is named as its tensors' type."""
    found = {}
    for name in NAMES:
        kind = getattr(xp, f"{name}Tensor")
        made = kind([0, 1])
        found[name] = [
            made, kind(2, 3).shape, kind().shape, kind(xp.Size([2])).shape, kind((2, 3)), kind.dtype, repr(kind),
            isinstance(made, kind), isinstance(xp.zeros(1, dtype=xp.complex64), kind), made.type(),
        ]  # fmt: skip
    return found


@live
def test_tensor(xp: Any) -> Any:
    """Tensor takes sizes, lists, arrays and tensors; a lone float or text is refused."""
    data = ([1, 2], (1, 2), np.array([1, 2]), xp.tensor([1, 2]), [[1, 2], [3]], 2.5, "a")
    return [attempt(lambda: xp.Tensor(each)) for each in data] + [xp.Tensor(2, 3).shape, xp.Tensor().shape]


@live
def test_type(xp: Any) -> Any:
    """type() converts to a type named by text or by its constructor."""
    x = xp.tensor([1.7, 2.0])
    return [x.type("torch.LongTensor"), x.type(xp.LongTensor), x.type(xp.int32), x.type()]


@live
def test_default(xp: Any) -> Any:
    """set_default_tensor_type sets the default dtype, with a warning, and refuses what is no floating type."""
    try:
        return [
            (attempt(lambda: xp.set_default_tensor_type(each)), xp.get_default_dtype(), xp.ones(1))
            for each in (xp.DoubleTensor, "torch.FloatTensor", xp.LongTensor, xp.float64)
        ]
    finally:
        xp.set_default_dtype(xp.float32)
