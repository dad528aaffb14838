"""What print() shows: values, precision, wrapping, and the mark that autograd leaves."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"

MARKS = {
    "leaf": (lambda xp: xp.tensor([1.0, 2.0], requires_grad=True), "tensor([1., 2.], requires_grad=True)"),
    "result": (lambda xp: xp.tensor([1.0, 2.0], requires_grad=True) * 2, "tensor([2., 4.], grad_fn=<MulBackward0>)"),
    "square": (lambda xp: xp.tensor([2.0], requires_grad=True) ** 2, "tensor([4.], grad_fn=<PowBackward0>)"),
    "affine": (lambda xp: xp.tensor([2.0], requires_grad=True) * 1 + 3, "tensor([5.], grad_fn=<AddBackward0>)"),
    "mean": (lambda xp: xp.tensor([1.0, 2.0], requires_grad=True).mean(), "tensor(1.5000, grad_fn=<MeanBackward0>)"),
    "select": (lambda xp: xp.tensor([1.0, 2.0], requires_grad=True)[0], "tensor(1., grad_fn=<SelectBackward0>)"),
    "detached": (lambda xp: xp.tensor([1.0], requires_grad=True).detach(), "tensor([1.])"),
    "cast": (
        lambda xp: xp.tensor([1.0], requires_grad=True).double(),
        "tensor([1.], dtype=torch.float64, grad_fn=<ToCopyBackward0>)",
    ),
    "double_leaf": (
        lambda xp: xp.ones(1, dtype=xp.float64, requires_grad=True),
        "tensor([1.], dtype=torch.float64, requires_grad=True)",
    ),
}


@behaviour("LEAF-65", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(("make", "expected"), MARKS.values(), ids=MARKS)
def test_mark(xp, check, make, expected):
    """A leaf prints requires_grad=True, a result the name of its node, a detached tensor neither."""
    check.text(repr(make(xp)), expected)


NUMBERS = {
    "whole": ([1.0, 2.0, 3.0], "tensor([1., 2., 3.])"),
    "fractions": ([0.5, 2.0, 3.25], "tensor([0.5000, 2.0000, 3.2500])"),
    "negative": ([-1.0, 0.5, 10.0], "tensor([-1.0000,  0.5000, 10.0000])"),
    "large": ([100000.0, 1.5], "tensor([1.0000e+05, 1.5000e+00])"),
    "wide_range": ([1.0, 0.0001], "tensor([1.0000e+00, 1.0000e-04])"),
    "tiny": ([1e-8], "tensor([1.0000e-08])"),
    "huge": ([1e10], "tensor([1.0000e+10])"),
    "nan_and_inf": ([1.0, float("nan"), float("-inf")], "tensor([1., nan, -inf])"),
    "integers": ([1, -20, 300], "tensor([  1, -20, 300])"),
    "bools": ([True, False], "tensor([ True, False])"),
    "scalar": (3.14159, "tensor(3.1416)"),
    "zero_dimensional_integer": (7, "tensor(7)"),
    "empty": ([], "tensor([])"),
    "matrix": ([[1.0, 2.0], [3.0, 4.0]], "tensor([[1., 2.],\n        [3., 4.]])"),
    "block": ([[[1.0], [2.0]], [[3.0], [4.0]]], "tensor([[[1.],\n         [2.]],\n\n        [[3.],\n         [4.]]])"),
    "complex": ([1 + 2j, -0.5j], "tensor([1.+2.0000j, -0.-0.5000j])"),
}


@behaviour("PRT-01", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("data", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_numbers(xp, check, data, expected):
    """Numbers print with four decimals and one width, whole where all are whole, or in scientific notation."""
    check.text(repr(xp.tensor(data)), expected)


DTYPES = {
    "float64": "tensor([1.], dtype=torch.float64)",
    "float16": "tensor([1.], dtype=torch.float16)",
    "int32": "tensor([1], dtype=torch.int32)",
    "int64": "tensor([1])",
    "uint8": "tensor([1], dtype=torch.uint8)",
    "complex64": "tensor([1.+0.j])",
    "complex128": "tensor([1.+0.j], dtype=torch.complex128)",
    "bool": "tensor([True])",
}


@behaviour("PRT-02", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("dtype", "expected"), DTYPES.items(), ids=DTYPES)
def test_dtype(xp, check, dtype, expected):
    """A dtype is printed where it is not the one that its kind of number has by default."""
    check.text(repr(xp.ones(1, dtype=getattr(xp, dtype))), expected)


@behaviour("PRT-03", source=SOURCE, level="should", profile="namespace")
def test_wrapping(xp, check):
    """Long rows wrap at 80 columns, and the mark takes a line of its own where it does not fit."""
    x = xp.arange(12.0, requires_grad=True)
    check.text(
        repr(x / 7),
        "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,\n"
        "        1.2857, 1.4286, 1.5714], grad_fn=<DivBackward0>)",
    )
    check.text(
        repr(xp.arange(9.0, requires_grad=True) / 7),
        "tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429],\n"
        "       grad_fn=<DivBackward0>)",
    )


@behaviour("PRT-04", source=SOURCE, level="should", profile="namespace")
def test_summary(xp, check):
    """Above 1,000 elements only three at either end are shown."""
    check.text(repr(xp.arange(1001)), "tensor([   0,    1,    2,  ...,  998,  999, 1000])")


@behaviour("PRT-05", source=SOURCE, level="should", profile="namespace")
def test_empty_shape(xp, check):
    """An empty tensor of more than one dimension prints its size."""
    check.text(repr(xp.zeros(0, 2)), "tensor([], size=(0, 2))")


@behaviour("PRT-06", source=SOURCE, level="should", profile="namespace")
def test_format(xp, check):
    """A 0-dim tensor takes a number's format specification."""
    check.text(f"{xp.tensor(3.14159):.2f}", "3.14")


@behaviour("PRT-07", source=SOURCE, level="should", profile="namespace")
def test_str_is_repr(xp, check):
    """str and repr of a tensor are the same text."""
    x = xp.tensor([0.5, 1.0], requires_grad=True)
    check.text(str(x), repr(x))


@behaviour("PRT-08", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
def test_gradient(xp, check):
    """A gradient prints as a plain tensor, and dtypes print with their module."""
    x = xp.tensor([2.0], requires_grad=True)
    (x**2).backward()
    check.text(repr(x.grad), "tensor([4.])")
    check.text(str(x.dtype), "torch.float32")


@behaviour("PRT-09", source="refgrad: no state left behind", profile="namespace")
def test_printing_changes_nothing(xp, check):
    """Printing a tensor in between does not disturb its gradient or its version."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x**3
    repr(y)
    assert y._version == 0
    y.backward()
    check.equal(x.grad, [12.0])
