"""The tangent of one op: its ``defjvp`` rules, and for an op without one, its backward rule transposed.

A backward rule is linear in the cotangent: g = J^T v. So the gradient of g for v, along t, is J t, and every op that has a
derivative has a tangent.

Source: J. Townsend, "A new trick for calculating Jacobian vector products" (2017).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from refgrad.engine import ops
from refgrad.engine.fitting import fit_tensor
from refgrad.engine.graph import TensorBase
from refgrad.engine.level import GradLevel, zeros_like
from refgrad.engine.modes import modes
from refgrad.engine.primitive import Primitive
from refgrad.engine.saving import ABSENT, CONSTANT, NEEDED, version_to_save
from refgrad.engine.views import wants_grad

Tangents = dict[int, Any]  # by the position of the input

_UNSUPPORTED = "Trying to use forward AD with {} that does not support it because it has not been implemented yet."


def push(
    op: Primitive, inputs: Sequence[Any], params: Sequence[Any], outputs: Sequence[Any], tangents: Tangents
) -> list[Any]:
    """The tangents of ``outputs``, from those of some ``inputs``; None for outputs that carry none.

    Errors: NotImplementedError for an op without a derivative.
    """
    if op.node_class.__name__ == "NotImplemented":
        raise NotImplementedError(_UNSUPPORTED.format(op.name.strip("_")))
    floating = op.differentiable(outputs)
    if not floating:
        return [None] * len(outputs)
    found = contributions(op, inputs, params, outputs, tangents, floating)
    if modes.grad_enabled and any(isinstance(x, TensorBase) and wants_grad(x) for x in inputs):
        connect(found, op, inputs, params, outputs, tangents, floating)
    return found


def contributions(
    op: Primitive,
    inputs: Sequence[Any],
    params: Sequence[Any],
    outputs: Sequence[Any],
    tangents: Tangents,
    floating: list[int],
) -> list[Any]:
    """What the tangents of the inputs add up to in the outputs."""
    found: list[Any] = [None] * len(outputs)
    ruled = {i: t for i, t in tangents.items() if op.input_name(i) in op.jvps}
    parts = [rule_of(op, i)(*arguments(op, i, t, inputs, params, outputs)) for i, t in ruled.items()]
    if parts and len(floating) == 1:
        found[floating[0]] = fitted(functools.reduce(ops.add, parts), outputs[floating[0]])
    elif parts:  # a rule for several outputs gives a tangent for each
        for place, i in enumerate(floating):
            found[i] = fitted(functools.reduce(ops.add, [part[place] for part in parts]), outputs[i])
    rest = {i: t for i, t in tangents.items() if i not in ruled and op.input_name(i) in op.vjps}
    if rest:
        for i, tangent in zip(floating, transposed(op, inputs, params, outputs, rest, floating)):
            found[i] = tangent if found[i] is None else found[i] + tangent
    return found


def connect(
    found: list[Any],
    op: Primitive,
    inputs: Sequence[Any],
    params: Sequence[Any],
    outputs: Sequence[Any],
    tangents: Tangents,
    floating: list[int],
) -> None:
    """Let the tangents depend on all that PyTorch's do, to which an input without a tangent has one of zeros.

    The zeros are exact there: zero times inf is zero, and nothing changes that they are added to.
    """
    zeros = {
        i: zeros_like(x)
        for i, x in enumerate(inputs)
        if i not in tangents and isinstance(x, TensorBase) and x._array.dtype.kind in "fcV"
    }
    for i, extra in enumerate(contributions(op, inputs, params, outputs, zeros, floating)):
        if extra is not None and found[i] is not None and (extra.requires_grad or found[i].requires_grad):
            extra._array = -np.zeros_like(extra._array)[()]
            found[i] = found[i] + extra


def rule_of(op: Primitive, position: int) -> Callable[..., Any]:
    """The ``defjvp`` rule for the input at ``position``."""
    return op.jvps[str(op.input_name(position))]


@functools.lru_cache(maxsize=1024)
def _names(rule: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters)


def arguments(
    op: Primitive, position: int, tangent: Any, inputs: Sequence[Any], params: Sequence[Any], outputs: Sequence[Any]
) -> list[Any]:
    """What the rule for one input asks for by name."""
    held: dict[str, Any] = {**dict(zip(op.params, params)), **dict(zip(op.inputs, inputs)), "result": outputs[0]}
    held |= zip(op.outputs, outputs)
    held["tangent"] = held["grad"] = (
        tangent  # of a function with a symmetric Jacobian the backward rule serves both ways
    )
    for name, x in zip(op.inputs, inputs):
        if isinstance(x, TensorBase):
            held[name + "_shape"], held[name + "_dtype"] = x._array.shape, x._array.dtype
    return [held[name] for name in _names(rule_of(op, position))]


def fitted(tangent: Any, output: Any) -> Any:
    """``tangent`` in the shape and type of the output it belongs to."""
    if tangent._array.dtype != output._array.dtype:
        tangent = ops.to_copy(tangent, output._array.dtype)
    if tangent._array.shape != output._array.shape:
        tangent = ops.clone(ops.expand(tangent, tuple(output._array.shape)))
    return tangent


def transposed(
    op: Primitive,
    inputs: Sequence[Any],
    params: Sequence[Any],
    outputs: Sequence[Any],
    tangents: Tangents,
    floating: list[int],
) -> list[Any]:
    """The tangents of the ``floating`` outputs, by differentiating the backward rules for the cotangent."""
    key = 1
    for i, x in enumerate(inputs):
        key = 3 * key + (NEEDED if i in tangents else CONSTANT if isinstance(x, TensorBase) else ABSENT)
    plan = op.plan(key)
    arrays = [x._array if isinstance(x, TensorBase) else x for x in inputs]
    first = outputs[floating[0]]._array
    node = plan.attach(
        tuple(inputs), arrays, tuple(params), tuple(outputs) if plan.saves_results else None, first.shape, first.dtype
    )
    if plan.saves_results:  # of a write in place the result has been counted
        node.versions = tuple(version_to_save(v) if i in plan.tracked else 0 for i, v in enumerate(node.saved))
    if op.outputs and len(floating) > 1:
        node.outputs, node.apply = tuple((out._array.shape, out._array.dtype) for out in outputs), None
    level = GradLevel()
    cotangents = [level.track(zeros_like(outputs[i]), requires_grad=True) for i in floating]
    with level.recording():
        given = [cotangents[floating.index(i)] if i in floating else None for i in range(len(outputs))]
        grads = node.run(given if node.outputs else cotangents[0], True)
        rows = [
            (fit_tensor(g, inputs[i]._array.shape, inputs[i]._array.dtype), tangents[i])
            for i, g in zip(plan.edges, grads)
            if i in tangents and g is not None
        ]
    return level.pull([g for g, _ in rows], cotangents, [t for _, t in rows])
