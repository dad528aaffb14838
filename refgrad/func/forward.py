"""Forward mode as a transform of functions: ``jvp`` and ``linearize``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refgrad.engine.forward_ad import ForwardLevel, forward_enabled, make_dual_at, unpack_dual_at
from refgrad.engine.level import zeros_like
from refgrad.engine.modes import modes
from refgrad.engine.tensor import Tensor
from refgrad.func import pytree
from refgrad.func.argnums import chosen, replaced
from refgrad.func.reverse import check_outputs, split_aux

__all__ = ["jvp", "jvp_with_argnums", "linearize"]

_API = "jvp(f, primals, tangents)"


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """``func(*primals)``, and the product of its Jacobian with ``tangents``.

    Errors: RuntimeError where primals and tangents do not match; with ``strict``, where an output depends on no primal.
    """
    return jvp_with_argnums(func, primals, tangents, None, strict=strict, has_aux=has_aux)


def jvp_with_argnums(
    func: Callable[..., Any], primals: Any, tangents: Any, argnums: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """As ``jvp``, with tangents of some of the primals."""
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{_API}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    own = primals if argnums is None else chosen(primals, argnums)
    if argnums is not None and isinstance(argnums, int):
        own = (own,)
    flat, spec = pytree.flatten(own)
    directions = check_tangents(flat, spec, tangents)
    level = ForwardLevel()
    with modes.layer(level), forward_enabled(True):
        duals = pytree.unflatten([make_dual_at(level, x, t) for x, t in zip(flat, directions)], spec)
        args = duals if argnums is None else replaced(primals, argnums, duals[0] if isinstance(argnums, int) else duals)
        output, aux = split_aux(_API, func(*args), has_aux)
        outputs, out_spec = pytree.flatten(output)
        check_outputs(_API, outputs)
        rows = [unpacked(level, out, strict) for out in outputs]
        aux = pytree.map_leaves(lambda x: unpack_dual_at(level, x).primal if isinstance(x, Tensor) else x, aux)
    level.clear()
    values, found = (pytree.unflatten(column, out_spec) for column in zip(*rows))
    return (values, found, aux) if has_aux else (values, found)


def check_tangents(flat: list[Any], spec: pytree.TreeSpec, tangents: Any) -> list[Any]:
    """The tangents, one a primal.

    Errors: RuntimeError where the structures differ, or hold no tensors only.
    """
    directions, tangents_spec = pytree.flatten(tangents)
    if spec != tangents_spec:
        raise RuntimeError(
            f"{_API}: Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 "
            f"tensors, tangents also must be. Got primals with structure {spec} and tangents with structure {tangents_spec}"
        )
    for name, found in (("primals", flat), ("tangents", directions)):
        if not found:
            raise RuntimeError(f"{_API}: Expected {name} to contain at least one Tensor.")
        for x in found:
            if not isinstance(x, Tensor):
                raise RuntimeError(f"{_API}: Expected {name} to only contain Tensors, got {type(x)}")
    return directions


def unpacked(level: ForwardLevel, output: Any, strict: bool) -> tuple[Any, Any]:
    """An output and its tangent, zeros where it has none.

    Errors: RuntimeError where it has none and ``strict``.
    """
    primal, tangent = unpack_dual_at(level, output)
    if tangent is None and strict:
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with "
            "strict=True."
        )
    return primal, zeros_like(primal) if tangent is None else tangent


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``func(*primals)``, and the function from tangents of the primals to the tangent of the output.

    PyTorch traces ``func`` once; here each call of the second function runs it again.
    """
    return func(*primals), lambda *tangents: jvp(func, primals, tangents)[1]
