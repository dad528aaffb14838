"""tinygrad's adapter."""

import itertools

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import profiles

pytest.importorskip("refgrad_tinygrad")  # which chooses the device, before tinygrad is imported
from refgrad_tinygrad import graph
from refgrad_tinygrad.library import Tensor, stored
from tinygrad.dtype import dtypes
from tinygrad.uop.ops import GroupOp, Ops, exec_alu

X = np.array([0.5, 2.0])
OPTIONS = ["", ":compile=1"]


@pytest.fixture(params=OPTIONS)
def backend(request):
    """tinygrad, without its compiler and with it."""
    return registry.load(f"refgrad_tinygrad:Tinygrad{request.param}")


def test_names():
    """A record tells which of the two ways it is of, and each has its own declared gaps."""
    ways = [registry.load(f"refgrad_tinygrad:Tinygrad{option}") for option in OPTIONS]
    assert [(way.name, way.expectations) for way in ways] == [
        ("tinygrad", "expectations.toml"),
        ("tinygrad-compiled", "compiled.toml"),
    ]


def test_profiles(backend):
    """tinygrad's gradients nest; it has no forward mode."""
    assert profiles(backend) == {"core", "higher"}


def test_gradients(backend):
    """Several primals get their gradients in double precision, weighted with the cotangent."""
    value, grads = calculus(backend).vjp(lambda xp, x, y: x * y, (X, 2 * X), np.array([1.0, -1.0]))
    assert value.dtype == np.float64
    np.testing.assert_allclose(grads, [[1.0, -4.0], [0.5, -2.0]])


def test_second_derivative(backend):
    """Derivatives nest."""
    np.testing.assert_allclose(calculus(backend).grad(lambda xp, x: x * x * x, X, order=2), 6 * X)


def test_a_scalar_is_no_constant(backend):
    """A scalar primal is not taken for the constants that are equal to it."""
    assert calculus(backend).grad(lambda xp, x: x * xp.tensor(2.0, dtype=xp.float64), np.array(2.0)) == 2.0


def test_other_keywords(backend):
    """PyTorch's keywords reach tinygrad's methods under tinygrad's names; what these do not take is unsupported."""
    np.testing.assert_allclose(calculus(backend).value(lambda xp, x: xp.sum(x, dim=0, keepdim=True), X), [2.5])
    with pytest.raises(Unsupported):
        calculus(backend).value(lambda xp, x: xp.cumsum(x, dim=0, dtype=xp.float64), X)


@pytest.mark.parametrize(
    "fn",
    [
        lambda xp, x: xp.sort(xp.sum(x))[0],
        lambda xp, x: xp.diag(xp.stack([x, x])),
        lambda xp, x: xp.logsumexp(xp.stack([x, x]), dim=(0, 1)),
    ],
    ids=["a number has no order", "diag of a matrix", "logsumexp along two"],
)
def test_takes_less(backend, fn):
    """What PyTorch's function takes and tinygrad's method does not is unsupported, and no failure."""
    with pytest.raises(Unsupported):
        calculus(backend).value(fn, X)


def test_several_outputs(backend):
    """Outputs are computed at once, and stay PyTorch's pair of values and indices."""
    values, indices = calculus(backend).value(lambda xp, x: xp.max(x, dim=0), X)
    assert (values, indices) == (2.0, 1)


def test_single_precision(backend):
    """Ones for a missing cotangent have the dtype of the output."""
    value, (grad,) = calculus(backend).vjp(lambda xp, x: x * x, (X.astype(np.float32),))
    assert (value.dtype, grad.dtype) == (np.float32, np.float32)


def test_a_product_with_0():
    """The compiler drops what is multiplied with the constant 0; the graph says nan for an infinite factor."""
    without, compiled = (
        calculus(registry.load(f"refgrad_tinygrad:Tinygrad{option}")).value(lambda xp, x: x * 0, (np.array([np.inf]),))
        for option in OPTIONS
    )
    assert (np.isnan(without), compiled) == (True, 0)


@pytest.mark.parametrize("op", graph.ELEMENTWISE, ids=lambda op: op.name)
def test_elementwise(op):
    """What the graph's ops do to a number is what tinygrad says that they do, in tinygrad's own table."""
    whole = {Ops.XOR, Ops.OR, Ops.AND, Ops.SHL, Ops.SHR, Ops.FLOORMOD, Ops.CMOD}
    numbers = [1, 3, 7, 5] if op in whole else [0.0, 1.5, -2.0, 3.0, np.inf, -np.inf, np.nan]
    dtype = dtypes.int32 if op in whole else dtypes.float64
    conditions = [[True, False]] if op is Ops.WHERE else []
    for operands in itertools.product(*conditions, *[numbers] * (1 if op in GroupOp.Unary else 2)):
        with np.errstate(all="ignore"):
            found = graph.ELEMENTWISE[op](*map(np.array, operands))
        np.testing.assert_allclose(found, exec_alu(op, dtype, operands), rtol=1e-15)


MATRIX = np.arange(6.0).reshape(2, 3) % 4


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: x.pad((1, 2)).flip(1).shrink(((0, 1), None)),
        lambda x: x.permute(1, 0).reshape(2, 3).expand(2, 2, 3),
        lambda x: x.max(1).cat(x.prod(0), x.sum().reshape(1)),
        lambda x: (x > 1).where(x, -x).cast("int32") // 2,
        lambda x: x.sort()[0] + x.cumsum(1) + x.argmax(1, keepdim=True),
        lambda x: x.clone().float() % 3,
        lambda x: x.bitcast("int64"),
        lambda x: Tensor.full((2,), 3),
    ],
    ids=["ends", "shapes", "reductions", "choices", "positions", "stored", "bits", "a constant"],
)
def test_evaluated(fn):
    """The graph's array has the numbers, the shape and the dtype of the one that tinygrad computes."""
    result = fn(Tensor(MATRIX))
    found, computed = graph.read(result), stored(result).numpy()
    np.testing.assert_array_equal(found, computed, strict=True)


def test_left_to_tinygrad():
    """An op that NumPy is not asked for is named."""
    with pytest.raises(graph.NotEvaluated, match="BITCAST"):
        graph.evaluated(Tensor(MATRIX).bitcast("int64").uop)
