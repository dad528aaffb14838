"""Identities between the derivatives of one function, which a backend owes to nobody but mathematics.

Source: the dot-product test is that of adjoint models (Chavent 1974); the symmetry of second derivatives is Schwarz's theorem.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from refgrad.errors import BackendCrashed, BackendTimeout, ProtocolError
from refgrad.harness.adapters import calculus
from refgrad.harness.compare import compare
from refgrad.harness.program.function import Function, function_of
from refgrad.harness.program.ir import Program
from refgrad.harness.program.trace import Difference, Trace

__all__ = ["dot_product", "symmetry"]

Array = np.ndarray[Any, Any]
NEAR = 1e-6  # of the sum of the terms: more than any order of adding them up can make


def dot_product(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """Forward and reverse mode give one derivative: what a tangent gives, weighted, is the gradient along it."""
    function = _differentiated(program, trace)
    return None if function is None else _answered(_forward_and_reverse, function, backend)


def symmetry(program: Program, backend: Any, trace: Trace) -> Difference | None:
    """The order in which two derivatives are taken does not matter."""
    function = _differentiated(program, trace)
    return None if function is None else _answered(_both_orders, function, backend)


def _differentiated(program: Program, trace: Trace) -> Function | None:
    """What the last backward is of, if it went well."""
    function = function_of(program)
    return None if function is None or any(step.raised for step in trace[function.number :][:1]) else function


def _answered(check: Any, function: Function, backend: Any) -> Difference | None:
    """What ``check`` finds; where the backend raises an error there is no number to hold to anything."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return check(function, backend)  # type: ignore[no-any-return]
    except (BackendCrashed, BackendTimeout, MemoryError, ProtocolError):
        raise
    except Exception:  # whatever a library raises, the traces have compared it
        return None


def _forward_and_reverse(function: Function, backend: Any) -> Difference | None:
    ask, primals = calculus(backend), function.primals
    output, found = ask.vjp(function, primals, function.cotangent)
    grads = [np.zeros_like(each) if grad is None else grad for grad, each in zip(found, primals, strict=True)]
    weight = np.ones_like(output) if function.cotangent is None else function.cotangent

    def along(tangents: list[Array]) -> Array:
        return np.real(weight * ask.jvp(function, primals, tangents)[1])  # PyTorch's gradient is of the real part

    tangents = _directions(primals, 0)
    if _agree([grad * each for grad, each in zip(grads, tangents, strict=True)], [along(tangents)]):
        return None
    for place, (name, grad) in enumerate(zip(function.names, grads, strict=True)):
        forward = np.array([along(each).sum() for each in _basis(primals, place)]).reshape(grad.shape)
        if (mismatch := compare(grad, forward)) is not None:
            return Difference(function.number, "grad", name, mismatch.actual, mismatch.expected, mismatch)
    return None


def _both_orders(function: Function, backend: Any) -> Difference | None:
    ask, primals = calculus(backend), function.primals
    weight = np.ones_like(ask.value(function, *primals)) if function.cotangent is None else function.cotangent

    def turned(directions: list[Array]) -> list[Array]:
        return list(ask.second(function, primals, weight, directions))

    ways = _directions(primals, 0), _directions(primals, 1)
    terms = [
        [one * other for one, other in zip(way, turned(across), strict=True)] for way, across in (ways, reversed(ways))
    ]
    if _agree(*terms):
        return None
    rows = [_flat(turned(each)) for place in range(len(primals)) for each in _basis(primals, place)]
    hessian = np.stack(rows)
    mismatch = compare(hessian, hessian.T.copy())
    if mismatch is None:
        return None
    names = [name for name, each in zip(function.names, primals, strict=True) for _ in range(each.size)]
    pair = " and ".join(dict.fromkeys(names[place] for place in mismatch.index))
    return Difference(function.number, "hessian", pair, mismatch.actual, mismatch.expected, mismatch)


def _agree(terms: list[Array], others: list[Array]) -> bool:
    """Whether two sums are near each other, or say nothing."""
    one, other = _flat(terms), _flat(others)
    distance, size = abs(one.sum() - other.sum()), np.abs(one).sum() + np.abs(other).sum()
    return bool(not np.isfinite(size) or distance <= NEAR * (1 + size))


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([np.ravel(each) for each in arrays])


def _directions(primals: tuple[Array, ...], seed: int) -> list[Array]:
    """A direction for each primal, always the same, of no special kind."""
    random = np.random.default_rng(seed)
    return [random.uniform(0.5, 1.5, each.shape) * random.choice((-1.0, 1.0), each.shape) for each in primals]


def _basis(primals: tuple[Array, ...], place: int) -> Iterator[list[Array]]:
    """The directions of one element each of the primal at ``place``."""
    for row in np.eye(primals[place].size):
        zeros = [np.zeros_like(each) for each in primals]
        yield [*zeros[:place], row.reshape(primals[place].shape), *zeros[place + 1 :]]
