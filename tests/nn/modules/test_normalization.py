"""LayerNorm, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, through


def values(xp):
    return (xp.arange(24.0).reshape(2, 3, 4) % 7).sin().requires_grad_()


@pytest.mark.parametrize("shape", [4, (4,), (3, 4), [2, 3, 4]], ids=str)
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"elementwise_affine": False}, {"eps": 1.0}], ids=str)
def test_through(shape, options):
    """Result, gradients, state and printed form are PyTorch's."""
    agree(through(lambda xp: xp.nn.LayerNorm(shape, **options), values))


def test_wrong_shape():
    """An input that does not fit is refused."""
    refuse(lambda xp: xp.nn.LayerNorm(3)(values(xp)))
