"""Factories, side by side with PyTorch: each line is run on both."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from tests.engine.ops.parity import Case, check_all, numpy_of

INF, NAN = float("inf"), float("nan")
LINES = {
    "numbers": """
        xp.tensor(1); xp.tensor(1.5); xp.tensor(True); xp.tensor(1j); xp.tensor(INF); xp.tensor(NAN); xp.tensor(1e40);
        xp.tensor(-2**63)
        xp.tensor(1., requires_grad=True); xp.tensor(1, requires_grad=True); xp.tensor(2**63); xp.tensor(-2**63 - 1);
        xp.tensor("a")
        xp.tensor(None); xp.tensor({}); xp.tensor(b"a"); xp.tensor(np.float32(2)); xp.tensor(np.int8(2));
        xp.tensor(np.float64(1.5))
        xp.tensor(1, dtype=xp.bool); xp.tensor(-1, dtype=xp.uint8); xp.tensor(300, dtype=xp.uint8);
        xp.tensor(-300, dtype=xp.uint8)
        xp.tensor(-129, dtype=xp.int8); xp.tensor(1e5, dtype=xp.int16); xp.tensor(1e40, dtype=xp.float16);
        xp.tensor(1e40, dtype=xp.float32)
        xp.tensor(INF, dtype=xp.int64); xp.tensor(NAN, dtype=xp.int64); xp.tensor(1j, dtype=xp.float32);
        xp.tensor(True, dtype=xp.float32)
    """,
    "lists": """
        xp.tensor([]); xp.tensor([[]]); xp.tensor([[], []]); xp.tensor([1, 2.5]); xp.tensor([True, 2]);
        xp.tensor([1, 1j]); xp.tensor([[1, 2], [3]])
        xp.tensor([[1], 2]); xp.tensor([1, [2]]); xp.tensor([1, "a"]); xp.tensor([None]); xp.tensor(range(3));
        xp.tensor((1, 2)); xp.tensor([[[1, 2], [3, 4]]])
        xp.tensor([np.float32(1), 2]); xp.tensor([np.int64(1), np.int64(2)]); xp.tensor([np.float64(1.5)]);
        xp.tensor([np.int8(1), np.int16(2)])
        xp.tensor([np.array([1, 2]), np.array([3, 4])]); xp.tensor([xp.tensor(1.), xp.tensor(2.)]);
        xp.tensor([xp.tensor([1.]), xp.tensor([2.])])
        xp.tensor([xp.tensor([1., 2.])]); xp.tensor([xp.tensor(1), 2.5]); xp.tensor([1, 2], dtype=xp.float64);
        xp.tensor([1.7, -2.9], dtype=xp.int64)
        xp.tensor([1, 2], requires_grad=True); xp.tensor([300], dtype=xp.int8); xp.tensor([-200], dtype=xp.uint8);
        xp.tensor([INF], dtype=xp.int32)
        xp.tensor([1.5], dtype=xp.bool); xp.tensor([1 + 2j], dtype=xp.complex128); xp.tensor(xp.tensor([1., 2.]));
        xp.tensor([1j], dtype=xp.float32)
    """,
    "arrays": """
        xp.tensor(np.array([1, 2], np.int16)); xp.tensor(np.zeros((2, 0))); xp.tensor(np.zeros((2, 3)).T);
        xp.tensor(np.array(["a"])); xp.as_tensor([1, 2.])
        xp.as_tensor(np.array([1, 2])); xp.as_tensor(xp.ones(2)); xp.as_tensor(xp.ones(2), dtype=xp.int64);
        xp.as_tensor(3); xp.asarray([1, 2])
        xp.asarray(np.array([1.])); xp.asarray([1.], requires_grad=True); xp.asarray(xp.ones(2), copy=True);
        xp.asarray([1], dtype=xp.float64)
        xp.from_numpy(np.array([1., 2.])); xp.from_numpy([1]); xp.from_numpy(np.array([1., 2.])[::-1]);
        xp.from_numpy(np.array(["a"]))
        xp.from_numpy(np.array([1.], ">f8")); xp.from_numpy(np.array(2.)); xp.from_numpy(np.zeros((2, 3)).T);
        xp.scalar_tensor(3)
        xp.scalar_tensor(3, dtype=xp.int64); xp.scalar_tensor(True); xp.Tensor([1, 2]); xp.Tensor([[1, 2], [3, 4]]);
        xp.Tensor().shape
    """,
    "constants": """
        xp.zeros(2, 3); xp.zeros((2, 3)); xp.zeros([2]); xp.zeros(()); xp.zeros(0); xp.zeros(2, dtype=xp.int64);
        xp.zeros(1.5); xp.zeros("a"); xp.zeros()
        xp.zeros([1.5]); xp.zeros(True); xp.zeros(2, requires_grad=True);
        xp.zeros(2, dtype=xp.int64, requires_grad=True); xp.ones(2, 3, dtype=xp.bool)
        xp.ones(()); xp.ones(1.5); xp.zeros(xp.Size([2, 2])); xp.zeros(xp.tensor(3)); xp.zeros(size=(2,));
        xp.ones(size=(2, 3)); xp.empty(2, 3).shape
        xp.zeros(2, device="cpu"); xp.full((2,), 3); xp.full((2,), 3.); xp.full((2,), True); xp.full((2,), 1j);
        xp.full((2,), 3, dtype=xp.float64)
        xp.full((), 7); xp.full([2, 2], xp.tensor(1.5)); xp.full((2,), 1.5, dtype=xp.int64);
        xp.full((2,), 300, dtype=xp.uint8)
        xp.full((2,), -1, dtype=xp.uint8); xp.full((2,), 1, requires_grad=True); xp.full(2, 3); xp.full((2,), "a");
        xp.full((1.5,), 2)
        xp.full((1,), NAN, dtype=xp.int64); xp.full((1,), 1e40, dtype=xp.float32);
        xp.full((1,), 1e5, dtype=xp.float16); xp.full((1,), INF)
    """,
    "ranges": """
        xp.arange(5); xp.arange(5.); xp.arange(1, 5); xp.arange(1, 5, 2); xp.arange(0, 1, .25); xp.arange(5, 0, -2);
        xp.arange(0); xp.arange(3, 1)
        xp.arange(1, 3, -1); xp.arange(1, 3, 0); xp.arange(0, 5, dtype=xp.float32); xp.arange(0.5, 3, dtype=xp.int64);
        xp.arange(2.5); xp.arange(xp.tensor(3))
        xp.arange(1, 2, .1, dtype=xp.float64); xp.arange(5, requires_grad=True); xp.arange(5., requires_grad=True);
        xp.arange(-3, 3); xp.arange(NAN)
        xp.arange(INF); xp.arange(1, 3, NAN); xp.arange(0, 3, 1j); xp.arange(True); xp.arange(start=1, end=4);
        xp.arange(end=4)
        xp.arange(0, 10, 3, dtype=xp.int32); xp.arange(0, .3, .1, dtype=xp.float16); xp.arange(0, 3, dtype=xp.bool);
        xp.arange("a")
        xp.linspace(0, 1, 5); xp.linspace(0, 1, 1); xp.linspace(0, 1, 0); xp.linspace(0, 1, -1); xp.linspace(1, 0, 4);
        xp.linspace(0, 10, 5, dtype=xp.int64)
        xp.linspace(-1, 1, 7, dtype=xp.float64); xp.linspace(0, 1, 3, requires_grad=True); xp.linspace(3, 3, 4);
        xp.linspace(0, 1, steps=4)
        xp.linspace(xp.tensor(0.), xp.tensor(1.), 3); xp.linspace(0, 1, 3, dtype=xp.complex64); xp.linspace(0, 1j, 3);
        xp.linspace(-7, 9, 6, dtype=xp.int64)
        xp.logspace(0, 2, 3); xp.logspace(0, 2, 5, base=2); xp.logspace(0, 1, 1); xp.logspace(0, 1, 0);
        xp.logspace(-1, 1, 5, dtype=xp.float64)
        xp.logspace(0, 1, -1); xp.eye(3); xp.eye(2, 3); xp.eye(0); xp.eye(-1); xp.eye(2, -1); xp.eye(1.5);
        xp.eye(3, dtype=xp.int64)
        xp.eye(2, requires_grad=True); xp.eye(2, dtype=xp.bool)
    """,
    "likeness": """
        xp.zeros_like(xp.ones(2, 3)); xp.zeros_like(xp.ones(2, 3), dtype=xp.int64); xp.ones_like(xp.zeros(2, 3).t());
        xp.full_like(xp.zeros(2), 3.5)
        xp.full_like(xp.zeros(2, dtype=xp.int64), 3.5); xp.full_like(xp.zeros(2), 3, dtype=xp.int64);
        xp.zeros_like(xp.ones(2), requires_grad=True)
        xp.ones_like(xp.tensor(1., requires_grad=True)); xp.empty_like(xp.ones(2, 3)).shape; xp.zeros_like(2);
        xp.zeros_like([1])
        xp.ones_like(xp.zeros(1, 3).expand(2, 3)); xp.zeros_like(xp.ones(4, 4)[::2, ::2]); xp.full_like(xp.zeros(2), 1j)
        xp.full_like(xp.zeros(2, dtype=xp.uint8), 300); xp.ones(2, 3).new_zeros(2);
        xp.ones(2, dtype=xp.int64).new_ones(2, 3); xp.ones(2).new_full((2,), 3)
        xp.ones(2).new_tensor([1, 2]); xp.ones(2, dtype=xp.int64).new_tensor([1.5, 2]); xp.ones(2).new_empty(3).shape
        xp.ones(2).new_zeros((2, 3), dtype=xp.int64); xp.ones(2).new_zeros(2, requires_grad=True);
        xp.ones(2, dtype=xp.float64).new_tensor(3, requires_grad=True)
    """,
    "questions": """
        xp.is_tensor(xp.ones(1)); xp.is_tensor(1); xp.is_floating_point(xp.ones(1));
        xp.is_floating_point(xp.tensor(1)); xp.is_complex(xp.tensor(1j))
        xp.numel(xp.ones(2, 3)); xp.rand_like(xp.zeros(2, dtype=xp.float64)).dtype.itemsize;
        xp.empty(3, requires_grad=True).requires_grad
    """,
}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\n", ";").split(";") if line.strip()]


def run(line: str) -> Any:
    return lambda xp: eval(line, {"xp": xp, "np": np, "INF": INF, "NAN": NAN})


@pytest.mark.parametrize("topic", LINES)
def test_factories_as_in_pytorch(topic: str) -> None:
    """Value, type, strides, ``requires_grad`` and errors of a factory are PyTorch's."""
    torch = pytest.importorskip("torch")
    check_all(refgrad, torch, [Case(line, run(line), (), orders=0) for line in lines(LINES[topic])])


@given(
    st.integers(-1000, 1000).map(lambda tenths: tenths / 10),  # what is far smaller than a step is rounded twice here
    st.floats(0.01, 3),
    st.integers(0, 100),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["arange", "linspace"]),
)
@settings(deadline=None, max_examples=100)
def test_ranges_are_pytorchs_to_the_last_bit(start: float, step: float, count: int, kind: str, name: str) -> None:
    """A range starts anew with each vector of numbers, or runs back from the middle, and is rounded as PyTorch's."""
    torch = pytest.importorskip("torch")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512") or np.finfo(np.longdouble).nmant < 63:
        pytest.skip("PyTorch rounds differently without AVX2, and NumPy without wide floats")
    third = step if name == "arange" else count
    ranges = [getattr(xp, name)(start, start + step * count, third, dtype=getattr(xp, kind)) for xp in (refgrad, torch)]
    np.testing.assert_array_equal(*map(numpy_of, ranges))


def test_shared_and_copied_memory() -> None:
    """``from_numpy`` and ``as_tensor`` share memory; ``tensor`` copies."""
    array = np.zeros(3)
    shared, same, copied = refgrad.from_numpy(array), refgrad.as_tensor(array), refgrad.tensor(array)
    array[0] = 1
    assert [x[0].item() for x in (shared, same, copied)] == [1, 1, 0]


def test_copying_a_tensor_warns() -> None:
    """``tensor`` of a tensor copies it, out of its graph, and says that there is a better way."""
    x = refgrad.ones(2, requires_grad=True)
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        y = refgrad.tensor(x)
    assert y.is_leaf
    assert not y.requires_grad


def test_no_numpy_warning_escapes() -> None:
    """Numbers that no type holds become infinite in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert refgrad.tensor(1e40).item() == INF
        assert refgrad.tensor([1e300, -1e300], dtype=refgrad.float16).tolist() == [INF, -INF]
