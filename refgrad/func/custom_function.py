"""A custom Function inside ``vmap``: its own ``vmap``, on a batch of the one example at hand, or each example by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from refgrad.engine import ops
from refgrad.engine.function_transform import batch_rule, in_tuple
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.func import pytree

__all__ = ["at_batch_layer"]


class VmapInfo(NamedTuple):
    """What a Function's ``vmap`` is told of the batch."""

    batch_size: int
    randomness: str


def at_batch_layer(
    layer: Any, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]
) -> Any:
    """Run a Function on one example.

    Errors: RuntimeError for a Function that has no rule for batches, or two.
    """
    own = batch_rule(function)
    batched = [layer.batched(a) for a in args]
    if own and any(batched):
        return by_own_rule(layer, function, args, batched)
    output = below(function, args, then)
    for each in in_tuple(output) if any(batched) else ():
        if isinstance(each, TensorBase):
            layer.mark(each)
    return output


def by_own_rule(layer: Any, function: Any, args: tuple[Any, ...], batched: list[bool]) -> Any:
    """The Function's ``vmap``, on a batch of one."""
    layers = modes.layers
    modes.set_layers(tuple(each for each in layers if each is not layer))
    try:
        one = tuple(ops.unsqueeze(a, 0) if b else a for a, b in zip(args, batched))
        returned = function.vmap(VmapInfo(1, layer.randomness), tuple(0 if b else None for b in batched), *one)
        outputs, dims, spec = rows(returned)
        results = [x if dim is None else ops.select(x, dim, 0) for x, dim in zip(outputs, dims)]
    finally:
        modes.set_layers(layers)
    for result, dim in zip(results, dims):
        if isinstance(result, TensorBase) and dim is not None:
            layer.mark(result)
    return pytree.unflatten(results, spec)


def rows(returned: Any) -> tuple[list[Any], list[Any], pytree.TreeSpec]:
    """The outputs that a ``vmap`` gave, the batch's dimension in each, and their tree.

    Errors: RuntimeError for anything but outputs and dimensions of the same structure.
    """
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure "
            f"compatible with the output. Got a {type(returned)} instead"
        )
    outputs, spec = pytree.flatten(returned[0])
    dims = pytree.broadcast(returned[1], spec)
    if dims is None:
        raise RuntimeError(
            f"The vmap staticmethod returned out_dims {returned[1]}, which do not match the structure of its output"
        )
    return outputs, dims, spec
