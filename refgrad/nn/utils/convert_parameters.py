"""Parameters as one long vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.namespace import typename
from refgrad.engine.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All elements, one parameter after the other."""
    return ops.cat([parameter.view(-1) for parameter in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Give the parameters ``vec``'s values; they share its memory from then on.

    Errors: TypeError for what is no tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = vec[start:stop].view_as(parameter).data
        start = stop
