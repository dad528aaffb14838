"""``gradcheck``: derivatives held against finite differences of the function itself.

Source: ``torch.autograd.gradcheck``, whose tolerances, order of checks and words these are.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from refgrad.engine import differentiation, ops, sampling
from refgrad.engine.function import Function
from refgrad.engine.graph import wrap
from refgrad.engine.jacobians import (
    Func,
    GradcheckError,
    Part,
    Tensors,
    Tolerances,
    as_tuple,
    differentiable,
    forward_rows,
    is_float,
    is_wanted,
    numerical_jacobians,
    numerical_row,
    parts_of,
    reentrant_columns,
    shown,
    unit_vectors,
    wanted,
)
from refgrad.engine.level import zeros_like
from refgrad.engine.views import own_array

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


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
    generator = sampling.Generator()
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
    drawn = sampling.rand(tensor.numel(), generator=generator)._array
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
        rows = [sampling.randn_like(output) for _ in range(2)]
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
    drawn = sampling.rand(output.shape, dtype=output.dtype) * 2 - 1
    if output.is_complex():
        drawn = drawn - 1j
    if non_contiguous and output.numel() > 1 and output.dim():
        drawn = wrap(np.repeat(drawn._array, 2, -1)[..., ::2])
    return drawn.detach().requires_grad_()
