"""``autograd.backward`` and ``autograd.grad``: their arguments, checked, and one run of the traversal."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.autograd import Task, task_type
from refgrad.engine.graph import AccumulateGrad, GradientEdge, TensorBase, gradient_edge
from refgrad.engine.modes import modes, warn_once
from refgrad.engine.primitive import wrap

_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient which can "
    "cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you have to use this "
    "function, make sure to reset the .grad fields of your parameters to None after use to break the cycle and avoid the leak."
)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of ``tensors`` to the ``.grad`` of the leaves, or of ``inputs``.

    Errors: RuntimeError for gradients that do not fit, tensors without a graph, and a graph already freed.
    """
    if modes.layers:
        modes.refuse("backward")
    elif grad_tensors is grad_variables is inputs is None and not create_graph and _is_plain_loss(tensors):
        backward_from(tensors, bool(retain_graph))
        return
    if grad_variables is not None:
        grad_tensors = _renamed(grad_tensors, grad_variables)
    if inputs is not None and len(inputs := _sequence(inputs)) == 0:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    outputs = _sequence(tensors)
    grads = make_grads(outputs, _gradients(grad_tensors, len(outputs)))
    _check_roots(outputs)
    for tensor in inputs or ():
        if isinstance(tensor, TensorBase) and (tensor._grad_fn is not None or not tensor._requires_grad):
            tensor.retain_grad()  # type: ignore[attr-defined]
    if create_graph:
        warn_once(_CYCLE, stacklevel=4)
    keep = create_graph if retain_graph is None else retain_graph
    run_backward(outputs, grads, keep=bool(keep), graph=bool(create_graph), inputs=inputs, accumulate_grad=True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched.

    Errors: as ``backward``; RuntimeError for an input outside the graph unless ``allow_unused``.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        _warn_only_inputs()
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)  # type: ignore[no-any-return]
    roots, wanted = _sequence(outputs), _sequence(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = make_grads(roots, _gradients(grad_outputs, len(roots)))
    _check_roots(roots)
    for tensor in wanted:
        if not _requires_grad(tensor):
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    keep = create_graph if retain_graph is None else retain_graph
    found = run_backward(roots, grads, keep=bool(keep), graph=bool(create_graph), inputs=wanted, accumulate_grad=False)
    if materialize_grads:
        if any(g is None and isinstance(edge, GradientEdge) for g, edge in zip(found, wanted)):
            raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
        return tuple(wrap(np.zeros_like(t._array)) if g is None else g for g, t in zip(found, wanted))
    for i, g in enumerate(found):
        if g is None and not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set allow_unused=True if "
                "this is the desired behavior."
            )
    return tuple(found)


def _is_plain_loss(tensor: Any) -> bool:
    """Whether ``tensor`` is one real number with a history, so that no argument is left to check."""
    if not isinstance(tensor, TensorBase) or tensor._grad_fn is None or tensor._view is not None:
        return False
    return bool(tensor._array.size == 1 and tensor._array.dtype.kind == "f")


def _check_roots(outputs: Sequence[Any]) -> None:
    """PyTorch looks at the roots first, at the inputs after."""
    for i, tensor in enumerate(outputs):
        if not _requires_grad(tensor) or _ends(tensor):
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")


def _requires_grad(tensor: Any) -> bool:
    if not isinstance(tensor, TensorBase):
        return isinstance(tensor, GradientEdge)
    if tensor._view is not None:
        tensor._view.refresh(tensor, always=True)
    return tensor._requires_grad


def _ends(tensor: Any) -> bool:
    """Whether no gradient goes on from a tensor that requires grad: a view that does so for its base's sake."""
    return not isinstance(tensor, GradientEdge) and tensor._view is not None and tensor._view.lent


def _up_to_date(tensor: Any) -> Any:
    if tensor._view is not None:
        tensor._view.refresh(tensor, always=True)
    return tensor


# one run of the traversal --------------------------------------------------------------------------------------------


def run_backward(
    tensors: Sequence[Any],
    grads: Sequence[Any],
    *,
    keep: bool,
    graph: bool,
    inputs: Sequence[Any] | None = None,
    accumulate_grad: bool,
) -> list[Any]:
    """Differentiate ``tensors``; gradients go into ``.grad``, or come back for ``inputs``."""
    task = task_type[0](graph=graph, keep=keep)
    graph = task.graph
    if inputs is not None:
        _aim(task, inputs, accumulate_grad)
    edges = [gradient_edge(t) for t in tensors]
    task.run(edges, grads if graph else [g._array for g in grads])
    results = [task.captured.get(i) for i in range(len(inputs or ()))]
    if not graph:
        results = _as_tensors(results, grads)
    if modes.here.state > 1:
        for new in (*results, *(node.variable._grad for node in task.pending if isinstance(node, AccumulateGrad))):
            if new is not None:
                modes.created(new)
    return results


def _as_tensors(found: list[Any], grads: Sequence[Any]) -> list[Any]:
    """Tensors around arrays; a gradient that came through unchanged is the tensor that was given."""
    known = {id(g._array): g for g in grads if g is not None}
    return [
        g if g is None or isinstance(g, TensorBase) else known.setdefault(id(g), wrap(np.asarray(g))) for g in found
    ]


def backward_from(root: Any, keep: bool) -> None:
    """``run_backward`` for what most calls are: one scalar result, everything it depends on, gradients into ``.grad``."""
    task = Task(graph=False, keep=keep)
    array = root._array
    one = ONE if array.__class__ is np.float32 else ones(array.shape, array.dtype)
    task.run([(root._grad_fn, root._output_nr)], [one])


ONE: Any = np.float32(1)  # to make it takes as long as to multiply by it, three times


def ones(shape: tuple[int, ...], dtype: Any) -> Any:
    """What the gradient of a result starts from."""
    return np.ones(shape, dtype) if shape else dtype.type(1)


def _aim(task: Task, inputs: Sequence[Any], accumulate_grad: bool) -> None:
    """Restrict a pass to what leads to ``inputs``."""
    task.needed = set()
    for index, tensor in enumerate(inputs):
        node, nr = gradient_edge(tensor)
        if accumulate_grad:
            task.needed.add(node)
        else:
            task.captures.setdefault(node, []).append((nr, index))


# arguments ------------------------------------------------------------------------------------------------------------


def _sequence(tensors: Any) -> tuple[Any, ...]:
    if isinstance(tensors, (TensorBase, GradientEdge)):
        return (tensors,)
    return tuple(tensors.values()) if isinstance(tensors, dict) else tuple(tensors)


def _gradients(grads: Any, count: int) -> tuple[Any, ...]:
    return (None,) * count if grads is None else _sequence(grads)


def make_grads(outputs: Sequence[Any], grads: Sequence[Any]) -> list[Any]:
    """A gradient for each output: the one given, checked, or the implicit one of a single element.

    Errors: RuntimeError for a shape or type that does not fit, or where none is implicit; TypeError for no tensor.
    """
    if len(grads) < len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    return [_make_grad(i, out, grad) for i, (out, grad) in enumerate(zip(outputs, grads))]


def _make_grad(i: int, output: Any, grad: Any) -> Any:
    if grad is None and getattr(output, "_array", None).__class__ is np.float32 and output._requires_grad:
        return wrap(ONE)  # most often
    shape, dtype = _described(output)
    if grad is None:
        return _implicit(shape, dtype) if _requires_grad(output) else None
    if not isinstance(grad, TensorBase):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
    if grad._array.shape != shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {dims.Size(grad._array.shape)} and output[{i}] has a shape of "
            f"{dims.Size(shape)}."
        )
    return _of_type(i, grad, dtype)


def _described(output: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and NumPy type of a root."""
    if isinstance(output, GradientEdge):
        node, nr = gradient_edge(output)
        return node.describe(nr)
    if not isinstance(output, TensorBase):
        raise AssertionError("Expected output to be a torch.Tensor")
    return output._array.shape, output._array.dtype


def _of_type(i: int, grad: Any, dtype: Any) -> Any:
    """``grad`` in the output's type; between real types a cast is silent."""
    held = grad._array.dtype
    if held == dtype:
        return grad
    if (held.kind == "c") is not (dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{i}] has a dtype of {dtypes.of(held)} and output[{i}] has a dtype of {dtypes.of(dtype)}."
        )
    return grad.to(dtypes.of(dtype))


def _implicit(shape: tuple[int, ...], dtype: Any) -> Any:
    if math.prod(shape) != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    if dtype.kind == "c":
        raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {dtypes.of(dtype)}")
    return wrap(ones(shape, dtype))


def _batched(
    outputs: Any, inputs: Any, grad_outputs: Any, retain: Any, create: bool, unused: Any, materialize: bool
) -> Any:
    """One ``grad`` a row of ``grad_outputs``, stacked."""
    batch = (
        make_grads(_sequence(outputs), [None] * len(_sequence(outputs)))
        if grad_outputs is None
        else _sequence(grad_outputs)
    )
    if any(not g.ndim for g in batch):
        raise ValueError(_NO_BATCH)
    rows = list(zip(*(g.unbind(0) for g in batch)))
    options = {"create_graph": create, "allow_unused": unused, "materialize_grads": materialize}
    results = [
        grad(outputs, inputs, row, True if i < len(rows) - 1 else retain, **options) for i, row in enumerate(rows)
    ]
    from refgrad.engine import ops

    return tuple(None if column[0] is None else ops.stack(column) for column in zip(*results))


_NO_BATCH = (
    "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a Tensor of dimensionality 0 so "
    "expected in_dim to satisfy 0 <= in_dim < 0."
)


def _renamed(grad_tensors: Any, grad_variables: Any) -> Any:
    warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=3)
    if grad_tensors is not None:
        raise RuntimeError(
            "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only use "
            "`grad_tensors`."
        )
    return grad_variables


def _warn_only_inputs() -> None:
    warnings.warn(
        "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts of "
        "the graph, please use torch.autograd.backward.",
        FutureWarning,
        stacklevel=3,
    )
