"""Data types: promotion, casts and limits, side by side with PyTorch, and the laws of promotion."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refgrad
from refgrad.engine import dtypes
from tests.engine.ops.parity import Case, check_all

NAMES = [kind.name for kind in dtypes.ALL]
TYPES = st.sampled_from(dtypes.ALL)
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((2,), (2,)), ((2,), ()), ((), (2,)), ((), ()), ((0,), ())]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def halves_of_complex(*names: str) -> bool:
    """Whether PyTorch would answer ``complex32``, which there is none of here."""
    return "float16" in names and any(name.startswith("complex") for name in names)


@pytest.mark.parametrize("left", NAMES)
def test_promotion_as_in_pytorch(left: str, torch: Any) -> None:
    """Any two types meet in PyTorch's, and cast where PyTorch casts."""
    for right in NAMES:
        for name in ("promote_types", "can_cast"):
            mine, theirs = (getattr(xp, name)(getattr(xp, left), getattr(xp, right)) for xp in (refgrad, torch))
            assert str(mine) == str(theirs), (name, left, right)


@pytest.mark.parametrize("left", NAMES)
def test_result_type_as_in_pytorch(left: str, torch: Any) -> None:
    """Tensors with dimensions outrank 0-d ones, which outrank Python's numbers."""
    for right, (first, second) in itertools.product(NAMES, SHAPES):
        if not (halves_of_complex(left, right) and first != second):
            answers = [
                str(
                    xp.result_type(xp.zeros(first, dtype=getattr(xp, left)), xp.zeros(second, dtype=getattr(xp, right)))
                )
                for xp in (refgrad, torch)
            ]
            assert answers[0] == answers[1], (left, first, right, second)
    for number, shape in itertools.product((True, 1, 1.5, 1j), ((2,), ())):
        if not (left == "float16" and number == 1j):
            answers = [str(xp.result_type(xp.zeros(shape, dtype=getattr(xp, left)), number)) for xp in (refgrad, torch)]
            assert answers[0] == answers[1], (left, shape, number)


LINES = """
    xp.finfo(xp.float32).eps; xp.finfo().max; repr(xp.finfo(xp.float16)); repr(xp.finfo(xp.float32));
    repr(xp.finfo(xp.float64)); xp.finfo(xp.int8)
    repr(xp.iinfo(xp.int8)); repr(xp.iinfo(xp.uint8)); xp.iinfo(xp.int64).max; repr(xp.iinfo(xp.int64));
    xp.iinfo(xp.float32); xp.finfo(xp.complex64).bits
    xp.finfo(xp.complex128).dtype; repr(xp.float32); repr(xp.float); repr(xp.int); repr(xp.bool); repr(xp.half);
    repr(xp.long); str(xp.float64)
    xp.float32.is_floating_point; xp.complex64.is_complex; xp.uint8.is_signed; xp.bool.is_signed; xp.int8.is_signed;
    xp.float32.itemsize
    repr(xp.float32.to_complex()); repr(xp.complex128.to_real()); xp.int64.to_complex(); repr(xp.int64.to_real());
    xp.set_default_dtype(xp.int64)
    xp.set_default_dtype("a"); xp.float32 == xp.float; xp.float32 is xp.float; hash(xp.float32) == hash(xp.float);
    isinstance(xp.float32, xp.dtype)
    repr(xp.get_default_dtype()); xp.tensor(1.5).to(xp.int64); xp.tensor([300, -1]).to(xp.uint8);
    xp.tensor(1 + 2j).to(xp.bool)
"""


def test_limits_and_names_as_in_pytorch(torch: Any) -> None:
    """A type's names, limits and questions have PyTorch's answers."""
    lines = [line.strip() for line in LINES.replace("\n", ";").split(";") if line.strip()]
    check_all(
        refgrad, torch, [Case(line, lambda xp, line=line: eval(line, {"xp": xp}), (), orders=0) for line in lines]
    )


@given(TYPES, TYPES, TYPES)
def test_promotion_is_a_lattice(a: Any, b: Any, c: Any) -> None:
    """Promotion does not depend on order, leaves a type with itself alone, and is above both."""
    meet = dtypes.promote_types(a, b)
    assert meet is dtypes.promote_types(b, a)
    assert dtypes.promote_types(a, a) is a
    assert dtypes.promote_types(meet, b) is meet
    assert dtypes.promote_types(meet, c) is dtypes.promote_types(a, dtypes.promote_types(b, c))


@given(TYPES)
def test_a_type_is_one_object(kind: Any) -> None:
    """Copies and pickles of a type are the type."""
    assert copy.deepcopy(kind) is kind
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert dtypes.of(kind.numpy) is kind


def test_default_type_decides_what_floats_are() -> None:
    """Python's floats, and factories without a type, follow the default type."""
    try:
        refgrad.set_default_dtype(refgrad.float64)
        kinds = [
            refgrad.tensor(1.5).dtype,
            refgrad.zeros(1).dtype,
            (refgrad.tensor([1]) / 2).dtype,
            refgrad.tensor(1j).dtype,
        ]
    finally:
        refgrad.set_default_dtype(refgrad.float32)
    assert kinds == [refgrad.float64] * 3 + [refgrad.complex128]


def test_a_type_that_pytorch_lacks_is_refused() -> None:
    """NumPy's types without a counterpart are named in the error."""
    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.str_"):
        dtypes.of(np.dtype("<U1"))


@given(st.sampled_from([k for k in dtypes.ALL if k.category == dtypes.INTEGRAL]), st.integers(-(2**70), 2**70))
def test_an_element_is_held_or_refused(kind: Any, value: int) -> None:
    """An integer that fits is kept, a negative one wraps around in an unsigned type, another is refused."""
    limits = np.iinfo(kind.numpy)
    if limits.min <= value <= limits.max:
        assert dtypes.element(value, kind.numpy) == value
    elif not limits.min and -int(limits.max) <= value < 0:
        assert dtypes.element(value, kind.numpy) == value + int(limits.max) + 1
    else:
        with pytest.raises(RuntimeError, match=r"cannot be converted to type .* without overflow"):
            dtypes.element(value, kind.numpy)
