"""Sequences of many lengths in one tensor, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_pad_sequence(batch_first, padding_side):
    """The longest decides, the rest is filled up, and each sequence gets its part of the gradient."""

    def scene(xp):
        sequences = [xp.arange(2.0 * n).reshape(n, 2).requires_grad_() for n in (3, 1, 2)]
        padded = xp.nn.utils.rnn.pad_sequence(sequences, batch_first, 7.0, padding_side)
        (padded**2).sum().backward()
        return padded, padded.stride(), padded.grad_fn.name(), [each.grad for each in sequences]

    agree(scene)


def test_kinds():
    """Type and device are the first's; one tensor is as many sequences as it has rows."""
    agree(lambda xp: xp.nn.utils.rnn.pad_sequence([xp.ones(1), xp.ones(2, dtype=xp.float64)]))
    agree(lambda xp: xp.nn.utils.rnn.pad_sequence([xp.ones(2, dtype=xp.float64), xp.ones(1)], padding_value=-1))
    agree(lambda xp: xp.nn.utils.rnn.pad_sequence(xp.tensor([[1, 2, 3], [4, 5, 6]])))


@pytest.mark.parametrize("sequences", [lambda xp: [], lambda xp: 3, lambda xp: [xp.ones(2, 2), xp.ones(2, 3)]])
def test_no_sequences(sequences):
    """Nothing, what is no collection, and sequences of unlike things are refused."""
    refuse(lambda xp: xp.nn.utils.rnn.pad_sequence(sequences(xp)))


def test_no_side():
    """There are two sides."""
    refuse(lambda xp: xp.nn.utils.rnn.pad_sequence([xp.ones(1)], padding_side="up"))
