"""Sequences of many lengths in one tensor, as ``torch.nn.utils.rnn``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import full

__all__ = ["pad_sequence"]


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """The sequences side by side, filled up to the longest; type and device are the first's.

    Shapes: each (its length, \\*); the result (longest, how many, \\*), with ``batch_first`` (how many, longest, \\*).
    Errors: RuntimeError for no sequence, another side than left or right, or what follows the length unlike the first's.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    first, longest = sequences[0], max(len(each) for each in sequences)
    outer = (len(sequences), longest) if batch_first else (longest, len(sequences))
    padded = full((*outer, *first.shape[1:]), padding_value, dtype=first.dtype, device=first.device)
    for i, each in enumerate(sequences):
        room = ops.select(padded, 0 if batch_first else 1, i)
        room.narrow(0, longest - len(each) if padding_side == "left" else 0, len(each)).copy_(each)
    return padded
