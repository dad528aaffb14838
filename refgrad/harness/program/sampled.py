"""Calls out of the catalogue of ops: a record's sample becomes leaves and a call in the middle of a program."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from refgrad.harness.opinfo import Array, OpInfo, Repeated, SampleInput
from refgrad.harness.program.ir import Argument, Leaf, Op, Ref, Scalar
from refgrad.harness.program.scope import Scope, Var

__all__ = ["call", "names", "record"]

MAX_ELEMENTS = 64
DTYPES = ("float16", "float32", "float64", "int64", "bool")
SEVERAL = """aminmax broadcast_tensors chunk cummax cummin dsplit frexp hsplit kthvalue meshgrid mode slogdet sort split
 std_mean svd tensor_split topk unbind var_mean vsplit eigh eig qr linalg.eigh linalg.eig linalg.qr
 linalg.slogdet linalg.svd histogram atleast_1d atleast_2d atleast_3d gradient linalg.lu linalg.lu_factor
 linalg.lu_factor_ex split_copy split_with_sizes split_with_sizes_copy unbind_copy unsafe_chunk unsafe_split
 unsafe_split_with_sizes""".split()
ALONG = ("max", "min", "median", "nanmedian")  # two results where a dim is given


@cache
def records() -> dict[str, tuple[OpInfo, tuple[SampleInput, ...]]]:
    """The ops with samples that a program can hold, by name."""
    from refgrad.harness import op_db

    found: dict[str, tuple[OpInfo, tuple[SampleInput, ...]]] = {}
    for op in op_db.ops():
        samples = tuple(each for each in op.samples if holds(each))
        if samples and op.comparable is None and not op.variant:
            found.setdefault(op.name, (op, samples))
    return found


def names() -> list[str]:
    """The ops of the catalogue that programs call."""
    return list(records())


def record(name: str) -> OpInfo | None:
    """The record of an op of the catalogue."""
    found = records().get(name)
    return None if found is None else found[0]


def holds(sample: SampleInput) -> bool:
    """Whether a program can say a sample: small arrays of its dtypes, numbers, words and tuples of them."""
    arrays = sample.arrays()
    small = all(math.prod(each.shape) <= MAX_ELEMENTS and each.dtype in DTYPES for each in arrays)
    return small and bool(arrays) and all(plain(each) for each in (*sample.args, *sample.kwargs.values()))


def plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return type(value) in (list, tuple) and all(map(plain, value))
    return value is None or isinstance(value, Array | Repeated | bool | int | float | str)


def call(scope: Scope, name: str) -> Var:
    """A call of an op on one of its samples, and the sum of what it gives: a scalar to go on with."""
    op, samples = records()[name]
    sample = scope.random.choice(samples)
    made: list[Var] = []
    args: list[Argument] = []
    for each in sample.args:
        args.append(args[each.place] if isinstance(each, Repeated) else argument(scope, each, made))
    params = tuple((key, argument(scope, value, made)) for key, value in sample.kwargs.items())
    several = name in SEVERAL or (name in ALONG and len(args) + len(params) > 1)
    result, total = scope.fresh(), scope.fresh()
    scope.say(Op(result, name, tuple(args), params, 0 if several else None))
    scope.say(Op(total, "sum", (Ref(result),)))
    tracked = scope.recording and op.differentiable and any(each.requires_grad for each in made)
    scope.saved.update(each.memory for each in made)
    return scope.bind(Var(total, (), scope.dtype, tracked, not tracked, tuple(made) if tracked else ()))


def argument(scope: Scope, value: Any, made: list[Var]) -> Argument:
    """A sample's argument as a program's; an array becomes a leaf."""
    if isinstance(value, Array):
        var = leaf(scope, value)
        made.append(var)
        return Ref(var.name)
    if isinstance(value, list | tuple):
        return tuple(argument(scope, each, made) for each in value)
    return value  # type: ignore[no-any-return]


def leaf(scope: Scope, spec: Array) -> Var:
    """A leaf like ``spec``, in the program's dtype where it is of floats."""
    dtype = scope.dtype if spec.dtype == "float64" else spec.dtype
    tracked = spec.differentiable and scope.chance(0.85)
    layout = spec.layout if len(spec.shape) > 1 and spec.layout != "expanded" else "contiguous"
    name = scope.fresh()
    scope.say(Leaf(name, spec.shape, tuple(values(scope, spec)), dtype, tracked, layout))
    return scope.bind(Var(name, spec.shape, dtype, tracked))


def values(scope: Scope, spec: Array) -> Iterator[Scalar]:
    if spec.values is not None:
        yield from np.broadcast_to(np.asarray(spec.values, spec.dtype), spec.shape).ravel().tolist()
        return
    for _ in range(math.prod(spec.shape)):
        if spec.dtype == "int64":
            yield scope.random.randint(int(spec.low), int(spec.high) - 1)
        elif spec.dtype == "bool":
            yield scope.chance(0.5)
        else:
            yield round(scope.random.uniform(spec.low, spec.high), 2)
