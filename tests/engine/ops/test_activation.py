"""Activations, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(5)
INPUTS = {
    "matrix": Array(RNG.normal(size=(3, 4)) * 3),
    "single": Array(RNG.normal(size=(3, 4)), "float32"),
    "number": Array(np.array(-1.5)),
    "empty": Array(np.zeros((0, 3))),
    "turned": Array(RNG.normal(size=(2, 3)), layout="transposed"),
    "kinks": Array(np.array([-6.0, -1.0, -0.0, 0.0, 1.0, 3.0, 6.0])),
    "large": Array(np.array([-1000.0, -100.0, 100.0, 1000.0])),
    "integers": Array(np.array([[1, -2], [3, 0]]), "int64"),
    "bools": Array(np.array([True, False]), "bool"),
}
SPECIAL = Array(np.array([math.nan, math.inf, -math.inf]))


def functional(name, *args, **kwargs):
    return lambda xp, x: getattr(xp.nn.functional, name)(x, *args, **kwargs)


CALLS = {
    "relu6": functional("relu6"),
    "hardtanh": functional("hardtanh"),
    "hardtanh-wide": functional("hardtanh", -3.0, 2.0),
    "hardtanh-wrong": functional("hardtanh", 1.0, -1.0),
    "leaky_relu": functional("leaky_relu"),
    "leaky_relu-steep": functional("leaky_relu", 0.5),
    "elu": functional("elu"),
    "elu-scaled": functional("elu", alpha=2.0),
    "selu": functional("selu"),
    "celu": functional("celu"),
    "celu-scaled": functional("celu", alpha=2.0),
    "celu-zero": functional("celu", alpha=0.0),
    "gelu": functional("gelu"),
    "gelu-tanh": functional("gelu", approximate="tanh"),
    "gelu-wrong": functional("gelu", approximate="sine"),
    "silu": functional("silu"),
    "softplus": functional("softplus"),
    "softplus-sharp": functional("softplus", beta=2.0, threshold=1.0),
    "logsigmoid": functional("logsigmoid"),
    "softsign": functional("softsign"),
}
CASES = [
    *(Case(f"{name}-{label}", call, (x,)) for name, call in CALLS.items() for label, x in INPUTS.items()),
    *(Case(f"tanhshrink-{k}", functional("tanhshrink"), (x,)) for k, x in INPUTS.items() if k != "bools"),
    # torch's second derivative of mish is nan for large inputs, by overflow
    *(Case(f"mish-{label}", functional("mish"), (x,), 1 if label == "large" else 2) for label, x in INPUTS.items()),
    *(Case(f"{name}-special", CALLS[name], (SPECIAL,), 1) for name in ("relu6", "elu", "leaky_relu", "softplus")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_activation_as_in_pytorch(case):
    """An activation gives PyTorch's value, type, graph, gradients (at its kinks too) and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", ["celu", "elu", "gelu", "logsigmoid", "selu", "silu", "softplus"])
def test_derivatives_far_out(name):
    """The first four derivatives are PyTorch's where an exponential overflows, and by a power of 0."""

    def derivatives(xp):
        x = xp.tensor([-1e4, -800.0, -0.5, 0.5, 800.0, 1e4], dtype=xp.float64, requires_grad=True)
        found = [getattr(xp.nn.functional, name)(x)]
        for _ in range(4):
            found += xp.autograd.grad(found[-1].sum(), x, create_graph=True)
        return [each.detach().numpy() for each in found]

    for mine, theirs in zip(derivatives(refgrad), derivatives(torch), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-300)
