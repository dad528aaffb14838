"""Jacobians and Hessians as transforms of functions: ``jacrev``, ``jacfwd`` and ``hessian``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.level import zeros_like
from refgrad.engine.tensor import Tensor
from refgrad.func import pytree
from refgrad.func.argnums import chosen
from refgrad.func.forward import jvp_with_argnums
from refgrad.func.reverse import vjp_with_argnums

__all__ = ["hessian", "jacfwd", "jacrev", "standard_basis"]


def standard_basis(tensors: list[Any]) -> Iterator[list[Any]]:
    """For each element of all ``tensors`` in turn: zeros in their shapes with a one there."""
    for k, tensor in enumerate(tensors):
        for i in range(tensor.numel()):
            row = [zeros_like(t) for t in tensors]
            row[k][tuple(map(int, np.unravel_index(i, tensor.shape)))] = 1
            yield row


def refuse_complex(api: str, tree: Any, what: str) -> None:
    """Refuse complex tensors, whose Jacobian is no matrix of their type.

    Errors: RuntimeError.
    """
    for i, x in enumerate(pytree.leaves(tree)):
        if isinstance(x, Tensor) and x.is_complex():
            raise RuntimeError(
                f"{api}: Expected all {what} to be real but received complex tensor at flattened input idx: {i}"
            )


def assembled(blocks: list[list[Any]], out_spec: pytree.TreeSpec, in_spec: pytree.TreeSpec, single: bool) -> Any:
    """A tree like the output's, of trees like the inputs', of blocks; ``single`` leaves the inner ones' one child."""
    rows = [pytree.unflatten(row, in_spec) for row in blocks]
    return pytree.unflatten([row[0] for row in rows] if single else rows, out_spec)


def as_tuple(chosen_args: Any, argnums: Any) -> tuple[Any, ...]:
    return (chosen_args,) if isinstance(argnums, int) else chosen_args


def jacrev(
    func: Callable[..., Any], argnums: Any = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that gives the Jacobian of ``func``, by one backward pass an element of the output.

    Shapes: that of the output, then that of the input. ``chunk_size`` changes nothing but PyTorch's use of memory.
    Errors: ValueError for a ``chunk_size`` that is not positive; RuntimeError for complex tensors.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        refuse_complex("jacrev", args, "inputs")
        output, vjp_fn, *aux = vjp_with_argnums(func, *args, argnums=argnums, has_aux=has_aux)
        flat, spec = pytree.flatten(output)
        refuse_complex("jacrev", flat, "outputs")
        inputs, in_spec = pytree.flatten(as_tuple(chosen(args, argnums), argnums))
        rows = [pytree.leaves(vjp_fn(pytree.unflatten(row, spec))) for row in standard_basis(flat)]
        stacked = [
            ops.stack(column) if rows else x.new_zeros(0, *x.shape) for column, x in zip(columns(rows, inputs), inputs)
        ]
        jacobian = assembled(split_rows(stacked, flat, inputs), spec, in_spec, isinstance(argnums, int))
        return (jacobian, *aux) if has_aux else jacobian

    return wrapper


def columns(rows: list[list[Any]], inputs: list[Any]) -> list[Any]:
    """The rows, turned; empty columns where there are none."""
    return list(zip(*rows)) if rows else [()] * len(inputs)


def split_rows(stacked: list[Any], outputs: list[Any], inputs: list[Any]) -> list[list[Any]]:
    """The blocks of each output, an input each, from all rows stacked."""
    blocks, start = [], 0
    for out in outputs:
        rows = [s.narrow(0, start, out.numel()) for s in stacked]
        blocks.append([ops.reshape(r, (*out.shape, *x.shape)) for r, x in zip(rows, inputs)])
        start += out.numel()
    return blocks


def jacfwd(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """The function that gives the Jacobian of ``func``, by one forward pass an element of the input.

    Shapes: that of the output, then that of the input.
    Errors: RuntimeError for complex tensors.
    """

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        refuse_complex("jacfwd", args, "inputs")
        inputs, in_spec = pytree.flatten(as_tuple(chosen(args, argnums), argnums))
        found, aux = [], []
        for row in standard_basis(inputs):
            tangents = pytree.unflatten(row, in_spec)
            value, tangent, *aux = jvp_with_argnums(func, args, tangents, argnums, has_aux=has_aux)
            refuse_complex("jacfwd", value, "outputs")
            found.append(pytree.leaves(tangent))
        if not found:  # inputs without elements: an output without columns
            value, *aux = func(*args) if has_aux else (func(*args),)
        flat, spec = pytree.flatten(value)
        stacked = [ops.stack(column, -1) for column in zip(*found)] or [x.new_zeros(*x.shape, 0) for x in flat]
        blocks = [split_columns(each, inputs) for each in stacked]
        jacobian = assembled(blocks, spec, in_spec, isinstance(argnums, int))
        return (jacobian, *aux) if has_aux else jacobian

    return wrapper


def split_columns(stacked: Any, inputs: list[Any]) -> list[Any]:
    """The blocks of one output, an input each, from all columns stacked along the last dimension."""
    blocks, start, shape = [], 0, stacked.shape[:-1]
    for x in inputs:
        blocks.append(ops.reshape(stacked.narrow(-1, start, x.numel()), (*shape, *x.shape)))
        start += x.numel()
    return blocks


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """The function that gives the Hessian of ``func``: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)
