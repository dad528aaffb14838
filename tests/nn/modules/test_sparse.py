"""Embedding, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse, same_bits, through


def indices(xp):
    return xp.tensor([[0, 3, 1], [3, 3, 2]])


@pytest.mark.parametrize("options", [{}, {"padding_idx": 1}, {"padding_idx": -1}, {"dtype": "float64"}], ids=str)
def test_first_values(options):
    """From one seed, the rows have PyTorch's bits; the padding row is 0."""

    def fill(xp):
        kind = {"dtype": getattr(xp, options["dtype"])} if "dtype" in options else options
        return [xp.nn.Embedding(5, 4, **kind).weight]

    same_bits(fill)


@pytest.mark.parametrize(
    "options",
    [{}, {"padding_idx": 3}, {"scale_grad_by_freq": True}, {"max_norm": 1.0}, {"max_norm": 1.0, "norm_type": 1.0}],
    ids=str,
)
def test_through(options):
    """Result, gradients, the rows afterwards and the printed form are PyTorch's."""
    agree(through(lambda xp: xp.nn.Embedding(5, 4, **options), indices))


def test_from_pretrained():
    """from_pretrained takes a matrix over, frozen unless told otherwise."""

    def scene(xp):
        matrix = xp.arange(6.0).reshape(3, 2)
        frozen = xp.nn.Embedding.from_pretrained(matrix)
        free = xp.nn.Embedding.from_pretrained(matrix, freeze=False, padding_idx=0)
        return frozen.weight.requires_grad, free.weight.requires_grad, frozen(indices(xp) % 3), repr(free)

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: xp.nn.Embedding(3, 2, padding_idx=3),
        lambda xp: xp.nn.Embedding(3, 2, padding_idx=-4),
        lambda xp: xp.nn.Embedding(3, 2, _weight=xp.ones(2, 2)),
        lambda xp: xp.nn.Embedding.from_pretrained(xp.ones(3)),
        lambda xp: xp.nn.Embedding(3, 2)(xp.tensor([3])),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(scene)
