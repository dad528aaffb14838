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


LAYOUTS = {
    "transposed": lambda x: x.transpose(0, 1),
    "strided": lambda x: x.transpose(0, 1)[:, ::2],
    "permuted": lambda x: x.reshape(2, 3, 4).permute(2, 0, 1),
    "expanded": lambda x: x[:, :1].expand(4, 5),
}


@pytest.mark.parametrize("view", LAYOUTS.values(), ids=LAYOUTS)
def test_layout(view):
    """What is dropped goes by the order of the elements in memory; so does what is drawn for a tensor like another."""

    def fill(xp):
        x, F = view(xp.ones(4, 6)), xp.nn.functional
        found = [F.dropout(x, 0.4), F.dropout(x.clone(), 0.4, inplace=True), F.alpha_dropout(x, 0.4, True)]
        found += [xp.rand_like(x), xp.randn_like(x), xp.randint_like(x, 3, 10)]
        found += [xp.randn_like(x, memory_format=xp.contiguous_format, dtype=xp.float64)]
        return [*found, *(xp.tensor(each.stride()) for each in found)]

    same_bits(fill)
