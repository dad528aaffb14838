"""Recording: what happens when a primitive is called on tensors, in general; ``body`` writes it out for ordinary ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import SavedResult, TensorBase, wrap
from refgrad.engine.layout import ordered
from refgrad.engine.modes import modes
from refgrad.engine.plan import Plan
from refgrad.engine.saving import ABSENT, CONSTANT, NEEDED

if TYPE_CHECKING:
    from refgrad.engine.primitive import Primitive

Recorder = Callable[["Primitive", tuple[Any, ...], tuple[Any, ...]], Any]

# before the forward: types ------------------------------------------------------------------------------------------


def promoted(op: Primitive, arrays: list[Any]) -> list[Any]:
    """``arrays`` in their common type, where NumPy's promotion could differ from PyTorch's.

    Python numbers become NumPy scalars of that type, so that NumPy has nothing left to decide.
    """
    if not mixed(arrays):
        return arrays
    if op.check is not None:
        op.check(arrays)
    kind = dtypes.result_type(a for a in arrays if a is not None)
    if op.to_float and kind.category < dtypes.FLOATING:
        kind = dtypes.get_default_dtype()
    target = kind.numpy
    return [a if a is None else _cast(a, target) if hasattr(a, "astype") else _scalar(a, target) for a in arrays]


def _cast(array: Any, target: Any) -> Any:
    """``array`` in a type, laid out as PyTorch lays out a copy."""
    cast = array.astype(target, copy=False)
    return cast if cast is array or cast.ndim < 2 else ordered(cast, array)


def _scalar(value: Any, target: Any) -> Any:
    """A Python number in a type, wrapping around as C does."""
    if target.kind in "iu" and not isinstance(value, bool):
        return np.array(int(value) & (2 ** (8 * target.itemsize) - 1), f"u{target.itemsize}").view(target)[()]
    return target.type(value)


def mixed(arrays: list[Any]) -> bool:
    """Whether ``arrays`` are anything but floats of one type, and Python's real numbers beside them."""
    kind = None
    for a in arrays:
        if a is None or a.__class__ is float or a.__class__ is int:
            continue
        try:
            held = a.dtype
        except AttributeError:  # a bool or complex number
            return True
        if kind is not None and held is not kind:
            return True
        kind = held
    return kind is None or kind.kind != "f"


def explain(op: Primitive, arrays: list[Any]) -> None:
    """Say in PyTorch's words that shapes do not broadcast, if that is what was wrong."""
    if op.promotes:
        shape: tuple[int, ...] = ()
        for a in arrays:
            shape = dims.broadcast(shape, np.shape(a))


# recording, in general ----------------------------------------------------------------------------------------------


def read(op: Primitive, inputs: tuple[Any, ...]) -> tuple[list[Any], int]:
    """The arrays behind the ``inputs`` of ``op``, and the key of their pattern."""
    arrays = []
    key = 1
    for x in inputs:
        if isinstance(x, TensorBase):
            if x._view is not None:
                x._view.refresh(x, op)
            arrays.append(x._array)
            key = 3 * key + (NEEDED if x._requires_grad else CONSTANT)
        else:
            arrays.append(x)
            key = 3 * key + ABSENT
    return arrays, key


def run_forward(op: Primitive, arrays: list[Any], params: tuple[Any, ...]) -> Any:
    """Run the forward with NumPy's warnings off: PyTorch divides by zero in silence."""
    values = promoted(op, arrays) if op.promotes else arrays
    named = {} if op.star is None else dict(zip(op.params, params))
    try:
        result = modes.here.quietly(op.forward, *values, *(() if named else params), **named)
    except Exception as error:
        result = recovered(op, arrays, (*values, *(() if named else params)), named, error)
    if op.layout is None:
        return result
    if op.outputs:
        return tuple(op.layout(each, *values) if np.ndim(each) > 1 else each for each in result)
    return op.layout(result, *values) if np.ndim(result) > 1 else result


def recovered(
    op: Primitive, arrays: list[Any], values: tuple[Any, ...], named: dict[str, Any], error: Exception
) -> Any:
    """What to do where the forward could not be run: say why, or run it in another way.

    Errors: ``error``, in PyTorch's words if it is that shapes do not broadcast.
    """
    if isinstance(error, RuntimeError) and str(error).startswith("cannot enter context"):
        # an op within an op: a finalizer or a signal handler came in between
        try:
            with np.errstate(all="ignore"):
                return op.forward(*values, **named)
        except ValueError as inner:
            error = inner
    if isinstance(error, ValueError):
        explain(op, arrays)
    raise error


def save_result(tensor: Any, nr: int = 0) -> SavedResult:
    """Keep ``tensor``'s value for its own node."""
    if tensor._counter is None:
        tensor._counter = [0]
    return SavedResult(tensor._array, tensor._counter, nr)


def record(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """Run ``op`` on tensors through the layers that are on, and note the call where a gradient is wanted."""
    return through_layers(record_plain, op, inputs, params) if modes.layers else record_plain(op, inputs, params)


def through_layers(
    plain: Recorder, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], *, inplace: bool = False
) -> Any:
    """Let the layers that are on run ``op``, innermost first; each runs what is below with itself off."""
    *below, top = layers = modes.layers

    def rest(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        modes.set_layers(tuple(below))
        try:
            return through_layers(plain, op, inputs, params, inplace=inplace) if below else plain(op, inputs, params)
        finally:
            modes.set_layers(layers)

    return top.record(op, inputs, params, rest, inplace)


def record_plain(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """As ``record``, below all layers."""
    arrays, key = read(op, inputs)
    result = run_forward(op, arrays, params)
    tensors = tuple(map(wrap, result)) if op.outputs else (wrap(result),)
    plan = op.plan(key)
    if plan.records and modes.grad_enabled:
        connect(plan, inputs, arrays, params, tensors)
    return tensors if op.outputs else tensors[0]


def connect(
    plan: Plan, inputs: tuple[Any, ...], arrays: list[Any], params: tuple[Any, ...], tensors: tuple[Any, ...]
) -> None:
    """Make ``tensors`` the outputs of a new node; those of a floating type carry gradients."""
    floating = plan.op.differentiable(tensors)
    if not floating:
        return
    saved = (
        tuple(save_result(t, i) if i in floating else t for i, t in enumerate(tensors)) if plan.saves_results else None
    )
    first = tensors[floating[0]]._array
    node = plan.attach(inputs, arrays, params, saved, first.shape, first.dtype)
    if len(floating) > 1:
        node.outputs = tuple((t._array.shape, t._array.dtype) for t in tensors)
        node.apply = node.dtype = node.kind = None  # no gradient fits all of them
    for i in floating:
        tensors[i]._grad_fn, tensors[i]._output_nr, tensors[i]._requires_grad = node, i, True
