"""Dropout modules, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, same_bits

SHAPES = {
    "Dropout": (20,),
    "Dropout1d": (2, 8, 3),
    "Dropout2d": (2, 8, 3, 3),
    "Dropout3d": (2, 8, 2, 2, 2),
    "AlphaDropout": (20,),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_in_training(name):
    """In training the elements that PyTorch would drop are dropped."""
    same_bits(lambda xp: [getattr(xp.nn, name)(0.4)(xp.ones(SHAPES[name]))])


@pytest.mark.parametrize("name", list(SHAPES))
def test_out_of_training(name):
    """Out of training the input itself comes back, and nothing is drawn."""

    def fill(xp):
        x = xp.ones(SHAPES[name])
        assert getattr(xp.nn, name)(0.4).eval()(x) is x
        return [x]

    same_bits(fill)


@pytest.mark.parametrize("name", list(SHAPES))
def test_printed(name):
    """A dropout prints its probability, and whether it is in place."""
    agree(lambda xp: repr(getattr(xp.nn, name)(0.25)))


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_no_probability(p):
    """What is no probability is refused when the module is made."""
    refuse(lambda xp: xp.nn.Dropout(p))
