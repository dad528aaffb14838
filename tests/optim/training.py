"""Training runs on refgrad and on PyTorch from one seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad

STEPS = 50
ROUNDINGS = 4  # an order of summation may round so many times as far as another

Make = Callable[[Any, Any], Any]


def network(xp: Any) -> Any:
    """A perceptron with what has state and randomness in it."""
    nn = xp.nn
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Dropout(0.2), nn.LayerNorm(16), nn.Linear(16, 3))


def run(xp: Any, make: Make, dtype: str) -> tuple[Any, Any, Any]:
    """The losses of 50 steps, the network and the optimizer; whatever the dtype, from the same float32 numbers."""
    xp.manual_seed(0)
    model = network(xp).to(getattr(xp, dtype))
    x, y = xp.randn(32, 10).to(getattr(xp, dtype)), xp.randint(0, 3, (32,))
    optimizer, criterion = make(xp.optim, model.parameters()), xp.nn.CrossEntropyLoss()
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses), model, optimizer


def arrays(state: dict[Any, Any]) -> dict[Any, Any]:
    """An optimizer's state as arrays."""
    return {key: {name: np.array(value.numpy()) for name, value in held.items()} for key, held in state.items()}


def numbers(losses: Any, model: Any, optimizer: Any) -> dict[str, Any]:
    """All that a run ends with, by kind: losses, parameters, and each kind of the optimizer's state."""
    found = {"losses": [losses], "parameters": [p.detach().numpy() for p in model.parameters()]}
    for state in arrays(optimizer.state_dict()["state"]).values():
        for name, value in state.items():
            found.setdefault(name, []).append(value)
    return {kind: np.concatenate([np.ravel(each) for each in held]) for kind, held in found.items()}


def same_form(run: tuple[Any, Any, Any], expected: tuple[Any, Any, Any]) -> None:
    """Versions, options, and what the state holds, are alike."""
    (_, model, optimizer), (_, other, reference) = run, expected
    assert [p._version for p in model.parameters()] == [p._version for p in other.parameters()]
    assert repr(optimizer) == repr(reference)
    held, theirs = optimizer.state_dict(), reference.state_dict()
    assert held["param_groups"] == theirs["param_groups"]
    mine, others = arrays(held["state"]), arrays(theirs["state"])
    assert {k: [(n, v.dtype, v.shape) for n, v in s.items()] for k, s in mine.items()} == {
        k: [(n, v.dtype, v.shape) for n, v in s.items()] for k, s in others.items()
    }


def compare(make: Make) -> None:
    """Losses, parameters, their versions and the optimizer's state are PyTorch's after 50 steps in float64."""
    torch = pytest.importorskip("torch")
    mine, theirs = run(refgrad, make, "float64"), run(torch, make, "float64")
    same_form(mine, theirs)
    expected = numbers(*theirs)
    for kind, value in numbers(*mine).items():
        np.testing.assert_allclose(value, expected[kind], rtol=1e-9, atol=1e-11, err_msg=kind)


def compare_in_single_precision(make: Make) -> None:
    """After 50 steps in float32 all is as near to the run in float64 as PyTorch's own float32 is.

    Training carries a rounding error on, and with momentum over a small second moment it grows to the size of the numbers:
    how far is measured on PyTorch, not guessed.
    """
    torch = pytest.importorskip("torch")
    mine, theirs = run(refgrad, make, "float32"), run(torch, make, "float32")
    same_form(mine, theirs)
    actual, single, exact = numbers(*mine), numbers(*theirs), numbers(*run(torch, make, "float64"))
    for kind, value in exact.items():
        rounding = np.abs(single[kind] - value).max() + np.finfo(np.float32).eps * np.abs(value).max()
        assert np.abs(actual[kind] - value).max() <= ROUNDINGS * rounding, kind
