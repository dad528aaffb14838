"""Training runs on refgrad and on PyTorch from one seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad

STEPS = 50


def network(xp: Any) -> Any:
    """A perceptron with what has state and randomness in it."""
    nn = xp.nn
    return nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Dropout(0.2), nn.LayerNorm(16), nn.Linear(16, 3))


def run(xp: Any, make: Callable[[Any, Any], Any], dtype: str) -> tuple[Any, Any, Any]:
    """The losses of 50 steps, the network and the optimizer."""
    xp.manual_seed(0)
    model = network(xp).to(getattr(xp, dtype))
    x, y = xp.randn(32, 10, dtype=getattr(xp, dtype)), xp.randint(0, 3, (32,))
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


def compare(make: Callable[[Any, Any], Any], dtype: str = "float64") -> None:
    """Losses, parameters, their versions and the optimizer's state are PyTorch's after 50 steps."""
    torch = pytest.importorskip("torch")
    bound = {"rtol": 1e-9, "atol": 1e-11} if dtype == "float64" else {"rtol": 1e-3, "atol": 1e-4}
    (mine, model, optimizer), (theirs, other, reference) = run(refgrad, make, dtype), run(torch, make, dtype)
    np.testing.assert_allclose(mine, theirs, **bound)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **bound)
    assert [p._version for p in model.parameters()] == [p._version for p in other.parameters()]
    assert repr(optimizer) == repr(reference)
    held, expected = optimizer.state_dict(), reference.state_dict()
    assert held["param_groups"] == expected["param_groups"]
    ours, others = arrays(held["state"]), arrays(expected["state"])
    assert {k: [(n, v.dtype, v.shape) for n, v in s.items()] for k, s in ours.items()} == {
        k: [(n, v.dtype, v.shape) for n, v in s.items()] for k, s in others.items()
    }
    for key, state in ours.items():
        for name, value in state.items():
            near = bound | {"atol": bound["atol"] * max(1.0, np.abs(others[key][name]).max(initial=0.0))}
            # steps of either sign are summed: an element near 0 has the rounding of its largest terms
            np.testing.assert_allclose(value, others[key][name], err_msg=name, **near)
