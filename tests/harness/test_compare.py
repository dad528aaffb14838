"""Comparing arrays, and counting ulps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refgrad.harness.compare import compare, ulp_distance

FLOATS = st.sampled_from(["float16", "float32", "float64"])


@given(hnp.arrays(st.one_of(hnp.scalar_dtypes()).filter(lambda d: d.kind in "biufc" and d.itemsize <= 16), (2, 3)))
def test_reflexive(array):
    """Every array equals itself, nan and inf included."""
    assert compare(array, array.copy(), exact=True) is None


@given(FLOATS, st.data())
def test_one_ulp(dtype, data):
    """The next representable number is one ulp away, in either direction."""
    width = np.dtype(dtype).itemsize * 8
    value = np.asarray(data.draw(st.floats(width=width, allow_nan=False, allow_infinity=False)), dtype)[()]
    with np.errstate(over="ignore", under="ignore"):
        up = np.nextafter(value, np.asarray(np.inf, dtype))
    if np.isfinite(up):
        assert ulp_distance(value, up) == ulp_distance(up, value) == 1


def test_zeros_of_both_signs():
    """Minus zero equals zero, and no number lies between them."""
    assert compare(np.array(-0.0), np.array(0.0), exact=True) is None
    assert ulp_distance(np.float32(-0.0), np.float32(0.0)) == 0


def test_message():
    """A mismatch names the first index, both values, the dtype, the distance in ulp and the bound."""
    found = compare(np.array([1.0, 2.0, 3.0], np.float32), [1.0, 2.5, 9.0])
    assert found.index == (1,)
    assert str(found) == (
        "at index [1]: got 2.0, expected 2.5 (dtype float32)\n"
        "  off by 0.5, 2,097,152 ulp; bound 1.33e-05\n"
        "  2 of 3 elements differ"
    )


def test_scalar_message():
    """For a tensor without dimensions no index is named."""
    assert str(compare(np.array(2), 3)).startswith(
        "the value: got 2, expected 3 (dtype int64)\n  off by 1; must be equal"
    )


@pytest.mark.parametrize(
    ("actual", "expected"), [(np.ones(1), 1.0), (np.ones((2, 3)), np.ones((3, 2))), (np.ones(0), 1.0)]
)
def test_shapes_must_agree(actual, expected):
    """Shapes do not broadcast: a gradient that was not summed is a mismatch even where all its values agree."""
    assert compare(actual, expected).kind == "shape"


@pytest.mark.parametrize(
    ("actual", "expected"),
    [(np.nan, 1.0), (1.0, np.nan), (np.inf, -np.inf), (np.inf, 1e300), (1e300, np.inf), (complex(np.nan, 0), 1 + 0j)],
)
def test_special_values_differ(actual, expected):
    """nan and inf are near nothing but themselves, and the message says so."""
    assert "nan and inf are near nothing" in str(compare(np.array(actual), expected))


def test_tolerance_of_the_looser_dtype():
    """An answer in float64 is held to no more than the float32 golden knows; a plain number knows all its digits."""
    golden = np.array(0.1, np.float32)
    assert compare(np.array(0.1), golden) is None
    assert compare(np.array(float(golden) * (1 + 3e-7)), float(golden), atol=0.0) is not None


def test_unsigned_difference_does_not_wrap():
    """A difference below zero of unsigned integers is not a large one."""
    assert compare(np.array(1, np.uint8), np.array(2, np.uint8)).difference == 1.0


def test_large_integers():
    """Neighbouring int64 beyond 2 ** 53 differ."""
    assert compare(np.array(2**62), np.array(2**62 + 1)).difference == 1.0


def test_bfloat16():
    """bfloat16 compares, with its own tolerance and its own ulps."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    one = np.array([1.0], ml_dtypes.bfloat16)
    assert compare(one, one * np.array(1.0078125, ml_dtypes.bfloat16)) is None
    found = compare(one, np.array([1.5], ml_dtypes.bfloat16))
    assert (found.ulps, found.dtype) == (64, "bfloat16")


def test_complex_ulps():
    """The distance of complex numbers is that of the part that is further off."""
    assert ulp_distance(np.complex128(1 + 1j), np.complex128(complex(1, np.nextafter(1, 2)))) == 1


def test_empty_arrays_agree():
    """Arrays of no elements agree if their shapes do."""
    assert compare(np.ones((0, 3)), np.ones((0, 3))) is None
