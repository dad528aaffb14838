"""Values as JSON: every one comes back, and what stands for none is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refgrad.errors import ProtocolError
from refgrad.harness.wire.values import DTYPES, array_from, array_to, decode, encode, message


def refuse(*args):
    raise ProtocolError("nothing is kept here")


def journey(value):
    return decode(json.loads(json.dumps(encode(value, refuse), allow_nan=False)), refuse)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.complex_numbers()


@given(st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=6))
def test_plain_values(value):
    """Numbers of every kind, texts and nested tuples come back as they went."""
    assert repr(journey(value)) == repr(value)


@pytest.mark.parametrize("value", [slice(None, 3, -1), ..., np.dtype("float32"), (slice(1, 2), ..., None)], ids=repr)
def test_indices_and_dtypes(value):
    """So do the parts of an index, and dtypes."""
    assert journey(value) == value


@pytest.mark.parametrize(
    "value", [np.float64("nan"), np.float32(1.5), np.complex128(1j), np.int8(3), np.bool_(True)], ids=repr
)
def test_numpy_s_numbers(value):
    """A number of NumPy's is an array without dims: it keeps its dtype."""
    back = journey(value)
    assert (back.dtype, back.shape) == (value.dtype, ())
    assert np.array_equal(back, value, equal_nan=value.dtype.kind == "f")


@pytest.mark.parametrize("binary", [False, True])
@given(
    array=st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, min_side=0))
    )
)
def test_arrays(array, binary):
    """An array keeps its bits in either encoding, but for which nan a nan is."""
    back = array_from(json.loads(json.dumps(array_to(array, binary=binary), allow_nan=False)))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array, equal_nan=True)
    assert np.array_equal(np.signbit(back.real), np.signbit(array.real)) or np.isnan(array).any()


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"nonsense": 1},
        {"dtype": "object", "shape": [], "data": 1},
        {"dtype": "float32", "shape": [-1], "data": [1]},
        {"dtype": "float32", "shape": 3, "data": [1, 2, 3]},
        {"dtype": "float32", "shape": [2], "data": [1, 2, 3]},
        {"dtype": "float32", "shape": [2], "data": [[1], 2]},
        {"dtype": "float32", "shape": [1], "base64": "AAA"},
        {"dtype": "float32", "shape": [1], "base64": "????"},
        {"dtype": "float32", "shape": [2], "base64": "AACAPw=="},
        {"dtype": "nosuch"},
        {"float": "huge"},
        {"slice": [1]},
        {"complex": ["a", 1]},
        {"fields": {"1x": 2}},
        {"data": [1]},
    ],
    ids=json.dumps,
)
def test_what_stands_for_nothing(value):
    """A malformed value is a ProtocolError, whatever is wrong with it."""
    with pytest.raises(ProtocolError):
        decode(value, refuse)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"nonsense", b"\xff{}", b"[" * 100_000])
def test_lines_that_are_no_message(text):
    """A line that holds no JSON object is none, and never an error."""
    assert message(text) is None
