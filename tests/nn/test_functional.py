"""The functions that nn.functional adds to the ops: in-place switches, dropout, tables with a norm."""

import pytest

import refgrad
from tests.nn.twins import agree, refuse, same_bits

SWITCHES = {
    "relu": (), "relu6": (), "leaky_relu": (0.1,), "hardtanh": (-0.5, 1.5), "elu": (0.7,), "selu": (), "celu": (0.7,),
    "silu": (), "mish": (), "hardsigmoid": (),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SWITCHES))
def test_in_place(name):
    """With inplace=True the input itself is written once and given back; the gradient is the same."""

    def scene(xp):
        x = xp.tensor([-1.0, 0.5, 2.0], requires_grad=True)
        h = x * 1
        y = getattr(xp.nn.functional, name)(h, *SWITCHES[name], True)
        y.sum().backward()
        return y is h, y.detach(), y._version, x.grad

    agree(scene)


@pytest.mark.parametrize("name", ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_"])
def test_underscored(name):
    """The functions with an underscore write into their input."""

    def scene(xp):
        x = xp.tensor([-1.5, 0.5, 2.0])
        return getattr(xp.nn.functional, name)(x) is x, x

    agree(scene)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("dropout", (20,)), ("dropout", (3, 5)), ("dropout1d", (3, 4)), ("dropout1d", (2, 3, 4)),
        ("dropout2d", (2, 3, 4, 4)), ("dropout3d", (3, 2, 2, 2)), ("dropout3d", (2, 3, 2, 2, 2)),
        ("alpha_dropout", (30,)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("inplace", [False, True])
def test_dropout(name, shape, p, inplace):
    """Dropout zeroes the elements that PyTorch's would, and scales the others to the same bits."""
    same_bits(lambda xp: [getattr(xp.nn.functional, name)(xp.ones(*shape), p, True, inplace)])


def test_gradient_of_dropout():
    """The gradient goes through the elements that were kept; the node is a product's."""

    def scene(xp):
        xp.manual_seed(0)
        x = xp.ones(3, 4, requires_grad=True)
        y = xp.nn.functional.dropout(x, 0.5)
        y.sum().backward()
        return y, x.grad, xp.nn.functional.dropout(x, 0.5, False) is x, xp.nn.functional.dropout(x, 0.0) is x

    agree(scene)


@pytest.mark.parametrize(
    ("name", "dims"), [("dropout1d", 4), ("dropout2d", 1), ("dropout2d", 3), ("dropout2d", 5), ("dropout3d", 2)]
)
def test_other_numbers_of_dimensions(name, dims):
    """Channel dropout warns of, or refuses, numbers of dimensions that it is not for."""

    def scene(xp):
        xp.manual_seed(0)
        return getattr(xp.nn.functional, name)(xp.ones((2,) * dims))

    (refuse if (name, dims) in {("dropout1d", 4), ("dropout2d", 1)} else agree)(scene)


@pytest.mark.parametrize("name", ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"])
def test_no_probability(name):
    """What is no probability is refused."""
    refuse(lambda xp: getattr(xp.nn.functional, name)(xp.ones(2, 3), 1.5))


def test_rows_cut_to_a_norm():
    """With max_norm, embedding first cuts the rows that it looks up, in place, each once."""

    def scene(xp):
        weight = xp.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], requires_grad=True)
        y = xp.nn.functional.embedding(xp.tensor([0, 1, 0]), weight, max_norm=1.0)
        y.sum().backward()
        return y.detach(), weight.detach(), weight.grad

    agree(scene)


def test_sparse_gradients():
    """Sparse gradients are refused as something there is not."""
    with pytest.raises(NotImplementedError, match="sparse"):
        refgrad.nn.functional.embedding(refgrad.tensor([0]), refgrad.ones(1, 1), sparse=True)


def test_softmin():
    """softmin is softmax of the negated input."""
    agree(lambda xp: xp.nn.functional.softmin(xp.tensor([[1.0, 2.0, 4.0]]), dim=1))
