"""Linear and Identity, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, same_bits, through


@pytest.mark.parametrize("sizes", [(3, 4), (100, 7), (1, 1)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_first_values(sizes, dtype):
    """From one seed, weight and bias have PyTorch's bits."""
    same_bits(lambda xp: list(xp.nn.Linear(*sizes, dtype=getattr(xp, dtype)).parameters()))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 3), (0, 3)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_through(shape, bias):
    """Result, gradients and printed form are PyTorch's, for any number of leading dimensions."""
    count = max(1, 3 * shape[0] if len(shape) == 2 else 24)
    data = [0.1 * i for i in range(count)]

    def values(xp):
        t = xp.tensor(data)[: xp.ones(shape).numel()].reshape(shape)
        return t.requires_grad_()

    agree(through(lambda xp: xp.nn.Linear(3, 2, bias=bias), values))


def test_without_inputs():
    """A layer of no inputs has its warning and a bias of zero."""
    agree(lambda xp: list(xp.nn.Linear(0, 2).parameters()))


def test_wrong_size():
    """An input that does not fit is refused."""
    refuse(lambda xp: xp.nn.Linear(3, 2)(xp.ones(2, 2)))


def test_identity():
    """Identity gives anything back as it is."""
    agree(lambda xp: [xp.nn.Identity(3, a=4)("x"), repr(xp.nn.Identity())])
