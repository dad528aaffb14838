"""Jacobians of functions of tensors: by finite differences, by backward and by forward mode; what ``gradcheck`` compares."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import differentiation, forward_ad, ops
from refgrad.engine.graph import TensorBase, wrap
from refgrad.engine.level import zeros_like
from refgrad.engine.views import own_array

Func = Callable[..., Any]
Tensors = tuple[Any, ...]


class GradcheckError(RuntimeError):
    """A derivative is wrong."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far the derivatives may be from the differences, which step ``eps`` gives."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float

    def agree(self, analytical: Any, numerical: Any, scale: float = 1.0) -> bool:
        """Whether all elements are close; ``scale`` belongs to ``atol``."""
        difference = np.abs(analytical - numerical)
        return bool((difference <= self.atol * scale + self.rtol * np.abs(numerical)).all())


@dataclass(frozen=True, slots=True)
class Part:
    """One real-valued part of the work: the function, and what to call a mismatch in it."""

    func: Func
    inputs: Tensors
    prefix: str = ""
    forward: bool = False

    def outputs(self) -> Tensors:
        """The outputs, as a tuple."""
        return as_tuple(self.func(*self.inputs))

    def mismatch(self, analytical: Any, numerical: Any, output: int, input: int) -> str:
        """The message for derivatives that differ."""
        mode = "computed with forward mode " if self.forward else ""
        return (
            f"{self.prefix}Jacobian {mode}mismatch for output {output} with respect to input {input},\n"
            f"numerical:{shown(numerical)}\nanalytical:{shown(analytical)}\n"
        )


def shown(value: Any) -> Any:
    """A matrix as a tensor, a number as itself."""
    return wrap(value) if getattr(value, "ndim", 0) else value


def as_tuple(value: Any) -> Tensors:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def is_float(x: Any) -> bool:
    return isinstance(x, TensorBase) and x._array.dtype.kind in "fc"


def is_wanted(x: Any) -> bool:
    return isinstance(x, TensorBase) and x.requires_grad  # type: ignore[attr-defined]


def wanted(inputs: Tensors) -> list[Any]:
    """The inputs that require grad."""
    return [x for x in inputs if is_wanted(x)]


def differentiable(outputs: Any) -> Tensors:
    """The outputs that require grad."""
    return tuple(out for out in as_tuple(outputs) if out.requires_grad)


# finite differences ---------------------------------------------------------------------------------------------------


def difference(part: Part, array: Any, index: Any, step: Any, norm: float) -> list[Any]:
    """The central difference of each floating output for a step in one place of an input's array."""
    held = np.array(array[index])
    ends = []
    for signed in (-step, step):
        array[index] = held + signed
        try:
            ends.append([np.array(out._array) for out in part.outputs() if is_float(out)])
        finally:
            array[index] = held
    for low, high in zip(*ends):
        if low.shape != high.shape:
            raise AssertionError(
                f"Expected `func` to return outputs with the same shape when inputs are perturbed on index {index} by {step}, but "
                f"got: shapes {low.shape} and {high.shape}."
            )
    return [((high - low) / (2 * norm)).reshape(-1) for low, high in zip(*ends)]


def numerical_row(part: Part, array: Any, index: Any, real: Any, imaginary: Any, eps: float) -> list[Any]:
    """A row of the numerical Jacobian of each output; of a complex input, with the derivative for the imaginary part."""
    along = difference(part, array, index, real * eps, eps)
    if array.dtype.kind != "c":
        return along
    across = difference(part, array, index, imaginary * eps * 1j, eps)
    return [x + 1j * y for x, y in zip(along, across)]


def numerical_jacobians(part: Part, eps: float) -> list[list[Any]]:
    """By input and output: a row an element of the input, a column an element of the output."""
    found = []
    for x in wanted(part.inputs):
        array = own_array(x)
        rows = [numerical_row(part, array, index, 1.0, 1.0, eps) for index in np.ndindex(array.shape)]
        empty = [np.zeros((0, out._array.size)) for out in part.outputs() if is_float(out)]
        found.append([np.stack(column) for column in zip(*rows)] if rows else empty)
    return found


# derivatives ----------------------------------------------------------------------------------------------------------


def backward_columns(part: Part, output: Any, cotangents: Sequence[Any]) -> list[Any]:
    """By input: a column a cotangent of ``output``."""
    inputs = wanted(part.inputs)
    columns: list[list[Any]] = [[] for _ in inputs]
    for cotangent in cotangents:
        grads = differentiation.grad(output, inputs, wrap(cotangent), retain_graph=True, allow_unused=True)
        for column, grad, x in zip(columns, grads, inputs):
            column.append(
                np.zeros(x._array.size, x._array.dtype) if grad is None else np.array(grad._array).reshape(-1)
            )
    return [np.stack(c, -1) if c else np.zeros((x._array.size, 0)) for c, x in zip(columns, inputs)]


def reentrant_columns(part: Part, output: Any, cotangents: Sequence[Any], nondet_tol: float) -> list[Any]:
    """As ``backward_columns``, twice.

    Errors: GradcheckError where the two differ.
    """
    first, second = (backward_columns(part, output, cotangents) for _ in range(2))
    for a, b in zip(first, second):
        if a.size and np.abs(a - b).max() > nondet_tol:
            raise GradcheckError(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
                "values, although analytical gradient matches numerical gradient.The tolerance for nondeterminism was "
                f"{nondet_tol}.{_NONDETERMINISTIC}"
            )
    return first


_NONDETERMINISTIC = """

NOTE: If your op relies on non-deterministic operations i.e., it is listed here:
https://pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html
this failure might be expected.
"""


def unit_vectors(output: Any) -> list[Any]:
    """For each element: zeros with a one there."""
    array = output._array
    return [row.reshape(array.shape) for row in np.eye(array.size, dtype=array.dtype)]


def forward_rows(part: Part, position: int, tangents: Sequence[Any]) -> list[Any]:
    """By floating output: a row a tangent of the input at ``position``."""
    rows = []
    with forward_ad.dual_level():
        for tangent in tangents:
            duals = [
                forward_ad.make_dual(x.detach(), wrap(np.array(tangent)) if i == position else zeros_like(x))
                if is_wanted(x)
                else x
                for i, x in enumerate(part.inputs)
            ]
            outputs = [forward_ad.unpack_dual(out) for out in as_tuple(part.func(*duals)) if is_float(out)]
            rows.append([np.array((zeros_like(out) if t is None else t)._array).reshape(-1) for out, t in outputs])
    return [np.stack(column) for column in zip(*rows)]


# complex numbers ------------------------------------------------------------------------------------------------------


def of_outputs(func: Func, take: Func) -> Func:
    """``func``, with a part of each complex output."""

    @functools.wraps(func)
    def taken(*args: Any) -> Tensors:
        return tuple(take(out) if out.is_complex() else out for out in as_tuple(func(*args)))

    return taken


def of_inputs(func: Func, inputs: Tensors, imaginary: bool) -> Func:
    """``func`` as a function of the real, or imaginary, parts of its complex inputs."""

    def joined(part: Any, x: Any) -> Any:
        if not (isinstance(x, TensorBase) and x._array.dtype.kind == "c"):
            return part
        return ops.real(x).detach() + part * 1j if imaginary else part + ops.imag(x).detach() * 1j

    return lambda *args: func(*map(joined, args, inputs))


def parts_of(func: Func, inputs: Tensors, forward: bool) -> list[Part]:
    """What to check: a function, or its real and imaginary parts."""
    takes = (("imaginary", True, ops.imag), ("real", False, ops.real))
    if forward and any(is_wanted(x) and x.is_complex() for x in inputs):
        prefix = "While considering the {} part of complex inputs only, "
        return [
            Part(of_inputs(func, inputs, flag), tuple(_half(x, take) for x in inputs), prefix.format(name), True)
            for name, flag, take in takes
        ]
    if not forward and any(out.is_complex() for out in as_tuple(func(*inputs))):
        prefix = "While considering the {} part of complex outputs only, "
        return [Part(of_outputs(func, take), inputs, prefix.format(name)) for name, _, take in takes]
    return [Part(func, inputs, forward=forward)]


def _half(x: Any, take: Func) -> Any:
    if not (isinstance(x, TensorBase) and x._array.dtype.kind == "c"):
        return x
    return take(x.detach()).clone().requires_grad_(is_wanted(x))  # type: ignore[attr-defined]
