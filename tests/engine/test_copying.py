"""Copies: what ``copy``, ``deepcopy``, pickle and ``save`` carry along, as in PyTorch."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

from tests.engine.live import attempt, leaf, live

TYPES = ["float64", "float32", "float16", "bfloat16", "int64", "bool", "complex64"]


def shown(tensor: Any) -> Any:
    return tensor, tensor.numel() and tensor.stride(), tensor.is_leaf, tensor._is_view(), tensor._version


def saved(xp: Any, value: Any) -> Any:
    file = io.BytesIO()
    xp.save(value, file)
    file.seek(0)
    return xp.load(file)


def travels(xp: Any) -> list[Any]:
    return [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), lambda t: saved(xp, t)]


def layouts(xp: Any) -> list[Any]:
    m = xp.arange(6.0).view(2, 3)
    return [m, m.t(), m[:, 1:], m[1], m[::2, ::2], xp.ones(1).expand(3), xp.tensor(2.0), xp.empty(0), m[0, 2]]


@live
def test_layouts(xp: Any) -> Any:
    """Strides survive, whether contiguous, transposed, a window, expanded, of one element or of none."""
    return [[shown(travel(t)) for travel in travels(xp)] for t in layouts(xp)]


@live
def test_types(xp: Any) -> Any:
    """Each type survives."""
    tensors = [xp.tensor([1, 0]).to(getattr(xp, name)) for name in TYPES]
    copies = [[travel(t) for travel in travels(xp)] for t in tensors]
    return [[(str(c.dtype), (c.real if c.is_complex() else c).float()) for c in row] for row in copies]


@live
def test_leaves(xp: Any) -> Any:
    """Requiring grad survives; .grad in a deep copy only; the user's attributes everywhere."""
    x = leaf(xp, 1.0, 2.0)
    (x * 2).sum().backward()
    x.tag = [5]
    copies = [travel(x) for travel in travels(xp)]
    return [(c.requires_grad, c.is_leaf, c.grad, c.tag, c.tag is x.tag) for c in copies]


@live
def test_histories(xp: Any) -> Any:
    """A computed tensor can be copied as a leaf, but not deeply."""
    y = leaf(xp, 1.0, 2.0) * 2
    return [attempt(lambda t=travel: shown(t(y))) for travel in travels(xp)]


@live
def test_aliases(xp: Any) -> Any:
    """Which copies keep what shares memory sharing it, and with whom."""
    seen = []
    for travel in travels(xp):
        x = xp.arange(4.0)
        a, b, c = travel([x, x[1:], x.view(2, 2).t()])
        a[1] = 99
        seen.append((x, a, b, c))
    return seen


@live
def test_copies_of_a_copy(xp: Any) -> Any:
    """copy.copy shares memory but not the version: a write to one is not counted by the other."""
    x = xp.ones(2)
    c = copy.copy(x)
    x.add_(1)
    return x._version, c._version, c, c.data_ptr() == x.data_ptr()


@live
def test_other_values(xp: Any) -> Any:
    """Types and sizes are what they were."""
    values = [xp.float32, xp.Size([1, 2]), xp.bfloat16]
    return [(pickle.loads(pickle.dumps(v)) == v, copy.deepcopy(v) == v, copy.copy(v) == v) for v in values]
