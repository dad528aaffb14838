"""A backend that computes in single precision is given nothing wider, and held to no more."""

from pathlib import Path

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import op_db
from refgrad.harness.adapters import calculus, facade
from refgrad.harness.adapters.precision import narrowed, widest
from refgrad.harness.check import Check, Disagreement
from refgrad.harness.goldens import newest
from refgrad.harness.op_check import OpCheck, Samples
from refgrad.harness.registry import load

HARNESS = Path(__file__).parents[1]
GOLDENS = newest(HARNESS.parents[1] / "conformance" / "goldens")


def wide():
    return load(f"{HARNESS / 'tiny_tape.py'}:TinyTape")


def single():
    """The tape, in single precision."""
    backend = wide()
    backend.widest = "float32"
    return backend


def test_wide_unless_it_says_otherwise():
    """A backend computes in float64 unless it says otherwise."""
    assert (widest(wide()), widest(single())) == ("float64", "float32")


@pytest.mark.parametrize(("given", "held"), [("float64", "float32"), ("complex128", "complex64"), ("int64", "int64")])
def test_narrowed(given, held):
    """Floats and complex numbers are narrowed, integers are not."""
    assert narrowed(np.ones(2, given), "float32").dtype == held
    assert narrowed(np.ones(2, given), "float64").dtype == given


@pytest.mark.parametrize("number", [1e300, 1e-300])
def test_numbers_that_are_none(number):
    """An input that single precision cannot hold is unsupported; nan and infinities it can."""
    with pytest.raises(Unsupported, match="float64"):
        narrowed(np.array([1.0, number]), "float32", exact=True)
    assert np.isnan(narrowed(np.array([np.nan, np.inf, 0.0]), "float32", exact=True)[0])


def test_questions():
    """Primals and cotangents reach it in single precision."""
    value, (grad,) = calculus(single()).vjp(lambda xp, x: x * x, (np.array([0.1]),), np.array([3.0]))
    assert (value.dtype, grad.dtype) == (np.float32, np.float32)
    assert facade(single()).tensor(np.array([0.1])).dtype == np.float32


def test_dtypes():
    """A dtype that is wider is unsupported, asked for by a test or by an op."""
    with pytest.raises(Unsupported, match="float64"):
        calculus(single()).require("float64")
    with pytest.raises(Unsupported, match="complex128"):
        calculus(single()).value(lambda xp, x: xp.sum(x, dtype=xp.complex128), np.ones(1))
    calculus(single()).require("float32")
    calculus(wide()).require("float64")


def test_comparisons():
    """What is compared is compared in single precision, on both sides."""
    check = Check("mylib", "case", array=np.asarray, strict=False, widest="float32")
    check.equal(np.float32(0.1) * np.ones(1, np.float32), np.array([0.1]))
    check.equal(np.array([0.1]), np.array([0.1]))
    with pytest.raises(Disagreement):
        check.equal(np.array([0.1]), np.array([0.2]))


def test_answers():
    """What PyTorch answered in double precision is asked for in single precision."""
    backend, (op,) = single(), (each for each in op_db.find(["mul"]) if not each.variant)
    check = Check(
        backend.name,
        "mul",
        array=backend.to_numpy,
        strict=False,
        lacks=lambda error: str(error) if isinstance(error, Unsupported) else None,
    )
    OpCheck(check, Samples(calculus(backend), GOLDENS), op).agree("vjp")
