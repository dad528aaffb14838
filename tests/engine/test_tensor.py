"""Tensor: attributes, conversions, what may be set, copies, and Python's protocols."""

from __future__ import annotations

import copy
import io
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from tests.engine.live import attempt, leaf, live

_DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


def of(xp: Any, dtype: str, *values: Any) -> Any:
    return xp.tensor(values[0] if len(values) == 1 else list(values), dtype=getattr(xp, dtype))


# what it is -----------------------------------------------------------------------------------------------------------


@live
def test_attributes(xp: Any) -> Any:
    """Shape, type, layout and memory are told by PyTorch's names, as attributes and as methods."""
    seen = []
    names = "shape ndim dtype device layout itemsize nbytes is_cuda is_sparse is_quantized is_meta requires_grad is_leaf grad grad_fn output_nr retains_grad".split()
    calls = "size dim numel nelement ndimension element_size stride storage_offset is_contiguous is_floating_point is_complex is_signed get_device type _is_view is_inference".split()
    for t in (
        xp.ones(2, 3),
        xp.ones(()),
        xp.arange(6).view(2, 3).t(),
        xp.ones(0, 2),
        xp.ones(2, 3, requires_grad=True)[1],
        xp.ones(4)[::2],
    ):
        seen.append([(n, str(getattr(t, n))) for n in names] + [(n, str(getattr(t, n)())) for n in calls])
    t = xp.ones(2, 3)
    return (
        seen,
        t.size(1),
        t.size(-1),
        t.stride(0),
        attempt(lambda: t.size(2)),
        attempt(lambda: t.stride(-3)),
        len(t),
        t.shape.numel(),
    )


@live
def test_sizes_are_tuples(xp: Any) -> Any:
    """A shape prints as ``torch.Size``, is a tuple, and stays a size when cut or joined."""
    s = xp.ones(2, 3, 4).shape
    return (
        repr(s),
        s == (2, 3, 4),
        repr(s[1:]),
        repr(s + (5,)),
        s[0],
        list(s),
        isinstance(s, tuple),
        hash(s) == hash((2, 3, 4)),
        s.numel(),
    )


@pytest.mark.parametrize("dtype", _DTYPES)
def test_each_type(dtype: str) -> None:
    """Each data type has PyTorch's names, sizes, values and conversions."""

    def scene(xp: Any) -> Any:
        t = of(xp, dtype, [0, 1, 1])
        kind = t.dtype
        facts = [
            repr(kind),
            kind.is_floating_point,
            kind.is_complex,
            kind.is_signed,
            kind.itemsize,
            t.type(),
            t.is_signed(),
            t.nbytes,
        ]
        casts = [
            attempt(lambda n=n: getattr(t, n)())
            for n in ("double", "float", "half", "long", "int", "short", "bool", "byte")
        ]
        return (
            t,
            repr(t),
            t.tolist(),
            t[0].item(),
            facts,
            casts,
            t.to(xp.float32).dtype is xp.float32,
            t.numpy().dtype.name,
        )

    live(scene)()


# values out -----------------------------------------------------------------------------------------------------------


@live
def test_item_and_tolist(xp: Any) -> Any:
    """One element comes out as a Python number of its kind; all of them as nested lists."""
    seen = []
    for dtype in _DTYPES:
        value = of(xp, dtype, [[1]]).item()
        seen.append((type(value).__name__, value, of(xp, dtype, [[1, 0]]).tolist(), of(xp, dtype, 1).tolist()))
    return seen, attempt(xp.ones(2).item), attempt(xp.ones(0).item), xp.ones(0, 2).tolist(), xp.ones(2, 0).tolist()


@live
def test_numbers(xp: Any) -> Any:
    """``float``, ``int``, ``bool``, ``complex`` and ``index`` take one element, and say what is wrong with more."""
    tensors = [
        xp.tensor(1 + 0j),
        xp.tensor(2.7),
        xp.tensor([3]),
        xp.tensor([[True]]),
        xp.tensor(1 + 2j),
        xp.ones(2),
        xp.ones(0),
        xp.tensor(0.0),
        xp.tensor(math.nan),
    ]
    converts = [
        float,
        int,
        bool,
        complex,
        math.floor,
        math.ceil,
        math.trunc,
        round,
        lambda t: [10, 11, 12, 13][t],
        lambda t: "x" * t,
        lambda t: t.__index__(),
    ]
    return [[attempt(lambda c=c, t=t: c(t)) for c in converts] for t in tensors]


@live
def test_numbers_of_tensors_that_require_grad(xp: Any) -> Any:
    """A number can be taken of a tensor that requires grad; only ``float`` and its like warn."""
    x = leaf(xp, 2.0)
    return (
        x.item(),
        x.tolist(),
        bool(x),
        attempt(lambda: int(x)),
        attempt(lambda: float(x * 1)),
        math.sqrt(x),
        f"{x:.3f}",
    )


@live
def test_truth(xp: Any) -> Any:
    """Truth needs one element."""
    tests = [
        xp.tensor(0),
        xp.tensor([2.0]),
        xp.tensor([[0.0]]),
        xp.tensor(math.nan),
        xp.ones(2),
        xp.ones(0),
        xp.tensor([False]),
        xp.tensor(0j),
    ]
    return [attempt(lambda t=t: bool(t)) for t in tests], not xp.tensor(1), xp.tensor(0) or 5


@live
def test_formats(xp: Any) -> Any:
    """A 0-d tensor is formatted as its number, others as objects."""
    return [
        f"{xp.tensor(1.5)}", f"{xp.tensor(1.5):6.2f}", f"{xp.tensor(7):04d}", f"{xp.tensor([1.5])}", f"{leaf(xp, 2.5)}", str(leaf(xp, 2.5)),
        attempt(lambda: f"{xp.ones(2):.2f}"), f"{xp.tensor(True)}", "%.1f" % xp.tensor(2.25).item(), f"{leaf(xp, 2.5) * 1:.1f}",
    ]  # fmt: skip


@live
def test_reprs(xp: Any) -> Any:
    """A tensor prints its values, and its type and graph where they are not the usual ones."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    y[0] = 3
    return [
        repr(t)
        for t in (
            x,
            x + 1,
            y,
            y[1],
            x.detach(),
            x.double(),
            xp.tensor([1, 2], dtype=xp.int32),
            xp.tensor(True),
            xp.ones(0, 3),
            x.sum(),
        )
    ]


def test_numpy_shares_memory() -> None:
    """``numpy`` and ``from_numpy`` share memory both ways, 0-d tensors included."""
    t = refgrad.zeros(2, 2)
    a = t.numpy()
    a[0, 0] = 5
    t[1, 1] = 7
    assert (t.tolist(), a.tolist()) == ([[5, 0], [0, 7]], [[5, 0], [0, 7]])
    s = refgrad.tensor(1.0)
    zero_d = s.numpy()
    s.add_(1)
    assert zero_d == 2.0
    b = np.arange(3.0)
    u = refgrad.from_numpy(b)
    u.mul_(2)
    assert b.tolist() == [0.0, 2.0, 4.0]
    assert refgrad.from_numpy(b).data_ptr() == u.data_ptr() == b.__array_interface__["data"][0]


@live
def test_numpy_of_a_graph(xp: Any) -> Any:
    """``numpy`` refuses tensors that require grad unless forced; ``detach`` opens the way."""
    x = leaf(xp, 1.0, 2.0)
    return [
        attempt(x.numpy),
        attempt((x * 1).numpy),
        x.numpy(force=True),
        x.detach().numpy(),
        attempt(lambda: np.asarray(x)),
        attempt(lambda: np.sqrt(x)),
    ]


@live
def test_array_protocol(xp: Any) -> Any:
    """NumPy takes tensors as arrays, in the type asked for."""
    t = xp.tensor([1.0, 4.0])
    made = [np.asarray(t), np.asarray(t, dtype=np.float64), np.array([t.numpy(), t.numpy()]), np.add(t.numpy(), 1)]
    return [(m.dtype.name, m.tolist()) for m in made]


@live
def test_arrays_from_tensors(xp: Any) -> Any:
    """``tensor``, ``as_tensor`` and ``Tensor`` take NumPy arrays and scalars, keeping NumPy's type."""
    seen = []
    for value in (
        np.float32(1.5),
        np.int16(3),
        np.arange(3, dtype=np.int32),
        np.array(2.0),
        np.array([True]),
        np.float64(2),
    ):
        seen.append((xp.tensor(value), xp.as_tensor(value)))
    return (
        seen,
        attempt(lambda: xp.tensor(np.array(["a"]))),
        xp.Tensor(np.arange(3)),
        attempt(lambda: xp.from_numpy([1.0])),
    )


# what may be set ------------------------------------------------------------------------------------------------------


@live
def test_requires_grad(xp: Any) -> Any:
    """Only leaves of floating and complex types can be told whether to require grad."""
    x = leaf(xp, 1.0, 2.0)
    y, whole = x * 2, xp.tensor([1, 2])

    def assign(t: Any, value: Any) -> Any:
        t.requires_grad = value
        return t.requires_grad

    tries = [
        lambda: assign(y, False), lambda: assign(y, True), lambda: assign(whole, True), lambda: assign(whole, False), lambda: assign(x, 1),
        lambda: assign(x, None), lambda: y.requires_grad_(False), lambda: y.requires_grad_(), lambda: whole.requires_grad_(),
        lambda: whole.requires_grad_(False), lambda: xp.tensor([1], requires_grad=True), lambda: xp.ones(1, dtype=xp.complex64).requires_grad_(),
        lambda: xp.ones(2, dtype=xp.int64, requires_grad=True), lambda: assign(x, False), lambda: x.requires_grad_(True).requires_grad,
    ]  # fmt: skip
    return [attempt(t) for t in tries]


@live
def test_grad(xp: Any) -> Any:
    """``.grad`` takes None or a fitting tensor, may be deleted, and warns on a tensor that will not have one."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 2

    def assign(t: Any, value: Any) -> Any:
        t.grad = value
        return t.grad

    values = [
        None, xp.ones(2), 3.0, [1.0, 2.0], xp.ones(3), xp.ones(1, 2), xp.ones(()), xp.ones(2, dtype=xp.float64), xp.ones(2, dtype=xp.int64), x,
        xp.ones(2, requires_grad=True) * 2, np.ones(2),
    ]  # fmt: skip
    outcomes = [attempt(lambda v=v: assign(x, v)) for v in values]
    held = xp.ones(2)
    x.grad = held
    kept = x.grad is held
    del x.grad
    return (
        outcomes,
        kept,
        x.grad,
        y.grad,
        attempt(lambda: assign(y, xp.ones(2))),
        attempt(lambda: assign(xp.ones(2), xp.ones(2))),
    )


@live
def test_data(xp: Any) -> Any:
    """``.data`` shares memory without history or version; it may be replaced by what fits."""
    x = leaf(xp, 1.0, 2.0)
    raw = x.data
    raw.mul_(10)
    facts = [raw.requires_grad, raw.is_leaf, x._version, raw._version, x.tolist()]

    def assign(value: Any) -> Any:
        x.data = value
        return x.tolist(), x.requires_grad, x.dtype, x.shape

    values = [
        xp.tensor([5.0, 6.0]),
        xp.ones(3),
        xp.ones(2, dtype=xp.float64),
        xp.tensor([1, 2]),
        xp.ones(2, requires_grad=True),
    ]
    return facts, [attempt(lambda v=v: assign(v)) for v in values], attempt(lambda: assign(3.0))


@live
def test_detach(xp: Any) -> Any:
    """``detach`` shares memory and version, has no history, and takes no hooks along."""
    x = leaf(xp, 1.0, 2.0)
    d = x.detach()
    d.add_(1)
    return d, d.is_leaf, d._is_view(), d._base, x, x._version, d._version, d.data_ptr() == x.data_ptr()


@live
def test_own_attributes(xp: Any) -> Any:
    """A tensor takes attributes of the user's own, and has no others."""
    x = leaf(xp, 1.0)
    x.note = "mine"
    return x.note, attempt(lambda: x.nothing), hasattr(x * 1, "note"), hasattr(x.detach(), "note")


# copies ---------------------------------------------------------------------------------------------------------------


@live
def test_deepcopy(xp: Any) -> Any:
    """A leaf is copied with its gradient; a tensor inside a graph is not copied at all."""
    x = leaf(xp, 1.0, 2.0)
    (x * x).sum().backward()
    other = copy.deepcopy(x)
    other.data.zero_()
    shared = [x, x]
    pair = copy.deepcopy(shared)
    view = xp.ones(2, 3)[:, 1]
    return (
        other,
        other.grad,
        other.grad is x.grad,
        x,
        pair[0] is pair[1],
        attempt(lambda: copy.deepcopy(x * 1)),
        copy.deepcopy(view).tolist(),
    )


@live
def test_copy(xp: Any) -> Any:
    """A shallow copy is another tensor over the same memory."""
    x = leaf(xp, 1.0, 2.0)
    other = copy.copy(x)
    return other is x, other, other.data_ptr() == x.data_ptr()


@live
def test_pickle(xp: Any) -> Any:
    """A leaf survives pickling: values, type, requires_grad; a tensor inside a graph comes back as a leaf or not at all."""
    x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
    back = [
        pickle.loads(pickle.dumps(t))
        for t in (x, x.detach().t(), xp.tensor(True), xp.tensor(3), xp.ones(0, 2), xp.ones(2, dtype=xp.float16))
    ]
    return (
        back,
        [b.is_leaf for b in back],
        [b.stride() for b in back],
        pickle.loads(pickle.dumps([xp.float32, xp.Size((2, 3))])) == [xp.float32, (2, 3)],
    )


@live
def test_save_and_load(xp: Any) -> Any:
    """``save`` writes what ``load`` reads, containers included."""
    file = io.BytesIO()
    xp.save({"w": leaf(xp, 1.0, 2.0), "n": [1, "a"]}, file)
    file.seek(0)
    return xp.load(file)


# protocols ------------------------------------------------------------------------------------------------------------


@live
def test_equality_and_hash(xp: Any) -> Any:
    """Equality is element by element; hashing is by identity; membership asks for any equal element."""
    x, y = xp.tensor([1.0, 2.0]), xp.tensor([1.0, 3.0])
    facts = [x == y, x != y, x == 1, x == None, x != "a", hash(x) == id(x), len({x, x, y}), {x: 1}[x], 2.0 in x, 5 in x]  # noqa: E711
    return (
        facts,
        attempt(lambda: x in [y, x]),
        attempt(lambda: x == xp.ones(3)),
        attempt(lambda: "a" in x),
        xp.tensor(2.0) in x,
    )


@live
def test_iteration(xp: Any) -> Any:
    """A tensor iterates over its first dimension by views, unpacks, and reverses."""
    x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
    a, b = x
    (a * 2 + b).sum().backward()
    return (
        a,
        b,
        x.grad,
        [float(t.detach()) for t in x[0]],
        list(reversed(xp.tensor([1, 2, 3]))),
        attempt(lambda: list(xp.tensor(1))),
        attempt(lambda: len(xp.tensor(1))),
    )


@live
def test_the_legacy_constructor(xp: Any) -> Any:
    """``Tensor`` takes data or sizes, always in the default type."""
    makes = [
        lambda: xp.Tensor([1, 2]), lambda: xp.Tensor([[1.5]]), lambda: xp.Tensor(2, 3).shape, lambda: xp.Tensor(), lambda: xp.Tensor((1, 2)),
        lambda: xp.Tensor(xp.ones(2)), lambda: xp.Tensor(xp.Size((2, 2))).shape, lambda: xp.Tensor(0), lambda: xp.Tensor([True]),
        lambda: type(xp.Tensor([1])).__name__, lambda: isinstance(xp.ones(1), xp.Tensor), lambda: xp.is_tensor(xp.ones(1)), lambda: xp.is_tensor(1),
        lambda: xp.Tensor([]).shape, lambda: xp.Tensor(range(3)),
    ]  # fmt: skip
    return [attempt(m) for m in makes]


@live
def test_operators(xp: Any) -> Any:
    """Operators take tensors and numbers on either side, and leave other types to the other operand."""
    x = leaf(xp, 2.0, 3.0)
    floats = [
        x + 1,
        1 + x,
        x - 1,
        1 - x,
        x * 2,
        2 * x,
        x / 2,
        2 / x,
        x // 2,
        7 // x,
        x % 2,
        7 % x,
        x**2,
        2**x,
        -x,
        +x,
        abs(-x),
        x @ x,
    ]
    whole = xp.tensor([6, 3])
    ints = [whole & 2, 2 | whole, whole ^ whole, ~whole, whole / 2, whole // 2, whole % 4, 1 - whole]
    tests = [x < 2.5, x <= 2, x > 2.5, x <= 2.5, x == x, x != 2]
    return (
        floats,
        ints,
        tests,
        [attempt(lambda o=o: x + o) for o in ("a", None, [1, 2], {}, object())],
        attempt(lambda: [1.0] * x),
    )


@live
def test_operators_with_numpy(xp: Any) -> Any:
    """NumPy scalars are numbers to a tensor on their left."""
    x = xp.tensor([2.0, 3.0])
    return [x * np.float32(2), x + np.int64(1), x ** np.float64(2), x / np.float64(4)]


@live
def test_conversions(xp: Any) -> Any:
    """``to`` gives the tensor itself where nothing changes, and a recorded copy where the type does."""
    x = leaf(xp, 1.0, 2.0)
    y = x.to(xp.float64)
    y.sum().backward()
    kept = [
        x.to(xp.float32) is x,
        x.float() is x,
        x.to("cpu") is x,
        x.to(x) is x,
        x.cpu() is x,
        x.to(xp.float32, copy=True) is x,
        x.type_as(y).dtype,
    ]
    return y, x.grad, kept, attempt(lambda: x.cuda()), x.to(dtype=xp.int64), x.long()


@live
def test_new_tensors(xp: Any) -> Any:
    """``new_*`` make tensors of the same type."""
    x = xp.ones(2, dtype=xp.float64)
    return [
        x.new_zeros(2, 3),
        x.new_ones((2,)),
        x.new_full((2,), 7),
        x.new_zeros(2, dtype=xp.int32),
        x.new_empty(2, 2).shape,
        x.new_tensor([1, 2]),
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.floats(-3, 3, width=32) | st.integers(-3, 3) | st.booleans(),
        lambda s: st.lists(s, min_size=1, max_size=3),
        max_leaves=6,
    )
)
def test_tensors_of_any_nesting_are_as_in_torch(data: Any) -> None:
    """Nested lists of numbers become PyTorch's tensor, or PyTorch's error."""
    live(lambda xp: attempt(lambda: xp.tensor(data)))()


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=5))
def test_tolist_undoes_tensor(values: list[float]) -> None:
    """Values survive the way into a tensor and back."""
    assert refgrad.tensor(values).tolist() == values
    assert [t.item() for t in refgrad.tensor(values)] == values


@live
def test_numpy_functions(xp: Any) -> Any:
    """NumPy's functions of a tensor give tensors; bools come as bytes."""
    x = xp.tensor([1.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's own, of how NumPy calls it
        made = [np.sin(x), np.add(np.ones(2), x), np.greater(x, 1), np.maximum(x, 1.5), np.exp(xp.tensor(1.0))]
        made.append(x + np.array(2.0))
    return [made, x == np.array([1.0, 3.0]), x == [1.0, 2.0]]


@live
def test_compared_as_wholes(xp: Any) -> Any:
    """equal and allclose answer with a bool, is_nonzero of one element only."""
    x = xp.tensor([1.0, 2.0])
    asked = [x.equal(x + 0), x.equal(x[:1]), xp.equal(x, xp.tensor([1, 2])), x.allclose(x + 1e-9)]
    return [*asked, attempt(lambda: x.equal(1)), xp.is_nonzero(x[0]), attempt(lambda: xp.is_nonzero(x))]
