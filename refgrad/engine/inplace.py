"""In-place ops: their checks, the write, and the history that follows."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refgrad.engine import body, dtypes
from refgrad.engine.caller import calling_frame
from refgrad.engine.graph import Node, SavedResult, TensorBase, Unversioned
from refgrad.engine.modes import Here, modes
from refgrad.engine.primitive import Primitive, PrimitiveFunction
from refgrad.engine.recording import read, run_forward, through_layers
from refgrad.engine.saving import note_view
from refgrad.engine.views import (
    DEFAULT,
    View,
    address,
    check_overlap,
    copy_slices,
    is_dense,
    is_expanded,
    move_retained,
    own_array,
    restriction,
    wants_grad,
)

_PARTIAL_OVERLAP = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
    "Please clone() the tensor before performing the operation."
)
_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal tensor before "
    "doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
_CPP = {
    "Bool": "bool",
    "Byte": "unsigned char",
    "Char": "signed char",
    "Short": "short int",
    "Int": "int",
    "Long": "long int",
    "Float": "float",
    "Double": "double",
}
_STRUCTURED = frozenset({"addmm", "addmv", "baddbmm", "cumprod", "cumsum"})  # PyTorch's newer kernels, and their words
_IDEMPOTENT = frozenset({"zero", "_fill_number_", "threshold"})  # elements that share memory get the same value
_EXPANDED = (
    "Use of {} on expanded tensors is deprecated. Please clone() the tensor before performing this operation. This also "
    "applies to advanced indexing e.g. tensor[{}"
)
_PER_ELEMENT = {  # written where they say only, so that elements may share memory; but for the last two with a warning
    "_masked_fill_number": "mask] = scalar",
    "_masked_fill_tensor": "mask] = scalar",
    "_index_fill_number": "mask] = scalar",
    "_index_fill_tensor": "mask] = scalar",
    "_index_put": "indices] = tensor",
    "tril": "",
    "triu": "",
}


def check_inplace(tensor: TensorBase, tracked: bool) -> None:
    """Refuse a write that the graph could not follow.

    Errors: RuntimeError for a leaf that requires grad, a view of one, and views that no write may go through.
    """
    view = tensor._view
    if view is not None and tracked:
        _check_view(tensor, view)
    if tracked and view is not None and wants_grad(tensor) and view.base._grad_fn is None:
        raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    if tracked and wants_grad(tensor) and tensor._grad_fn is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def check_inference(tensor: TensorBase) -> None:
    """Refuse to write to an inference tensor outside; PyTorch does so last, when the result is there.

    Errors: RuntimeError.
    """
    if tensor._counter.__class__ is Unversioned and not modes.inference:
        raise RuntimeError(_INFERENCE)


def _check_view(tensor: TensorBase, view: View) -> None:
    if view.creation != DEFAULT:
        raise RuntimeError(restriction(tensor, view.creation, "is being modified inplace"))


def check_partial_overlap(target: TensorBase, others: tuple[Any, ...]) -> None:
    """Refuse to read, while writing, from memory that is in part the target's.

    Errors: RuntimeError.
    """
    for x in others:
        related = isinstance(x, TensorBase) and x._counter is not None and x._counter is target._counter
        if related and x is not target and overlaps_partly(x._array, target._array):
            raise RuntimeError(_PARTIAL_OVERLAP)


def overlaps_partly(a: Any, b: Any) -> bool:
    """Whether two arrays share some memory and are not the same window; as PyTorch, told of dense ones only."""
    if not (a.size and b.size and is_dense(a) and is_dense(b)):
        return False
    start, other = address(a), address(b)
    if start == other and a.nbytes == b.nbytes:
        return bool(a.strides != b.strides)
    return bool(start < other + b.nbytes and other < start + a.nbytes)


def check_result(op: Primitive, target: Any, result: Any) -> None:
    """Refuse a result that does not fit the tensor it is written into.

    Errors: RuntimeError for a shape or a type that does not fit.
    """
    if op.name in _STRUCTURED:
        _check_in_place_call(target, result)
    if op.name == "abs" and target.dtype.kind == "c":
        raise RuntimeError("In-place abs is not supported for complex tensors.")
    if result.shape != target.shape:
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if result.dtype is not target.dtype and not dtypes.can_cast(dtypes.of(result.dtype), dtypes.of(target.dtype)):
        title = dtypes.scalar_title(target.dtype)
        by_number = op.name.startswith("_clamp") and "number" in op.name  # of all ops this says what C++ calls it
        wanted = _CPP.get(title, title) if by_number else title
        raise RuntimeError(
            f"result type {dtypes.scalar_title(result.dtype)} can't be cast to the desired output type {wanted}"
        )


def _check_in_place_call(target: Any, result: Any) -> None:
    if result.shape != target.shape:
        sizes = f"input tensor size {list(target.shape)} and output tensor size {list(result.shape)}"
        raise RuntimeError(f"Bad in-place call: {sizes} should match")
    if result.dtype != target.dtype and not (result.dtype.kind == "i" and target.dtype.kind in "iub"):
        mine, wanted = (_CPP.get(each, each) for each in map(dtypes.scalar_title, (target.dtype, result.dtype)))
        raise RuntimeError(
            f"Bad in-place call: input tensor dtype {mine} and output tensor dtype {wanted} should match"
        )


def bump(tensor: TensorBase) -> None:
    """Count one write into the tensor's storage."""
    if tensor._counter is None:
        tensor._counter = [0]
    tensor._counter[0] += 1


def rebase(tensor: TensorBase, node: Node, nr: int = 0) -> None:
    """Let output ``nr`` of ``node`` be the tensor's history from now on; through a view, the base's too."""
    view = tensor._view
    if view is None:
        move_retained(tensor, node, nr)
        tensor._grad_fn, tensor._output_nr, tensor._requires_grad = node, nr, True
        return
    base = view.base
    copied = copy_slices(tensor, base, node)
    move_retained(base, copied)
    base._grad_fn, base._output_nr = copied, 0
    base._requires_grad = True
    view.refresh(tensor)


def write(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """Run ``op`` and put the result where its first input was."""
    here = modes.here
    if here.state > 1:
        return through_layers(write_plain, op, inputs, params, inplace=True)
    if op.direct is not None and (not params or params == (1,)) and write_directly(op, inputs, here):
        return inputs[0]
    return write_plain(op, inputs, params)


def write_directly(op: Primitive, inputs: tuple[Any, ...], here: Here) -> bool:
    """Write where it is plain that nothing is recorded and nothing can go wrong, which an optimiser's step mostly is.

    It takes a third of the time of ``write_plain``, whose checks all hold here by construction.
    """
    target, recording = inputs[0], here.state
    array, counter = target._array, target._counter
    if array.__class__ is not np.ndarray or target._view is not None or (recording and target._requires_grad):
        return False
    dtype = array.dtype
    if (dtype is not _F32 and dtype is not _F64) or not array.flags.c_contiguous:
        return False
    if counter.__class__ is Unversioned or here.inplace_watch is not None:
        return False
    values: tuple[Any, ...] = (array,)
    if len(inputs) == 2:
        other = inputs[1]
        if isinstance(other, TensorBase):
            value = other._array
            if other._view is not None or (recording and other._requires_grad) or value.dtype is not dtype:
                return False
            if value.shape != array.shape and value.shape:
                return False
        elif other.__class__ is float or other.__class__ is int:
            value = other
        else:
            return False
        values = (array, value)
    try:
        if array.size == 1 and len(values) == 2:  # NumPy's way of writing one element into itself is twice as long
            array[...] = here.quietly(op.direct, *values)
        else:
            here.quietly(op.direct, *values, array)
    except RuntimeError:  # a finalizer or a signal handler came in amid an op, as ``recovered`` tells
        return False
    if counter is None:
        target._counter = [1]
    else:
        counter[0] += 1
    return True


_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)


def write_plain(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """As ``write``, below all layers."""
    target = inputs[0]
    tracked = modes.grad_enabled and any(isinstance(x, TensorBase) and wants_grad(x) for x in inputs)
    if modes.here.inplace_watch is not None:
        modes.here.inplace_watch(_public_name(op), target)
    check_inplace(target, tracked)
    arrays, key = read(op, inputs)
    plan = op.plan(key)
    array = arrays[0]
    shared = isinstance(array, np.ndarray)  # else a scalar of the tensor's own, simply replaced
    if shared and op.name not in _IDEMPOTENT:
        if op.name != "copy" or inputs[1] is not target:  # a copy onto itself moves nothing
            _check_expanded(op, inputs, array, params)
        check_partial_overlap(target, inputs[1:])
    tracked = tracked and plan.records
    result = run_forward(op, arrays, params)
    check_result(op, array, result)
    check_inference(target)
    node = _attach_before_write(op, key, target, inputs, arrays, params, array) if tracked else None
    if shared:
        _put(op, arrays, params, result)
    else:
        target._array = result.astype(array.dtype)[()]
    bump(target)
    if node is not None:
        _save_after_write(node, target)
        rebase(target, node)
        note_view(node, target)
    return target


def _check_expanded(op: Primitive, inputs: tuple[Any, ...], array: Any, params: tuple[Any, ...]) -> None:
    """Refuse to write where one memory location is several elements, or say that PyTorch is going to.

    Errors: RuntimeError.
    """
    if op.name not in _PER_ELEMENT or any(
        each is True for each in params
    ):  # which elements were added to is not told by the result
        check_overlap(array)
    elif is_expanded(array):
        forms = [(_public_name(op), _PER_ELEMENT[op.name])]
        if op.name == "_index_put" and _is_masked_fill(*inputs[1:]):
            forms.append(("masked_fill_", "mask] = scalar"))
        for name, form in forms:
            if form:
                warnings.warn(_EXPANDED.format(name, form), UserWarning, stacklevel=calling_frame()[1])


def _is_masked_fill(value: Any, *indices: Any) -> bool:
    """Whether PyTorch fills by a mask: one number, where one mask says."""
    masks = [each._array for each in indices if each is not None]
    return value._array.size == 1 and len(masks) == 1 and masks[0].dtype.kind == "b" and masks[0].ndim > 0


def _put(op: Primitive, arrays: list[Any], params: tuple[Any, ...], result: Any) -> None:
    """Write the result; where elements share memory, those that the op wrote to, the last of which stays."""
    array = arrays[0]
    if not is_expanded(array):
        np.copyto(array, result, casting="unsafe")
        return
    other = np.where(array == 0, 1, 0).astype(array.dtype)
    again = run_forward(op, [other, *arrays[1:]], params)
    written = (again == result) | ((again != again) & (result != result))  # whatever was there before
    np.copyto(array, result, casting="unsafe", where=written)


def _attach_before_write(
    op: Primitive, key: int, target: Any, inputs: tuple[Any, ...], arrays: list[Any], params: Any, array: Any
) -> Node:
    """The write's node; if its rule needs the old value, a clone is saved in its place."""
    plan = op.plans[key]
    results = (SavedResult(array, [0], 0),) if plan.saves_results else None
    node = plan.attach(inputs, arrays, params, results, array.shape, array.dtype)
    position = plan.slots.get("inputs[0]")
    if position is not None:
        old = target.clone()
        node.saved = (*node.saved[:position], old, *node.saved[position + 1 :])
        if node.versions:
            node.versions = (*node.versions[:position], 0, *node.versions[position + 1 :])
    return node


def _save_after_write(node: Node, target: Any) -> None:
    """A saved result is the tensor as it is after the write."""
    position = node.plan.slots.get("results[0]")
    if position is None:
        return
    saved = SavedResult(target._array, target._counter, 0)
    node.saved = (*node.saved[:position], saved, *node.saved[position + 1 :])
    held = node.versions or (0,) * len(node.saved)
    node.versions = (*held[:position], target._counter[0], *held[position + 1 :])


def inplace(function: PrimitiveFunction) -> Callable[..., Any]:
    """The in-place form of a primitive: ``add`` -> ``add_``."""
    op = function.op
    name = op.name.strip("_") + "_"
    method: Callable[..., Any] = body.function(op, name, "inplace", {"write": write, "op": op})
    method.__doc__ = f"In-place version of ``{op.name}``."
    return method


def inplace_view(function: PrimitiveFunction) -> Callable[..., Any]:
    """The in-place form of a view op: ``t`` -> ``t_``. The tensor looks at its memory another way; nothing is written."""
    op = Primitive(function.op.forward, promotes="no", name=_next_form(function.op.node_class.__name__), outputs=())
    op.vjps, op.jvps = function.op.vjps, function.op.jvps

    def method(self: Any, *params: Any) -> Any:
        tracked = modes.grad_enabled and wants_grad(self)
        check_inplace(self, tracked)
        arrays, key = read(op, (self,))
        result = op.forward(own_array(self), *params)
        check_inference(self)
        for layer in modes.layers:
            layer.turned(self, function, params)
        plan = op.plan(key)
        node = plan.attach((self,), arrays, params, None, result.shape, result.dtype) if tracked else None
        self._array = result
        bump(self)
        if node is not None:
            keep_hooks(self, node)
            self._grad_fn, self._output_nr = node, 0
            if self._view is not None:
                self._view.attr_version = self._counter[0]  # the history above is of the new shape already
        return self

    method.__name__ = method.__qualname__ = op.name.strip("_") + "_"
    method.__doc__ = f"In-place version of ``{op.name}``."
    return method


def keep_hooks(tensor: TensorBase, node: Node) -> None:
    """A tensor whose shape changes in place keeps its hooks, and its retained gradient, in the shape that it had."""
    old, nr = tensor._grad_fn, tensor._output_nr
    if old is None or old.hooks is None:
        return
    if old.hooks.elsewhere is not None:
        node.own_hooks().elsewhere = old.hooks.elsewhere
    elif old.hooks.retains(nr) or old.hooks.on(nr):
        node.own_hooks().elsewhere = old, nr


def _next_form(name: str) -> str:
    """``TBackward0`` -> ``TBackward1``: PyTorch numbers the forms of an op, those in place last."""
    return f"{name[:-1]}{int(name[-1]) + (3 if name.startswith('Squeeze') else 1)}"


def increment_version(tensor: Any) -> None:
    """Count a write that the engine did not see."""
    for t in [tensor] if isinstance(tensor, TensorBase) else tensor:
        bump(t)


@contextlib.contextmanager
def unsafe_preserve_version_counter(tensors: Any) -> Iterator[None]:
    """Forget at the end the writes that were counted inside."""
    held = (tensors,) if isinstance(tensors, TensorBase) else tuple(tensors)
    before = [0 if t._counter is None else t._counter[0] for t in held]
    try:
        yield
    finally:
        for tensor, version in zip(held, before):
            if tensor._counter is not None:
                tensor._counter[0] = version


@contextlib.contextmanager
def warn_inplace() -> Iterator[None]:
    """Warn of each in-place op inside, with its name and the line that called it.

    PyTorch never warns of one; tutorials say that it does. The warning is for those who want it.
    """
    previous, modes.here.inplace_watch = modes.here.inplace_watch, _warn_of_write
    try:
        yield
    finally:
        modes.here.inplace_watch = previous


def _public_name(op: Primitive) -> str:
    """The name of the method that wrote: ``_fill_number_`` is one form of ``fill_``."""
    name = re.sub(r"_(tensors?|numbers?|scalar|rounded)$", "", op.name.strip("_"))
    return "div_" if name == "true_divide" else name + "_"


def _warn_of_write(name: str, tensor: TensorBase) -> None:
    frame, depth = calling_frame()
    tracked = "part of a graph" if tensor._requires_grad else "not part of a graph"
    warnings.warn(
        f"in-place op {name} at {frame.f_code.co_filename}:{frame.f_lineno} on a tensor of shape "
        f"{list(tensor._array.shape)} that is {tracked}",
        UserWarning,
        stacklevel=depth,
    )
