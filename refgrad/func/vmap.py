"""``vmap``: a function of one example, run on a batch.

It runs the function once an example and stacks what comes out: right for whatever the function does, and as slow as that
sounds. What PyTorch cannot batch (a number taken out of a tensor, a branch on one) is refused here too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn

from refgrad.engine import ops
from refgrad.engine.graph import TensorBase
from refgrad.engine.level import as_tuple, refuse_state
from refgrad.engine.modes import Layer, modes
from refgrad.engine.primitive import Primitive
from refgrad.engine.sampling import get_rng_state, set_rng_state
from refgrad.engine.tensor import Tensor
from refgrad.func import pytree
from refgrad.func.custom_function import at_batch_layer

__all__ = ["vmap"]

_REFUSED = {
    "item": (
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, please "
        "try to rewrite what you're doing with other operations. If error is occurring somewhere inside PyTorch internals, "
        "please file a bug report."
    ),
    "bool": (
        "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that yet, "
        "please file an issue at https://github.com/pytorch/pytorch/issues ."
    ),
    "numpy": "Cannot access data pointer of Tensor that doesn't have storage",
}
_RANDOM = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness flags "
    "on vmap or perform the randomness operation out of vmap"
)
_INPLACE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has "
    "more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a vmap. "
    "Please try to use out-of-place operators instead of inplace arithmetic. If said operator is being called inside the "
    "PyTorch framework, please file a bug report instead."
)


class BatchLayer(Layer):
    """Knows which tensors differ from example to example."""

    on_tensors = True

    def __init__(self, randomness: str, size: int) -> None:
        self.randomness, self.size = randomness, size

    def mark(self, tensor: Any) -> Any:
        """Note that ``tensor`` is batched."""
        tensor._batches = {*getattr(tensor, "_batches", ()), self}
        return tensor

    def batched(self, x: Any) -> bool:
        """Whether a tensor is batched, or is a view of one that is."""
        if not isinstance(x, TensorBase):
            return False
        return self in getattr(x, "_batches", ()) or (x._view is not None and self.batched(x._view.base))

    def likened(self, tensor: Any, like: Any) -> None:
        if self.batched(like):
            self.mark(tensor)

    def record(
        self, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Callable[..., Any], inplace: bool
    ) -> Any:
        held = [self.batched(x) for x in inputs]
        if inplace and any(held) and not held[0]:
            self.refuse_write(op, inputs)
        result = below(op, inputs, params)
        for tensor in as_tuple(result) if any(held) else ():
            self.mark(tensor)
        return result

    def refuse_write(self, op: Primitive, inputs: tuple[Any, ...]) -> NoReturn:
        """Refuse a write of what differs from example to example into a tensor that does not.

        Errors: RuntimeError.
        """
        if not op.promotes:
            raise RuntimeError(_INPLACE)
        shape, other = (
            list(inputs[0]._array.shape),
            next(list(x._array.shape) for x in inputs[1:] if self.batched(x)),
        )
        raise RuntimeError(
            f"output with shape {shape} doesn't match the broadcast shape {[self.size, *max(shape, other, key=len)]}"
        )

    def call(self, function: Any, args: tuple[Any, ...], then: Callable[..., Any], below: Callable[..., Any]) -> Any:
        return at_batch_layer(self, function, args, then, below)

    def refuse(self, what: str, tensor: Any) -> Any:
        refuse_state(what)
        if what == "random" and self.randomness == "error":
            raise RuntimeError(_RANDOM)
        if what in _REFUSED and self.batched(tensor):
            raise RuntimeError(_REFUSED[what])
        return tensor


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """``func`` of each example, the examples lying along ``in_dims`` of the inputs, the results along ``out_dims``.

    Its cost is that of calling ``func`` once an example; ``chunk_size`` changes nothing.
    Errors: ValueError for dims that do not fit the inputs or outputs; RuntimeError for what PyTorch cannot batch.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        check_out_dims(func, out_dims)
        flat, spec = pytree.flatten(args)
        dims = input_dims(func, in_dims, args, flat, spec)
        size = batch_size(dims, flat)
        state = get_rng_state() if randomness == "same" else None
        runs = []
        for example in examples(flat, dims, size):
            if state is not None:
                set_rng_state(state)
            runs.append(run(BatchLayer(randomness, size), func, example, dims, spec, kwargs))
        return gathered(func, runs, out_dims, size)

    return wrapper


def examples(flat: list[Any], dims: list[int | None], size: int) -> list[list[Any]]:
    """The arguments of each example; of one of zeros where there is none, to see what comes out."""
    if not size:
        return [[x if d is None else x.new_zeros((*x.shape[:d], *x.shape[d + 1 :])) for x, d in zip(flat, dims)]]
    columns = [(x,) * size if d is None else ops.unbind(x, d) for x, d in zip(flat, dims)]
    return [list(row) for row in zip(*columns)]


def run(
    layer: BatchLayer,
    func: Callable[..., Any],
    example: list[Any],
    dims: list[int | None],
    spec: pytree.TreeSpec,
    kwargs: Any,
) -> Any:
    """The result of one example: leaves with whether each is batched, and their tree."""
    for x, d in zip(example, dims):
        if d is not None:
            layer.mark(x)
    with modes.layer(layer):
        output = func(*pytree.unflatten(example, spec), **kwargs)
    flat, out_spec = pytree.flatten(output)
    return [(x, layer.batched(x)) for x in flat], out_spec, isinstance(output, Tensor)


def gathered(func: Callable[..., Any], runs: list[Any], out_dims: Any, size: int) -> Any:
    """The outputs of all examples, stacked along ``out_dims``.

    Errors: ValueError for outputs that are no tensors, or do not match ``out_dims``.
    """
    _, spec, is_tensor = runs[0]
    dims = output_dims(func, out_dims, spec, is_tensor)
    columns = zip(*(flat for flat, _, _ in runs))
    return pytree.unflatten([stacked(func, column, dim, size) for column, dim in zip(columns, dims)], spec)


def stacked(func: Callable[..., Any], column: Any, dim: int | None, size: int) -> Any:
    """One output of all examples."""
    first, batched = column[0]
    if dim is None:
        if batched:
            raise ValueError(
                f"vmap({name(func)}, ...): `{name(func)}` can not return a BatchedTensor when out_dim is None"
            )
        return first
    if not isinstance(first, Tensor):
        raise ValueError(
            f"vmap({name(func)}, ...): `{name(func)}` must only return Tensors, got type {type(first)}. Did you mean to set "
            "out_dims= to None for output?"
        )
    result = ops.stack([x for x, _ in column], dim)
    return result if size else result.narrow(dim, 0, 0)


# arguments ------------------------------------------------------------------------------------------------------------


def name(func: Any) -> str:
    """What errors call a function."""
    if isinstance(func, functools.partial):
        return f"functools.partial({name(func.func)}, ...)"
    return getattr(func, "__name__", None) or repr(func)


def input_dims(
    func: Any, in_dims: Any, args: tuple[Any, ...], flat: list[Any], spec: pytree.TreeSpec
) -> list[int | None]:
    """The batch's dimension in each input, from the front; None where it has none.

    Errors: ValueError.
    """
    call = f"vmap({name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, got: "
            f"{type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a "
            "function with no inputs. The latter is unsupported."
        )
    dims = pytree.broadcast(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{pytree.flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    return [input_dim(call, x, dim) for x, dim in zip(flat, dims)]


def input_dim(call: str, x: Any, dim: Any) -> int | None:
    """The batch's dimension in one input.

    Errors: ValueError for no integer, no tensor, and a dimension that it has not.
    """
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(
            f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or None."
        )
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{call}: Got in_dim={dim} for an input but the input is of type {type(x)}. We cannot vmap over non-Tensor "
            "arguments, please use None as the respective in_dim"
        )
    if not -x.dim() <= dim < x.dim():
        raise ValueError(
            f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {x.dim()} so expected "
            f"in_dim to satisfy -{x.dim()} <= in_dim < {x.dim()}."
        )
    return dim % x.dim()


def batch_size(dims: list[int | None], flat: list[Any]) -> int:
    """The number of examples.

    Errors: ValueError where the inputs disagree, or none has a batch.
    """
    sizes = [x.size(dim) for dim, x in zip(dims, flat) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(n != sizes[0] for n in sizes):
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped dimension"
        )
    return int(sizes[0])


def check_out_dims(func: Any, out_dims: Any) -> None:
    """Refuse ``out_dims`` that hold anything but integers and None.

    Errors: ValueError.
    """
    for dim in pytree.leaves(out_dims):
        if dim is not None and not isinstance(dim, int):
            raise ValueError(
                f"vmap({name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints "
                "representing where in the outputs the vmapped dimension should appear."
            )


def output_dims(func: Any, out_dims: Any, spec: pytree.TreeSpec, is_tensor: bool) -> list[int | None]:
    """The batch's dimension in each output.

    Errors: ValueError where ``out_dims`` does not match the outputs.
    """
    if is_tensor and isinstance(out_dims, tuple) and len(out_dims) == 1:
        return list(out_dims)
    dims = (
        None if is_tensor and not (out_dims is None or isinstance(out_dims, int)) else pytree.broadcast(out_dims, spec)
    )
    if dims is None:
        incompatible(func, out_dims, spec)
    return dims


def incompatible(func: Any, out_dims: Any, spec: pytree.TreeSpec) -> NoReturn:
    raise ValueError(
        f"vmap({name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`. "
        f"out_dims has structure {pytree.flatten(out_dims)[1]} but outputs has structure {spec}."
    )
