"""What holds in a thread: grad mode as a number, layers that see each op, warnings that come once."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad
from refgrad.engine.modes import Layer, Modes, error_state, modes, quiet, warn_once


class Recorder(Layer):
    """Notes the name of each op that passes, and whether it writes."""

    def __init__(self, log: list[Any], name: str = "") -> None:
        self.log, self.name = log, name

    def record(
        self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        self.log.append((self.name + op.name, inplace))
        return below(op, inputs, params)


def test_state_tells_both() -> None:
    """``state`` is 1 while ops are recorded, plus 2 while a layer is on."""
    seen = [modes.state]
    with refgrad.no_grad():
        seen.append(modes.state)
        with modes.layer(Layer()):
            seen.append(modes.state)
            with refgrad.enable_grad():
                seen.append(modes.state)
    assert [*seen, modes.state] == [1, 0, 2, 3, 1]


def test_a_layer_sees_each_op() -> None:
    """Ordinary ops, views and writes all pass through a layer; outside its block none does."""
    log: list[Any] = []
    x = refgrad.ones(2, requires_grad=True)
    with modes.layer(Recorder(log)):
        y = x * 2
        v = y[0]
        v.add_(1)
        refgrad.stack([y, y])
    y.sum()
    assert ("mul", False) in log
    assert ("select", False) in log
    assert ("add", True) in log
    assert ("_stack", False) in log
    assert not any(name.startswith("_sum") for name, _ in log)


def test_a_layer_that_only_looks_changes_nothing() -> None:
    """Under a layer that hands everything on, values, graph and gradients are the same."""
    results = []
    for layered in (False, True):
        x = refgrad.tensor([1.0, 2.0], requires_grad=True)
        with modes.layer(Layer()) if layered else refgrad.enable_grad():
            y = (x * x).sin()
            y[0].mul_(3)
            loss = y.sum()
        loss.backward()
        results.append((loss.item(), loss.grad_fn.name(), y.grad_fn.name(), y._version, x.grad.tolist()))
    assert results[0] == results[1]


def test_layers_stack_innermost_first() -> None:
    """The innermost layer sees an op first; each runs the rest with itself off."""
    log: list[Any] = []
    with modes.layer(Recorder(log, "outer ")), modes.layer(Recorder(log, "inner ")):
        refgrad.ones(2) * 2
    assert [name for name, _ in log] == ["inner mul", "outer mul"]


def test_a_layer_ends_with_an_error() -> None:
    """An exception leaves no layer on, whether it came from an op or from the block."""

    class Refusing(Layer):
        def record(self, *args: Any) -> Any:
            raise ArithmeticError("refused")

    with pytest.raises(ArithmeticError, match="refused"), modes.layer(Layer()), modes.layer(Refusing()):
        refgrad.ones(2) * 2
    assert (modes.state, modes.layers) == (1, ())
    with modes.layer(Layer()):
        with pytest.raises(RuntimeError, match="must match the size"):
            refgrad.ones(2) + refgrad.ones(3)
        assert len(modes.layers) == 1


def test_modes_belong_to_a_thread() -> None:
    """A new thread starts with grad mode on and no layers."""
    seen: list[Any] = []
    with refgrad.no_grad(), modes.layer(Layer()):
        thread = threading.Thread(target=lambda: seen.append((modes.state, modes.layers)))
        thread.start()
        thread.join()
    assert seen == [(1, ())]


def test_grad_mode_keeps_the_layers() -> None:
    """Setting grad mode leaves what else ``state`` tells as it was."""
    own = Modes()
    own.set_layers((Layer(),))
    own.grad_enabled = False
    assert (own.state, own.grad_enabled) == (2, False)
    own.grad_enabled = True
    own.set_layers(())
    assert (own.state, own.grad_enabled) == (1, True)


def test_a_warning_that_comes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """``warn_once`` warns once a process, or each time if so set."""
    monkeypatch.setattr("refgrad.engine.modes._given", set())
    counts = []
    for always in (False, True):
        before = refgrad.is_warn_always_enabled()
        refgrad.set_warn_always(always)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for _ in range(3):
                    warn_once("the sky is falling", stacklevel=1)
        finally:
            refgrad.set_warn_always(before)
        counts.append(len(caught))
    assert counts == [1, 3]
    assert refgrad.is_warn_always_enabled() is before


def test_numpy_s_own_error_state_stays() -> None:
    """Ops compute in silence; the caller's NumPy settings hold before, between and after."""
    with np.errstate(all="raise"):
        x = refgrad.tensor([0.0, -1.0], requires_grad=True)
        y = (1 / x).log()
        y.sum().backward()
        assert np.geterr() == dict.fromkeys(("divide", "over", "under", "invalid"), "raise")
        with pytest.raises(FloatingPointError):
            np.array([1.0]) / np.array([0.0])
    assert y.isnan().tolist() == [False, True]


def test_quiet_silences_every_warning() -> None:
    """The state that ops run in ignores division by zero, overflow, underflow and invalid values."""
    token = error_state.set(quiet)
    try:
        assert set(np.geterr().values()) == {"ignore"}
    finally:
        error_state.reset(token)


def test_an_op_within_an_op() -> None:
    """What comes in amid an op, such as a finalizer, may run ops too, in place and not."""
    x = refgrad.ones(2)
    seen = []

    class Late:
        def __mul__(self, other: Any) -> Any:
            y = x * 3
            y += x
            seen.append(y.tolist())
            return np.zeros(2)

    modes.here.quietly(lambda a, b: a * b, Late(), 2)
    assert seen == [[4.0, 4.0]]
    with pytest.raises(RuntimeError, match="must match the size"):
        modes.here.quietly(lambda: x * refgrad.ones(3))
