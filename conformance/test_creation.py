"""Making tensors: values, shapes and default dtypes of the factories."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"

LITERALS = {
    "float": (3.5, (), "float32"),
    "integer": (3, (), "int64"),
    "bool": (True, (), "bool"),
    "complex": (1 + 2j, (), "complex64"),
    "floats": ([1.0, 2.5], (2,), "float32"),
    "integers": ([1, 2, 3], (3,), "int64"),
    "bools": ([True, False], (2,), "bool"),
    "mixed": ([1, 2.5], (2,), "float32"),
    "bool_and_integer": ([True, 2], (2,), "int64"),
    "integer_and_complex": ([1, 2j], (2,), "complex64"),
    "nested": ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], (2, 3), "float32"),
    "empty": ([], (0,), "float32"),
    "empty_rows": ([[], []], (2, 0), "float32"),
}


@behaviour("CRE-01", source="the tutorial; torch 2.13.0", profile="namespace")
@pytest.mark.parametrize(("data", "shape", "dtype"), LITERALS.values(), ids=LITERALS)
def test_tensor(xp, check, data, shape, dtype):
    """tensor() takes its shape from the nesting and its dtype from the widest kind of number in it."""
    x = xp.tensor(data)
    assert tuple(x.shape) == shape
    assert x.dtype == getattr(xp, dtype)
    assert x.tolist() == data


@behaviour("CRE-02", source="the tutorial; torch 2.13.0")
@pytest.mark.parametrize("data", [2.5, [1.0, -2.0], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], ids=["0d", "1d", "2d"])
def test_values(xp, check, data):
    """A tensor made from a nested list holds the list's values in the list's shape."""
    check.equal(xp.tensor(data), data)


@behaviour("CRE-03", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool"],
)
def test_dtype_argument(xp, dtype):
    """tensor(..., dtype=) makes a tensor of that dtype."""
    x = xp.tensor([0, 1], dtype=getattr(xp, dtype))
    assert x.dtype == getattr(xp, dtype)
    assert x.tolist() == [0, 1]


@behaviour("CRE-04", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
def test_arrays_keep_their_dtype(xp, dtype):
    """tensor, as_tensor and from_numpy keep a NumPy array's dtype."""
    data = np.array([[1, 0], [0, 1]], dtype)
    for make in (xp.tensor, xp.as_tensor, xp.from_numpy):
        assert make(data).dtype == getattr(xp, dtype)
        assert make(data).tolist() == data.tolist()


@behaviour("CRE-05", source=SOURCE, profile="namespace")
def test_shared_memory(xp, check):
    """from_numpy and as_tensor share the array's memory both ways; tensor copies."""
    data = np.zeros(2, np.float32)
    shared, viewed, copied = xp.from_numpy(data), xp.as_tensor(data), xp.tensor(data)
    data[0] = 1
    shared[1] = 2
    check.equal(viewed, [1.0, 2.0])
    check.equal(copied, [0.0, 0.0])
    assert data.tolist() == [1.0, 2.0]


@behaviour("LEAF-26", source=SOURCE, profile="namespace")
def test_as_tensor_of_a_tensor(xp):
    """as_tensor(t) is t itself, its graph included."""
    y = xp.ones(1, requires_grad=True) * 2
    assert xp.as_tensor(y) is y


FACTORIES = {
    "zeros": (lambda xp: xp.zeros(2, 3), [[0.0] * 3] * 2),
    "zeros_of_a_tuple": (lambda xp: xp.zeros((2, 3)), [[0.0] * 3] * 2),
    "ones": (lambda xp: xp.ones(2), [1.0, 1.0]),
    "full": (lambda xp: xp.full((2,), 7.0), [7.0, 7.0]),
    "full_integer": (lambda xp: xp.full((2,), 7), [7, 7]),
    "eye": (lambda xp: xp.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
    "eye_rectangle": (lambda xp: xp.eye(2, 3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "arange": (lambda xp: xp.arange(4), [0, 1, 2, 3]),
    "arange_float": (lambda xp: xp.arange(3.0), [0.0, 1.0, 2.0]),
    "arange_step": (lambda xp: xp.arange(1, 7, 2), [1, 3, 5]),
    "arange_fraction": (lambda xp: xp.arange(0, 1, 0.25), [0.0, 0.25, 0.5, 0.75]),
    "arange_down": (lambda xp: xp.arange(3, 0, -1), [3, 2, 1]),
    "linspace": (lambda xp: xp.linspace(0, 1, 5), [0.0, 0.25, 0.5, 0.75, 1.0]),
    "linspace_one": (lambda xp: xp.linspace(3, 9, 1), [3.0]),
    "zeros_like": (lambda xp: xp.zeros_like(xp.tensor([1, 2])), [0, 0]),
    "ones_like": (lambda xp: xp.ones_like(xp.tensor([1.5])), [1.0]),
    "full_like": (lambda xp: xp.full_like(xp.tensor([1.5, 2.5]), 3), [3.0, 3.0]),
    "zero_dimensional": (lambda xp: xp.ones(()), 1.0),
    "empty": (lambda xp: xp.zeros(0, 2), []),
}


@behaviour("CRE-06", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("make", "expected"), FACTORIES.values(), ids=FACTORIES)
def test_factory(xp, make, expected):
    """A factory fills its shape with its values, integers for integer arguments and float32 otherwise."""
    x = make(xp)
    flat = np.array(expected).ravel().tolist()
    assert x.tolist() == expected
    assert x.dtype == (xp.int64 if flat and isinstance(flat[0], int) else xp.float32)


@behaviour("CRE-07", source=SOURCE, profile="namespace")
def test_likes_keep_dtype(xp):
    """The *_like factories take shape and dtype from their model, and requires_grad from nobody."""
    model = xp.ones(2, 3, dtype=xp.float64, requires_grad=True)
    for make in (xp.zeros_like, xp.ones_like, xp.rand_like, xp.randn_like, xp.empty_like):
        x = make(model)
        assert (tuple(x.shape), x.dtype, x.requires_grad) == ((2, 3), xp.float64, False)


@behaviour("CRE-08", source=SOURCE, profile="namespace")
def test_factories_take_requires_grad(xp):
    """Every floating factory makes a leaf when asked to."""
    for x in (
        xp.zeros(2, requires_grad=True),
        xp.ones(2, requires_grad=True),
        xp.full((2,), 1.0, requires_grad=True),
        xp.linspace(0, 1, 2, requires_grad=True),
        xp.rand(2, requires_grad=True),
        xp.randn(2, requires_grad=True),
    ):
        assert x.requires_grad
        assert x.is_leaf


@behaviour("CRE-09", source=SOURCE, profile="namespace")
def test_shape_and_size(xp):
    """shape, size(), dim(), ndim, numel() and len() agree."""
    x = xp.zeros(2, 3)
    assert x.shape == (2, 3)
    assert tuple(x.size()) == (2, 3)
    assert (x.size(0), x.size(-1), x.dim(), x.ndim, x.numel(), len(x)) == (2, 3, 2, 2, 6, 2)


@behaviour("CRE-10", source=SOURCE, level="should", profile="namespace")
def test_shape_prints_as_size(xp, check):
    """A shape prints as torch.Size."""
    check.text(str(xp.zeros(2, 3).shape), "torch.Size([2, 3])")


@behaviour("CRE-11", source=SOURCE)
def test_item(xp, check):
    """item() of a one-element tensor is a Python number."""
    value = xp.tensor([2.5]).item()
    assert isinstance(value, float)
    assert value == 2.5


@behaviour("CRE-12", source=SOURCE, level="should", profile="namespace")
def test_item_of_several(xp, check):
    """item() of several elements is an error."""
    with check.raises("RuntimeError", "a Tensor with 2 elements cannot be converted to Scalar"):
        xp.ones(2).item()


@behaviour("CRE-13", source=SOURCE, level="should", profile="namespace")
def test_ragged(xp, check):
    """Rows of different lengths make no tensor."""
    with check.raises("ValueError", "expected sequence of length 2 at dim 1 (got 1)"):
        xp.tensor([[1.0, 2.0], [3.0]])
