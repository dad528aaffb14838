"""``gradcheck``: derivatives held against finite differences of the function itself.

Source: ``torch.autograd.gradcheck``, whose tolerances, order of checks and words these are.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refgrad.engine import creation, differentiation, forward_ad, ops
from refgrad.engine.function import Function
from refgrad.engine.graph import TensorBase, wrap
from refgrad.engine.level import zeros_like
from refgrad.engine.views import own_array

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

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


# the comparison -------------------------------------------------------------------------------------------------------


def check_part(part: Part, tolerances: Tolerances, fast: bool) -> None:
    """Hold the derivatives of one real-valued part against differences."""
    outputs = part.outputs()
    if not differentiable(outputs):
        check_constant(part, tolerances)
    elif fast:
        check_fast(part, outputs, tolerances)
    else:
        check_slowly(part, outputs, tolerances)


def check_constant(part: Part, tolerances: Tolerances) -> None:
    """Outputs without a history must not depend on the inputs."""
    for row in numerical_jacobians(part, tolerances.eps):
        if any(np.any(jacobian != 0) for jacobian in row):
            raise GradcheckError("Numerical gradient for function expected to be zero")


def check_slowly(part: Part, outputs: Tensors, tolerances: Tolerances) -> None:
    """Compare whole Jacobians."""
    numerical = numerical_jacobians(part, tolerances.eps)
    floating = [out for out in outputs if is_float(out)]
    columns = [k for k, out in enumerate(floating) if out.requires_grad]
    for i, k in enumerate(columns):
        for j, analytical in enumerate(jacobian_of(part, floating[k], k, tolerances)):
            if not tolerances.agree(analytical, numerical[j][k]):
                raise GradcheckError(part.mismatch(analytical, numerical[j][k], i, j))


def jacobian_of(part: Part, output: Any, k: int, tolerances: Tolerances) -> list[Any]:
    """The Jacobian of one floating output, number ``k``, by input."""
    if not part.forward:
        return reentrant_columns(part, output, unit_vectors(output), tolerances.nondet_tol)
    positions = [i for i, x in enumerate(part.inputs) if is_wanted(x)]
    return [forward_rows(part, i, unit_vectors(part.inputs[i]))[k] for i in positions]


def check_fast(part: Part, outputs: Tensors, tolerances: Tolerances) -> None:
    """Compare one number for each input and output: the Jacobian between two random vectors."""
    generator = creation.Generator()
    inputs = wanted(part.inputs)
    us = [(unit(x, generator), unit(x, generator) if x.is_complex() else None) for x in inputs]
    floating = [out for out in outputs if is_float(out)]
    columns = [k for k, out in enumerate(floating) if out.requires_grad]
    vs = [unit(floating[k], generator) for k in columns]
    for j, (x, (u, w)) in enumerate(zip(inputs, us)):
        array = own_array(x)
        shaped = [None if each is None else each.reshape(array.shape) for each in (u, w)]
        differences = numerical_row(part, array, ..., shaped[0], shaped[1], tolerances.eps)
        for i, (k, v) in enumerate(zip(columns, vs)):
            numerical = (differences[k] * v).sum()
            analytical = number_of(part, floating[k], k, j, u, w, v, tolerances)
            scale = float(u.sum() + (0 if w is None else w.sum())) * float(v.sum())
            if not tolerances.agree(analytical, numerical, scale):
                raise GradcheckError(
                    part.mismatch(analytical, numerical, i, j) + slowly(part, floating[k], k, j, tolerances)
                )


def number_of(part: Part, output: Any, k: int, j: int, u: Any, w: Any, v: Any, tolerances: Tolerances) -> Any:
    """One number of the fast mode, by the derivative."""
    if part.forward:
        position = [i for i, x in enumerate(part.inputs) if is_wanted(x)][j]
        return (forward_rows(part, position, [u.reshape(part.inputs[position].shape)])[k][0] * v).sum()
    cotangent = v.reshape(output._array.shape).astype(output._array.dtype)
    column = reentrant_columns(part, output, [cotangent], tolerances.nondet_tol)[j][:, 0]
    return column @ u if w is None else column.real @ u + 1j * (column.imag @ w)


def unit(tensor: Any, generator: Any) -> Any:
    """A random vector of length 1, as long as ``tensor`` has elements; PyTorch's numbers."""
    drawn = creation.rand(tensor.numel(), generator=generator)._array
    vector = np.asarray(drawn).astype(tensor._array.real.dtype)
    return vector / (np.linalg.norm(vector) or 1)


def slowly(part: Part, output: Any, k: int, j: int, tolerances: Tolerances) -> str:
    """What the slow mode says of a mismatch."""
    numerical = numerical_jacobians(part, tolerances.eps)[j][k]
    analytical = jacobian_of(part, output, k, tolerances)[j]
    text = (
        "\nThe above quantities relating the numerical and analytical jacobians are computed \nin fast mode. See: "
        "https://github.com/pytorch/pytorch/issues/53876 for more background \nabout fast mode. Below, we recompute numerical and "
        f"analytical jacobians in slow mode:\n\nNumerical:\n {shown(numerical)}\nAnalytical:\n{shown(analytical)}\n\n"
        f"The max per-element difference (slow mode) is: {np.abs(numerical - analytical).max()}.\n"
    )
    if tolerances.agree(analytical, numerical):
        text += "Fast gradcheck failed but element-wise differences are small. This means that the\ntest might've passed in slow_mode!"
    return text


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


# the other checks -----------------------------------------------------------------------------------------------------


def check_inputs(inputs: Tensors) -> None:
    """Refuse inputs whose derivatives no difference can tell.

    Errors: ValueError where none requires grad; RuntimeError for memory that overlaps.
    """
    for i, x in enumerate(inputs):
        if not is_wanted(x):
            continue
        if x._array.dtype not in (np.dtype(np.float64), np.dtype(np.complex128)):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check will likely "
                "fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=4,
            )
        if any(stride == 0 and n > 1 for stride, n in zip(x.stride(), x.shape)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be "
                "able to compute the numerical gradients correctly. You should call .contiguous on the input before passing it to "
                "gradcheck."
            )
    if not wanted(inputs):
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )


def check_scaled(outputs: Tensors, inputs: Tensors) -> None:
    """A zero cotangent must give zero gradients."""
    if not outputs:
        return
    zeros = [zeros_like(out) for out in outputs]
    for grad in differentiation.grad(outputs, wanted(inputs), zeros, allow_unused=True):
        if grad is not None and np.any(grad._array != 0):
            raise GradcheckError("backward not multiplied by grad_output")


def check_batched(outputs: Tensors, inputs: Tensors) -> None:
    """Cotangents in a batch must give what they give one by one."""
    sources = wanted(inputs)
    for i, output in enumerate(outputs):
        rows = [creation.randn_like(output) for _ in range(2)]
        single = [differentiation.grad(output, sources, row, retain_graph=True, allow_unused=True) for row in rows]
        together = differentiation.grad(
            output, sources, ops.stack(rows), retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for j, (column, batch) in enumerate(zip(zip(*single), together)):
            if batch is not None and not np.allclose(ops.stack(column)._array, batch._array):
                raise GradcheckError(f"For output {i} and input {j}: the batched gradients are not those of the rows")


class UndefinedGrad(Function):
    """Passes values on, and no gradient back."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> None:
        return None


_UNDEFINED = 'Please look at "Notes about undefined output gradients" in "tools/autograd/derivatives.yaml"'


def check_undefined(func: Func, inputs: Tensors) -> None:
    """A backward must take it that no gradient arrives at one output, or at any."""
    count = len(differentiable(func(*inputs)))
    for cut in [set(range(count)), *({i} for i in range(count if count > 1 else 0))]:
        outputs = differentiable(func(*inputs))
        roots = [UndefinedGrad.apply(out) if i in cut else out for i, out in enumerate(outputs)]
        if roots:
            _check_undefined(roots, wanted(inputs))


def _check_undefined(roots: list[Any], sources: list[Any]) -> None:
    try:
        grads = differentiation.grad(roots, sources, [zeros_like(root) for root in roots], allow_unused=True)
    except RuntimeError as error:
        _warn_of_undefined()
        raise GradcheckError(f"Expected backward function to handle undefined output grads. {_UNDEFINED}") from error
    if any(grad is not None and np.any(grad._array != 0) for grad in grads):
        _warn_of_undefined()
        raise GradcheckError(
            "Expected all input grads to be undefined or zero when all output grads are undefined or zero. "
            + _UNDEFINED
        )


def _warn_of_undefined() -> None:
    warnings.warn(
        "Backwards compatibility: New undefined gradient support checking feature is enabled by default, but it may break existing "
        'callers of this function. If this is true for you, you can call this function with "check_undefined_grad=False" to '
        "disable the feature",
        stacklevel=5,
    )


# PyTorch's interface --------------------------------------------------------------------------------------------------


def gradcheck(
    func: Func,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the derivatives of ``func`` at ``inputs`` are those that finite differences tell.

    ``check_grad_dtypes``, ``check_batched_forward_grad`` and ``masked`` change nothing: gradients always have their inputs'
    types, batches are run row by row, and no tensor is sparse.
    Errors: GradcheckError, unless ``raise_exception`` is off; ValueError and RuntimeError for inputs that cannot be checked.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    tolerances = Tolerances(eps, atol, rtol, nondet_tol)
    try:
        args = as_tuple(inputs)
        check_inputs(args)
        outputs = differentiable(func(*args))
        modes_on = [forward for forward, on in ((False, check_backward_ad), (True, check_forward_ad)) if on]
        for part in [part for forward in modes_on for part in parts_of(func, args, forward)]:
            check_part(part, tolerances, fast_mode)
        if check_backward_ad:
            _check_backward(func, args, outputs, check_batched_grad, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_backward(func: Func, inputs: Tensors, outputs: Tensors, batched: bool, undefined: bool) -> None:
    """The laws of a backward that no difference is needed for."""
    if batched:
        check_batched(outputs, inputs)
    check_scaled(outputs, inputs)
    if undefined:
        check_undefined(func, inputs)


def gradgradcheck(
    func: Func,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """As ``gradcheck``, of the gradient of ``func``, as a function of the inputs and of the cotangents.

    Errors: as ``gradcheck``.
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_undefined_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_undefined_grad=True requires check_rev_over_rev to be True")
    if check_batched_grad and not check_rev_over_rev:
        raise AssertionError("Setting check_batched_grad=True requires check_rev_over_rev to be True")
    args = as_tuple(inputs)
    if grad_outputs is None:
        outputs = differentiable(func(*args))
        cotangents = tuple(random_like(out, gen_non_contig_grad_outputs) for out in outputs)
    else:
        cotangents = as_tuple(grad_outputs)
    return gradcheck(
        gradient_of(func, args, cotangents),
        args + cotangents,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
    )


def gradient_of(func: Func, inputs: Tensors, cotangents: Tensors) -> Func:
    """The gradient of ``func``, as a function of its inputs and of the cotangents of its outputs."""
    tracked = [is_wanted(x) for x in (*inputs, *cotangents)]
    count = len(inputs)

    def gradient(*args: Any) -> Tensors:
        values = [x.requires_grad_() if on else x for x, on in zip(args, tracked)]
        outputs = differentiable(func(*values[:count]))
        sources = [x for x, on in zip(values[:count], tracked) if on]
        grads = differentiation.grad(outputs, sources, values[count:], create_graph=True, allow_unused=True)
        return tuple(grad for grad in grads if grad is not None)

    return gradient


def random_like(output: Any, non_contiguous: bool) -> Any:
    """A leaf of random numbers from -1 to 1 in the shape of ``output``."""
    drawn = creation.rand(output.shape, dtype=output.dtype) * 2 - 1
    if output.is_complex():
        drawn = drawn - 1j
    if non_contiguous and output.numel() > 1 and output.dim():
        drawn = wrap(np.repeat(drawn._array, 2, -1)[..., ::2])
    return drawn.detach().requires_grad_()
