"""gradcheck beside PyTorch's: what passes, what fails, and in which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.autograd import gradcheck
from tests.engine.live import attempt, live


def double(xp: Any, *values: float) -> Any:
    return xp.tensor(list(values), dtype=xp.float64, requires_grad=True)


def scaled(xp: Any, backward: float, jvp: float = 2.0) -> Any:
    """The Function 2 x, whose backward and jvp say what they like."""

    class Scaled(xp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * backward

    Scaled.jvp = staticmethod(lambda ctx, t: t * jvp)
    return Scaled.apply


@live
def test_messages(xp: Any) -> Any:
    """A mismatch is told with both Jacobians, of the right output and input, in slow mode and in fast."""
    check = xp.autograd.gradcheck
    x, z = double(xp, 1, 2), xp.tensor([1 + 2j], dtype=xp.complex128, requires_grad=True)
    wrong = scaled(xp, 3)
    calls = [
        lambda: check(wrong, x),
        lambda: check(lambda a, b: (a * b, wrong(b)), (x, double(xp, 3, 4))),
        lambda: check(wrong, z),
        lambda: check(scaled(xp, 2, 5), x, check_forward_ad=True),
        lambda: check(scaled(xp, 3, 5), x, check_forward_ad=True, check_backward_ad=False),
        lambda: check(scaled(xp, 2, 5), z, check_forward_ad=True),
        lambda: check(wrong, x, fast_mode=True),
        lambda: check(wrong, double(xp, 1), fast_mode=True),
    ]
    return [attempt(call) for call in calls]


@live
def test_passes(xp: Any) -> Any:
    """What is right passes with every option."""
    check, again = xp.autograd.gradcheck, xp.autograd.gradgradcheck
    x, y = double(xp, 0.5, 1.5), double(xp, 2, 3)
    z = xp.tensor([0.5 + 1j, -1 + 0.25j], dtype=xp.complex128, requires_grad=True)
    fns = [(lambda x: x.sin() * x, x), (lambda x, y: (x * y, x.sum()), (x, y)), (lambda z: z * z.conj() + z.exp(), z)]
    options: list[dict[str, Any]] = [
        {},
        {"fast_mode": True},
        {"check_forward_ad": True},
        {"check_batched_grad": True},
        {"check_forward_ad": True, "fast_mode": True},
    ]
    found = [check(fn, inputs, **option) for fn, inputs in fns for option in options]
    return found, [again(fn, inputs) for fn, inputs in fns], again(fns[0][0], x, check_fwd_over_rev=True)


@live
def test_refused(xp: Any) -> Any:
    """Inputs that cannot be checked, and options that do not go together, are told in PyTorch's words."""
    check, again = xp.autograd.gradcheck, xp.autograd.gradgradcheck
    x = double(xp, 1, 2)
    calls = [
        lambda: check(lambda x: x, xp.ones(2)),
        lambda: check(lambda x: x, x, check_backward_ad=False),
        lambda: check(lambda x: x, x, check_backward_ad=False, check_forward_ad=True, check_batched_grad=True),
        lambda: check(lambda x: x, x, check_batched_forward_grad=True),
        lambda: again(lambda x: x, x, check_rev_over_rev=False),
        lambda: check(lambda x: x.detach(), x),
        lambda: check(lambda x: x * 2, xp.tensor([1.0], requires_grad=True), raise_exception=False),
        lambda: check(lambda x: (x * 1).add_(1), x),
        lambda: check(lambda x: x.add_(1), x),
    ]
    return [attempt(call) for call in calls]


@live
def test_inputs_are_left_alone(xp: Any) -> Any:
    """Stepping through the elements leaves the input as it was, its version too."""
    x = double(xp, 1, 2)
    xp.autograd.gradcheck(lambda x: x**3, x)
    return x, x._version, x.grad, x.is_leaf


@live
def test_kinks(xp: Any) -> Any:
    """At kinks the difference is the mean of the slopes on both sides."""
    check, zero = xp.autograd.gradcheck, double(xp, 0.0)
    names = ("abs", "relu", "sign", "sgn")
    return {name: check(getattr(xp, name), zero, raise_exception=False) for name in names}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.2, 3), min_size=1, max_size=4), st.sampled_from(["exp", "log", "sqrt", "tanh", "reciprocal"])
)
def test_smooth_functions_pass(values: list[float], name: str) -> None:
    """Where a function is smooth, gradcheck and forward mode agree with it."""
    assert gradcheck(lambda x: getattr(refgrad, name)(x), double(refgrad, *values), check_forward_ad=True)


@pytest.mark.parametrize("error", [1e-2, -0.5])
def test_finds_an_error_in_one_element(error: float) -> None:
    """A derivative that is wrong in one element of many is found."""
    scale = np.ones(5)
    scale[3] += error

    class Off(refgrad.autograd.Function):
        @staticmethod
        def forward(ctx: object, x: refgrad.Tensor) -> refgrad.Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: object, grad: refgrad.Tensor) -> refgrad.Tensor:
            return grad * refgrad.tensor(scale)

    assert not gradcheck(Off.apply, double(refgrad, 1, 2, 3, 4, 5), raise_exception=False)
