"""Adding to .grad: what is taken over, what is copied, and what is added in place."""

from __future__ import annotations

from typing import Any

import numpy as np

import refgrad
from refgrad.engine.accumulation import give_to_grad
from tests.engine.live import live


def leaf(values: Any) -> Any:
    return refgrad.tensor(values, requires_grad=True)


def given(tensor: Any, grad: Any) -> Any:
    """The array that ``.grad`` holds after ``grad`` was given from a buffer."""
    buffers = {0: grad}
    del grad
    give_to_grad(tensor, buffers, 0)
    assert not buffers
    return tensor.grad._array


def test_a_gradient_that_nobody_holds_is_taken_over() -> None:
    """The buffer's own array becomes ``.grad``: no copy is made."""
    buffers = {0: np.ones((2, 3), np.float32)}
    where = buffers[0].ctypes.data
    weight = leaf([[0.0] * 3] * 2)
    give_to_grad(weight, buffers, 0)
    assert weight.grad._array.ctypes.data == where
    assert weight.grad.tolist() == [[1.0] * 3] * 2


def test_a_gradient_that_somebody_holds_is_copied() -> None:
    """An array held elsewhere, a view of other memory, and another layout are copied."""
    held = np.ones((2, 3), np.float32)
    for array in (held, held[:], np.ones((3, 2), np.float32).T, np.broadcast_to(np.float32(1), (2, 3))):
        assert not np.shares_memory(given(leaf([[0.0] * 3] * 2), array), array)


def test_a_second_gradient_is_added() -> None:
    """Where ``.grad`` is there already it stays the same tensor."""
    weight = leaf([1.0, 2.0])
    weight.grad = before = refgrad.tensor([1.0, 1.0])
    give_to_grad(weight, {0: np.ones(2, np.float32)}, 0)
    assert weight.grad is before
    assert before.tolist() == [2.0, 2.0]


def test_leaves_never_share_a_gradient() -> None:
    """One gradient that goes to two leaves, or that the caller gave, is in each ``.grad`` by itself."""
    a, b = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    start = refgrad.ones(2)
    (a + b).backward(start)
    arrays = [a.grad._array, b.grad._array, start._array]
    assert not any(np.shares_memory(x, y) for i, x in enumerate(arrays) for y in arrays[:i])
    (a.grad,) = refgrad.autograd.grad((a * 2).sum(), a)  # type: ignore[attr-defined]
    assert a.grad.tolist() == [2.0, 2.0]


@live
def test_hooks_where_no_gradient_comes(xp: Any) -> Any:
    """A leaf that a backward reaches without a gradient has its hooks run all the same."""
    seen: list[Any] = []
    x = xp.tensor([[2.0]], requires_grad=True)
    x.register_hook(lambda grad: seen.append(grad))
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad))
    xp.linalg.slogdet(x)[0].backward()
    return seen, x.grad


@live
def test_recorded_gradient_of_nothing(xp: Any) -> Any:
    """That of an empty matrix has a history like any other."""
    x = xp.ones(0, 0, requires_grad=True)
    (grad,) = xp.autograd.grad(xp.linalg.matrix_exp(x).sum(), x, create_graph=True)
    return grad.requires_grad, grad.shape
