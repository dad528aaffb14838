"""Reverse mode as a transform of functions: ``vjp``, ``grad`` and ``grad_and_value``.

Each call opens a level of its own, so the transforms nest, and what the function captures is a constant to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from refgrad.engine.level import GradLevel
from refgrad.engine.modes import modes
from refgrad.engine.tensor import Tensor
from refgrad.func import pytree
from refgrad.func.argnums import chosen, replaced

__all__ = ["grad", "grad_and_value", "vjp", "vjp_with_argnums"]


def tracked(level: GradLevel, tree: Any) -> Any:
    """The tensors of a tree as tracked tensors."""
    return pytree.map_leaves(lambda x: level.track(x) if isinstance(x, Tensor) else x, tree)


def differentiable(tree: Any) -> None:
    """Let every leaf of a tree require a gradient.

    Errors: ValueError for a leaf that is no tensor; RuntimeError for integers.
    """
    for x in pytree.leaves(tree):
        if not isinstance(x, Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(x)}")
        if x._array.dtype.kind in "biu":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        x._requires_grad = True


def released(level: GradLevel, tree: Any) -> Any:
    """The values behind a tree of tensors.

    Errors: RuntimeError for a leaf that is no tensor.
    """

    def value(x: Any) -> Any:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
        return level.value(x)

    return pytree.map_leaves(value, tree)


def split_aux(api: str, output: Any, has_aux: bool) -> tuple[Any, Any]:
    """The output proper, and what was returned beside it.

    Errors: RuntimeError where ``has_aux`` and there are not two.
    """
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(f"{api}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return output


def check_outputs(api: str, flat: list[Any]) -> None:
    """Refuse outputs that have no derivative.

    Errors: RuntimeError for no outputs, and for what is no tensor.
    """
    if not flat or (len(flat) == 1 and flat[0] is None):
        raise RuntimeError(f"{api}: Expected f to be a function that has non-empty output (got output = {flat})")
    for out in flat:
        if not isinstance(out, Tensor):
            raise RuntimeError(f"{api}: expected f(*primals) to return only tensors, got unsupported type {type(out)}")


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)``, and a function from cotangents of the output to gradients of the primals.

    Errors: RuntimeError for outputs that are no floating-point tensors.
    """
    return vjp_with_argnums(func, *primals, has_aux=has_aux)


def vjp_with_argnums(func: Callable[..., Any], *primals: Any, argnums: Any = None, has_aux: bool = False) -> Any:
    """As ``vjp``, for some of the primals."""
    level = GradLevel()
    with level.recording():
        args = tracked(level, primals)
        inputs = args if argnums is None else chosen(args, argnums)
        differentiable(inputs)
        output, aux = split_aux("vjp(f, *primals)", func(*args), has_aux)
        flat, spec = pytree.flatten(output)
        check_outputs("vjp(f, *primals)", flat)
        for out in flat:
            if out._array.dtype.kind in "biu":
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                    f"{out.dtype}"
                )
    flat_inputs, inputs_spec = pytree.flatten(inputs)

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given, given_spec = pytree.flatten(cotangents)
        if given_spec != spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {given_spec.brief()}, primal output: {spec.brief()}"
            )
        enabled, modes.grad_enabled = modes.grad_enabled, modes.grad_enabled if create_graph is None else create_graph
        try:
            return pytree.unflatten(level.pull(flat, flat_inputs, given, keep=retain_graph), inputs_spec)
        finally:
            modes.grad_enabled = enabled

    results = released(level, output)
    return (results, vjp_fn, released(level, aux)) if has_aux else (results, vjp_fn)


_API = "grad_and_value(f)(*args)"


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, which returns a scalar, and its value.

    Errors: RuntimeError for an output that is no scalar tensor, and ``argnums`` beyond the arguments.
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = GradLevel()
        with level.recording():
            own, named = tracked(level, args), tracked(level, kwargs)
            inputs = chosen(own, argnums)
            differentiable(inputs)
            output, aux = split_aux(_API, func(*own, **named), has_aux)
            check_scalar(output)
        flat, spec = pytree.flatten(inputs)
        gradient = pytree.unflatten(level.pull([output], flat), spec)
        value = level.value(output)
        return gradient, (value, released(level, aux)) if has_aux else value

    return wrapper


def check_scalar(output: Any) -> None:
    """Refuse an output that has no one gradient.

    Errors: RuntimeError.
    """
    if not isinstance(output, Tensor):
        raise RuntimeError(f"{_API}: Expected f(*args) to return a Tensor, got {type(output)}")
    if output.dim() != 0:
        raise RuntimeError(
            f"{_API}: Expected f(*args) to return a scalar Tensor, got tensor with {output.dim()} dims. Maybe you wanted to "
            "use the vjp or jacrev APIs instead?"
        )


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, which returns a scalar.

    Errors: as ``grad_and_value``.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


__all__ += ["check_outputs", "replaced", "split_aux"]
