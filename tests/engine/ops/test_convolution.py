"""Convolutions, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

RNG = np.random.default_rng(11)


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, layout, requires_grad)


def call(name, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, **kwargs)


CALLS = [
    ("conv1d", (normal(2, 4, 9), normal(6, 4, 3), normal(6)), {"stride": 2, "padding": 1}),
    ("conv1d", (normal(4, 9), normal(6, 2, 3)), {"groups": 2, "dilation": 2}),
    ("conv2d", (normal(2, 3, 6, 5), normal(4, 3, 3, 2), normal(4)), {}),
    ("conv2d", (normal(2, 4, 6, 5), normal(4, 1, 3, 2)), {"groups": 4, "padding": (2, 1), "stride": (1, 2)}),
    ("conv2d", (normal(3, 6, 5), normal(4, 3, 2, 2), normal(4)), {"padding": "same"}),
    ("conv2d", (normal(2, 3, 6, 5), normal(4, 3, 2, 3)), {"padding": "same", "dilation": (3, 1)}),
    ("conv2d", (normal(2, 3, 6, 5), normal(4, 3, 2, 3)), {"padding": "valid", "stride": 2}),
    ("conv2d", (normal(0, 3, 6, 5), normal(4, 3, 2, 2)), {}),
    ("conv2d", (normal(2, 3, 6, 5, layout="transposed"), normal(4, 3, 2, 2, layout="transposed")), {}),
    ("conv2d", (normal(2, 3, 6, 5, dtype="float32"), normal(4, 3, 2, 2, dtype="float32")), {}),
    ("conv2d", (normal(2, 3, 6, 5), normal(4, 3, 2, 2, requires_grad=False), normal(4)), {}),
    ("conv3d", (normal(1, 2, 4, 5, 3), normal(2, 2, 2, 3, 2), normal(2)), {"stride": (2, 1, 1), "padding": 1}),
    ("conv3d", (normal(2, 4, 5, 3), normal(2, 1, 2, 2, 2)), {"groups": 2, "dilation": (1, 2, 1)}),
    ("conv_transpose1d", (normal(2, 4, 5), normal(4, 3, 3), normal(3)), {"stride": 2, "output_padding": 1}),
    ("conv_transpose2d", (normal(2, 4, 3, 4), normal(4, 3, 3, 2), normal(6)), {"groups": 2, "padding": 1}),
    ("conv_transpose2d", (normal(4, 3, 4), normal(4, 3, 2, 2)), {"stride": (1, 3), "output_padding": (0, 2)}),
    ("conv_transpose2d", (normal(1, 2, 4, 4), normal(2, 2, 4, 5)), {"dilation": 4, "output_padding": (2, 3)}),
    ("conv_transpose3d", (normal(1, 2, 2, 3, 2), normal(2, 2, 2, 2, 2), normal(2)), {"stride": 2}),
]
IMAGE, WEIGHT = normal(2, 3, 5, 5, dtype="float32"), normal(4, 3, 3, 3, dtype="float32")
REFUSED = [
    ("conv2d", (IMAGE, normal(4, 2, 3, 3, dtype="float32")), {}),
    ("conv2d", (IMAGE, WEIGHT), {"groups": 2}),
    ("conv2d", (IMAGE, normal(3, 1, 3, 3, dtype="float32")), {"groups": 2}),
    ("conv2d", (IMAGE, WEIGHT, normal(3, dtype="float32")), {}),
    ("conv2d", (IMAGE, normal(4, 3, 7, 3, dtype="float32")), {}),
    ("conv2d", (IMAGE, WEIGHT), {"padding": -1}),
    ("conv2d", (IMAGE, WEIGHT), {"stride": 0}),
    ("conv2d", (IMAGE, WEIGHT), {"dilation": 0}),
    ("conv2d", (IMAGE, WEIGHT), {"dilation": -1}),
    ("conv2d", (IMAGE, WEIGHT), {"groups": 0}),
    ("conv2d", (IMAGE, WEIGHT), {"stride": (1, 1, 1)}),
    ("conv2d", (IMAGE, WEIGHT), {"padding": "same", "stride": 2}),
    ("conv2d", (IMAGE, WEIGHT), {"padding": "some"}),
    ("conv2d", (normal(5, 5), WEIGHT), {}),
    ("conv2d", (IMAGE, normal(4, 3, dtype="float32")), {}),
    ("conv2d", (IMAGE, normal(3, 3, 3, dtype="float32")), {}),
    ("conv2d", (IMAGE, normal(4, 3, 3, 3)), {}),
    ("conv2d", (IMAGE, WEIGHT, normal(4)), {}),
    ("conv2d", (normal(2, 3, 5, 5), WEIGHT), {}),
    ("conv2d", (Array(np.ones((1, 1, 3, 3)), "bool"), Array(np.ones((1, 1, 3, 3)), "bool")), {}),
    ("conv1d", (IMAGE, WEIGHT), {}),
    ("conv_transpose2d", (IMAGE, normal(4, 4, 3, 3, dtype="float32")), {}),
    ("conv_transpose2d", (IMAGE, normal(3, 4, 3, 3, dtype="float32")), {"output_padding": 1}),
    ("conv_transpose2d", (IMAGE, normal(3, 4, 3, 3, dtype="float32")), {"output_padding": -1}),
    ("conv_transpose2d", (IMAGE, normal(3, 4, 3, 3, dtype="float32"), normal(3, dtype="float32")), {}),
    ("conv_transpose1d", (normal(2, 3, 5), normal(3, 4, 3)), {"output_padding": 2}),
]


@pytest.mark.parametrize("case", [
    # of an empty batch PyTorch has no second derivative
    Case(f"{name}-{i}", call(name, **kwargs), inputs, 2 if np.size(inputs[0].values) else 1)
    for i, (name, inputs, kwargs) in enumerate([*CALLS, *REFUSED])
], ids=lambda case: case.id)  # fmt: skip
def test_convolution_as_in_pytorch(case):
    """A convolution gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, pytest.importorskip("torch"), case)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("i", [i for i, (_, inputs, _) in enumerate(CALLS) if inputs[0].dtype == "float64"])
def test_gradients_are_slopes(i):
    """The gradients of a convolution are the slopes that finite differences measure, in both orders."""
    name, inputs, kwargs = CALLS[i]
    if not inputs[0].values.size:
        pytest.skip("nothing to differentiate")
    check_slopes(lambda *tensors: getattr(F, name)(*tensors, **kwargs), [x.values for x in inputs])


def test_integers():
    """Integers are convolved as integers."""
    x = refgrad.arange(9).reshape(1, 1, 3, 3)
    result = F.conv2d(x, refgrad.ones(1, 1, 2, 2, dtype=refgrad.int64))
    assert result.dtype is refgrad.int64
    assert result.tolist() == [[[[8, 12], [20, 24]]]]


def test_an_output_too_small():
    """A transposed convolution whose output would be smaller than nothing is refused with the size it would have."""
    with pytest.raises(RuntimeError, match=r"Calculated output size per channel: \[-3\]. Output size is too small"):
        F.conv_transpose1d(refgrad.ones(1, 1, 2), refgrad.ones(1, 1, 2), padding=3)
