"""The ops that random programs are made of: how each draws its operands, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from refgrad.harness.program import sampled
from refgrad.harness.program.ir import Argument, Literal, Ref, Slice
from refgrad.harness.program.scope import CLASSES, MAX_ELEMENTS, Scope, Shape, Var, broadcast, broadcasts

__all__ = ["INPLACE", "OPS", "Call", "Change", "InPlaceSpec", "OpSpec", "calling", "check_op"]

Params = tuple[tuple[str, Argument], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One drawn call: its operands, its parameters, and what the result looks like."""

    args: tuple[Argument, ...]
    vars: tuple[Var, ...]
    shape: Shape
    params: Params = ()
    output: int | None = None
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class OpSpec:
    """An op by PyTorch's name; ``call`` is how PyTorch spells it."""

    name: str
    draw: Callable[[Scope], Call]
    call: str = "function"  # "function" | "method" | "index"
    view: bool = False
    saves: str = ""  # whose values its backward needs: "input", "result", or both
    positive: bool = False  # its results are
    fixed: bool = False  # its results may not be written into


@dataclass(frozen=True, slots=True)
class Change:
    """One drawn in-place call on a target."""

    args: tuple[Argument, ...] = ()
    vars: tuple[Var, ...] = ()
    params: Params = ()


@dataclass(frozen=True, slots=True)
class InPlaceSpec:
    """An in-place op by PyTorch's name."""

    name: str
    draw: Callable[[Scope, Var], Change]
    call: str = "method"  # "method" | "index"
    saves: str = ""


OPS: dict[str, OpSpec] = {}
INPLACE: dict[str, InPlaceSpec] = {}


def check_op(name: str) -> str | None:
    """What is wrong with an op's name, or None."""
    if name in OPS or name in INPLACE or sampled.record(name) is not None:
        return None
    close = get_close_matches(name, [*OPS, *INPLACE, *sampled.names()], n=1)
    return f"unknown op {name!r}" + (f"; did you mean {close[0]!r}?" if close else "")


def calling(name: str) -> str:
    """How PyTorch spells an op: function, method or index."""
    if name in OPS:
        return OPS[name].call
    record = sampled.record(name)
    return "method" if record is not None and record.method else "function"


def op(
    names: str, draw: Callable[[Scope], Call], *, saves: str = "", call: str = "function", view: bool = False,
    positive: bool = False, fixed: bool = False,
) -> None:  # fmt: skip
    """Enter ops that draw alike."""
    for name in names.split():
        OPS[name] = OpSpec(name, draw, call, view, saves, positive, fixed)


def same(var: Var, *more: Argument, **params: Argument) -> Call:
    """A call whose result has the shape of its one tensor."""
    return Call((Ref(var.name), *more), (var,), var.shape, tuple(params.items()))


def dim_of(scope: Scope, var: Var) -> int:
    """A dim of ``var``, from either end."""
    rank = len(var.shape)
    return scope.random.randint(-rank, rank - 1)


def ranked(scope: Scope, least: int = 1) -> Var:
    """A tensor with at least so many dims."""
    shape = scope.random.choice(CLASSES["cube" if least > 2 else "matrix" if least > 1 else "vector"])
    return scope.floating(lambda each: len(each.shape) >= least, shape)


# element by element


def unary(scope: Scope) -> Call:
    return same(scope.floating())


def unary_positive(scope: Scope) -> Call:
    return same(scope.positive())


def binary(scope: Scope) -> Call:
    input = scope.floating()
    other = scope.partner(input)
    shape = broadcast(input.shape, other.shape)
    assert shape is not None
    pair = (input, other) if scope.chance(0.5) else (other, input)
    return Call(tuple(Ref(each.name) for each in pair), pair, shape)


def with_number(scope: Scope) -> Call:
    """A tensor and a number, or two tensors."""
    if scope.chance(0.7):
        return binary(scope)
    return same(scope.floating(), scope.random.choice((2, 3.0, -0.5, 0.25)))


def scaled(scope: Scope) -> Call:
    """``add`` and ``sub``, now and then with ``alpha``."""
    found = with_number(scope)
    return found if scope.chance(0.8) else Call(found.args, found.vars, found.shape, (("alpha", 2),))


def power(scope: Scope) -> Call:
    if scope.chance(0.6):
        return same(scope.floating(), scope.random.choice((2, 3, 0, 1, 2.0, -1, 0.5)))
    base = scope.positive()
    found = scope.partner(base)
    shape = broadcast(base.shape, found.shape)
    assert shape is not None
    return Call((Ref(base.name), Ref(found.name)), (base, found), shape)


def clamp(scope: Scope) -> Call:
    bounds = scope.random.choice(((-1.0, 1.0), (0.0, None), (None, 0.5)))
    return same(scope.floating(), **{k: v for k, v in zip(("min", "max"), bounds, strict=True) if v is not None})


def where(scope: Scope) -> Call:
    """A mask, and a tensor or number for each of its answers."""
    input = scope.floating()
    mask = scope.pick(lambda each: each.dtype == "bool" and broadcasts(each.shape, input.shape))
    mask = scope.mask(input.shape) if mask is None else mask
    if scope.chance(0.4):
        return Call((Ref(mask.name), Ref(input.name), 0.5), (mask, input), input.shape)
    other = scope.floating(lambda each: broadcasts(each.shape, input.shape), input.shape)
    return Call((Ref(mask.name), Ref(other.name), Ref(input.name)), (mask, other, input), input.shape)


def compared(scope: Scope) -> Call:
    found = with_number(scope)
    return Call(found.args, found.vars, found.shape, dtype="bool")


op("neg", unary)
op("exp sigmoid cosh", unary, saves="result", positive=True)
op("sin cos sinh expm1 atan asinh erf exp2 sinc tanh nn.functional.softplus nn.functional.silu nn.functional.gelu",
   unary, saves="input result")  # fmt: skip
op("square", unary, saves="input", positive=True)
op("abs relu nn.functional.leaky_relu nn.functional.elu sign floor round trunc", unary, saves="input result")
op("log sqrt rsqrt log1p log2 lgamma reciprocal", unary_positive, saves="input result")
op("add sub", scaled)
op("mul", with_number, saves="input")
op("div", with_number, saves="input")
op("maximum minimum atan2 hypot logaddexp fmod remainder", binary, saves="input result")
op("pow", power, saves="input result")
op("clamp", clamp, saves="input")
op("where", where, saves="input")
op("gt le eq", compared)
op("clone", unary)


# reductions


def reduced(scope: Scope) -> Call:
    """Over all, one dim or several."""
    var = scope.floating(lambda each: each.size > 0)
    rank = len(var.shape)
    if not rank or scope.chance(0.3):
        return Call((Ref(var.name),), (var,), ())
    keepdim = scope.chance(0.3)
    dims = tuple(sorted(scope.random.sample(range(rank), scope.random.randint(1, rank))))
    return Call((Ref(var.name),), (var,), without(var.shape, dims, keepdim), along(dims, keepdim))


def reduced_along(scope: Scope) -> Call:
    """Over one dim, or all."""
    var = scope.floating(lambda each: each.size > 0)
    if not var.shape or scope.chance(0.3):
        return Call((Ref(var.name),), (var,), ())
    keepdim, dim = scope.chance(0.3), dim_of(scope, var)
    shape = without(var.shape, (dim % len(var.shape),), keepdim)
    return Call((Ref(var.name),), (var,), shape, along((dim,), keepdim, single=True))


def along_dim(scope: Scope) -> Call:
    var = ranked(scope)
    return same(var, dim=dim_of(scope, var))


def without(shape: Shape, dims: Shape, keepdim: bool) -> Shape:
    if keepdim:
        return tuple(1 if place in dims else size for place, size in enumerate(shape))
    return tuple(size for place, size in enumerate(shape) if place not in dims)


def along(dims: Shape, keepdim: bool, *, single: bool = False) -> Params:
    dim: Literal = dims[0] if single or len(dims) == 1 else dims
    return (("dim", dim), ("keepdim", True)) if keepdim else (("dim", dim),)


op("sum mean", reduced)
op("amax amin", reduced, saves="input result")
op("logsumexp", lambda scope: with_dim(reduced, scope), saves="input result")
op("prod", reduced_along, saves="input result")
op("cumsum", along_dim)
op("cumprod softmax log_softmax", along_dim, saves="input result")


def with_dim(draw: Callable[[Scope], Call], scope: Scope) -> Call:
    """A call that names its dim."""
    found = draw(scope)
    if found.params or not found.vars[0].shape:
        return found if found.params else Call(found.args, found.vars, (), (("dim", 0),))
    dims = tuple(range(len(found.vars[0].shape)))
    return Call(found.args, found.vars, (), along(dims, False))


# views


def transposed(scope: Scope) -> Call:
    var = ranked(scope, 2)
    first, second = dim_of(scope, var), dim_of(scope, var)
    shape = list(var.shape)
    shape[first], shape[second] = shape[second], shape[first]
    return Call((Ref(var.name), first, second), (var,), tuple(shape))


def permuted(scope: Scope) -> Call:
    var = ranked(scope)
    dims = list(range(len(var.shape)))
    scope.random.shuffle(dims)
    return Call((Ref(var.name), tuple(dims)), (var,), tuple(var.shape[dim] for dim in dims))


def unsqueezed(scope: Scope) -> Call:
    var = scope.floating(lambda each: len(each.shape) < 4)
    place = scope.random.randint(0, len(var.shape))
    return Call((Ref(var.name), place), (var,), (*var.shape[:place], 1, *var.shape[place:]))


def squeezed(scope: Scope) -> Call:
    var = scope.floating(lambda each: 1 in each.shape, (1, 2))
    return Call((Ref(var.name),), (var,), tuple(size for size in var.shape if size != 1))


def expanded(scope: Scope) -> Call:
    var = scope.floating(lambda each: each.size * 2 <= MAX_ELEMENTS and len(each.shape) < 4)
    shape = (2, *(3 if size == 1 and var.size * 6 <= MAX_ELEMENTS else size for size in var.shape))
    return Call((Ref(var.name), shape), (var,), shape)


def narrowed(scope: Scope) -> Call:
    var = ranked(scope)
    dim = dim_of(scope, var)
    size = var.shape[dim]
    start = scope.random.randint(0, max(size - 1, 0))
    length = scope.random.randint(0 if scope.chance(0.1) else min(1, size - start), size - start)
    shape = list(var.shape)
    shape[dim] = length
    return Call((Ref(var.name), dim, start, length), (var,), tuple(shape))


def selected(scope: Scope) -> Call:
    var = scope.floating(lambda each: bool(each.shape) and each.size > 0, (2, 2))
    dim = dim_of(scope, var)
    size = var.shape[dim]
    place = dim % len(var.shape)
    index = scope.random.randint(-size, size - 1)
    return Call((Ref(var.name), dim, index), (var,), var.shape[:place] + var.shape[place + 1 :])


def reshaped(scope: Scope) -> Call:
    var = scope.floating(lambda each: each.size > 0)
    shape = (-1,) if scope.chance(0.5) else folded(scope, var.size)
    whole = tuple(var.size if size == -1 else size for size in shape)
    return Call((Ref(var.name), shape), (var,), whole)


def folded(scope: Scope, size: int) -> Shape:
    factor = scope.random.choice([each for each in range(1, size + 1) if size % each == 0])
    return (factor, size // factor)


def diagonal(scope: Scope) -> Call:
    var = scope.floating(lambda each: len(each.shape) == 2, (3, 3))
    offset = scope.random.choice((0, 0, 1, -1))
    rows, columns = var.shape
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    return Call((Ref(var.name), offset), (var,), (length,))


def indexed(scope: Scope) -> Call:
    """Basic indexing: a number, a slice, a new dim, or several of them."""
    var = scope.floating(lambda each: bool(each.shape) and each.size > 0, (2, 3))
    index, shape = basic_index(scope, var.shape)
    return Call((Ref(var.name), index), (var,), shape)


def basic_index(scope: Scope, shape: Shape) -> tuple[tuple[Literal, ...], Shape]:
    items: list[Literal] = []
    left: list[int] = []
    for size in shape[: scope.random.randint(1, len(shape))]:
        style = scope.random.random()
        if style < 0.4 and size:
            items.append(scope.random.randint(-size, size - 1))
            continue
        if style < 0.5:
            items.append(None)
            left.append(1)
        bounds = slice(*scope.random.choice(((None, None, None), (1, None, None), (None, -1, None), (None, None, 2))))
        items.append(Slice(bounds.start, bounds.stop, bounds.step))
        left.append(len(range(*bounds.indices(size))))
    taken = sum(each is not None for each in items)
    return tuple(items), (*left, *shape[taken:])


def unbound(scope: Scope) -> Call:
    var = scope.floating(lambda each: bool(each.shape) and each.size > 0, (2, 2))
    dim = dim_of(scope, var)
    place = dim % len(var.shape)
    shape = var.shape[:place] + var.shape[place + 1 :]
    return Call((Ref(var.name), dim), (var,), shape, output=scope.random.randint(0, var.shape[dim] - 1))


op("transpose", transposed, view=True)
op("permute", permuted, view=True)
op("unsqueeze", unsqueezed, view=True)
op("squeeze", squeezed, view=True)
op("expand", expanded, call="method", view=True, fixed=True)
op("narrow", narrowed, view=True)
op("select", selected, view=True)
op("reshape", reshaped, view=True)
op("diagonal", diagonal, view=True)
op("getitem", indexed, call="index", view=True)
op("unbind", unbound, view=True, fixed=True)
op("detach", unary, view=True)


# several tensors, and linear algebra


def joined(scope: Scope) -> Call:
    first = scope.floating(lambda each: bool(each.shape) and each.size * 2 <= MAX_ELEMENTS, (2, 2))
    second = scope.floating(lambda each: each.shape == first.shape, first.shape)
    dim = dim_of(scope, first)
    shape = list(first.shape)
    shape[dim] *= 2
    return Call(((Ref(first.name), Ref(second.name)), dim), (first, second), tuple(shape))


def stacked(scope: Scope) -> Call:
    first = scope.floating(lambda each: len(each.shape) < 3 and each.size * 2 <= MAX_ELEMENTS)
    second = scope.floating(lambda each: each.shape == first.shape, first.shape)
    return Call(((Ref(first.name), Ref(second.name)),), (first, second), (2, *first.shape))


def matmul(scope: Scope) -> Call:
    first = scope.floating(lambda each: len(each.shape) == 2, (2, 3))
    inner = first.shape[1]
    shapes = ((inner, 2), (inner,)) if scope.chance(0.5) else ((inner, 2),)
    second = scope.floating(
        lambda each: len(each.shape) in (1, 2) and each.shape[0] == inner, scope.random.choice(shapes)
    )
    return Call((Ref(first.name), Ref(second.name)), (first, second), (first.shape[0], *second.shape[1:]))


def outer(scope: Scope) -> Call:
    first = scope.floating(lambda each: len(each.shape) == 1 and each.size <= 4, (2,))
    second = scope.floating(lambda each: len(each.shape) == 1 and each.size <= 4, (3,))
    return Call((Ref(first.name), Ref(second.name)), (first, second), (*first.shape, *second.shape))


def flipped(scope: Scope) -> Call:
    var = ranked(scope)
    return Call((Ref(var.name), (dim_of(scope, var),)), (var,), var.shape)


def triangle(scope: Scope) -> Call:
    return same(ranked(scope, 2), diagonal=scope.random.choice((0, 1, -1)))


op("cat", joined)
op("stack", stacked)
op("matmul", matmul, saves="input")
op("outer", outer, saves="input")
op("flip", flipped)
op("tril triu", triangle)


# in place, on a target that the generator chooses


def alone(scope: Scope, target: Var) -> Change:
    return Change()


def with_other(scope: Scope, target: Var) -> Change:
    """A number, or a tensor that broadcasts to the target."""
    if scope.chance(0.4):
        return Change((scope.random.choice((2, 0.5, -1.5)),))
    other = scope.pick(
        lambda each: each.floating and each.memory != target.memory and broadcasts(each.shape, target.shape)
    )
    other = scope.leaf(scope.narrower(target.shape)) if other is None else other
    return Change((Ref(other.name),), (other,))


def with_tensor(scope: Scope, target: Var) -> Change:
    found = with_other(scope, target)
    if found.vars:
        return found
    other = scope.leaf(scope.narrower(target.shape))
    return Change((Ref(other.name),), (other,))


def exponent(scope: Scope, target: Var) -> Change:
    return Change((scope.random.choice((2, 3.0)),))


def filled(scope: Scope, target: Var) -> Change:
    return Change((scope.random.choice((0.0, 1.5)),))


def clamped(scope: Scope, target: Var) -> Change:
    return Change((), (), (("min", -0.5),))


def masked(scope: Scope, target: Var) -> Change:
    mask = scope.mask(target.shape)
    return Change((Ref(mask.name), 0.5), (mask,))


def assigned(scope: Scope, target: Var) -> Change:
    """``target[index] = value``."""
    if not target.shape:
        return Change((("...",), 0.25))
    index, shape = basic_index(scope, target.shape)
    if scope.chance(0.5):
        return Change((index, 0.25))
    other = scope.leaf(scope.narrower(shape))
    return Change((index, Ref(other.name)), (other,))


def inplace(names: str, draw: Callable[[Scope, Var], Change], *, call: str = "method", saves: str = "") -> None:
    """Enter in-place ops that draw alike."""
    for name in names.split():
        INPLACE[name] = InPlaceSpec(name, draw, call, saves)


inplace("add_ sub_ mul_ div_", with_other, saves="input")
inplace("copy_", with_tensor)
inplace("pow_", exponent, saves="input")
inplace("neg_ zero_", alone)
inplace("exp_ sigmoid_ tanh_ sin_ cos_ relu_", alone, saves="input result")
inplace("clamp_", clamped, saves="input")
inplace("fill_", filled)
inplace("masked_fill_", masked)
inplace("setitem", assigned, call="index")
