"""Makes a failing program small: fewest statements first, then small shapes, then simple numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from refgrad.harness.program import ir
from refgrad.harness.program.ir import Block, Grad, Leaf, Program, Ref, Statement
from refgrad.harness.program.trace import Seen, Trace

__all__ = ["alone", "needed", "repaired", "shrink", "without"]

Fails = Callable[[Program], bool]
MAX_TRIES = 2000


def shrink(program: Program, still_fails: Fails, *, tries: int = MAX_TRIES) -> Program:
    """The smallest program found that ``still_fails`` says yes to; ``program`` itself must.

    Every reduction is tried until none helps, or ``tries`` runs are spent; no program is run twice.
    """
    tried = {program}
    found = program
    while (smaller := next(_failing(found, still_fails, tried, tries), None)) is not None:
        found = smaller
    return found


def _failing(program: Program, still_fails: Fails, tried: set[Program], tries: int) -> Iterator[Program]:
    for reduction in (fewer_statements, simpler_statements, smaller_leaves, simpler_values):
        for candidate in reduction(program):
            if candidate in tried:
                continue
            if len(tried) > tries:
                return
            tried.add(candidate)
            if still_fails(candidate):
                yield candidate


def without(program: Program, numbers: Iterable[int]) -> Program:
    """``program`` without the statements of these numbers, and without what depends on them."""
    gone = set(numbers)
    counter = iter(range(len(program)))

    def keep(statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for statement in statements:
            number = next(counter)
            body = tuple(keep(ir.body_of(statement)))
            if number in gone:
                continue
            yield replace(statement, body=body) if isinstance(statement, Block) else statement

    return repaired(program.but(keep(program.statements)))


def needed(program: Program, number: int) -> Program:
    """``program`` cut to one statement, and to those that made what it uses."""
    statements = ir.numbered(program)
    names, others = set(ir.used(statements[number])), set(range(number + 1, len(program)))
    for earlier in range(number - 1, -1, -1):
        statement = statements[earlier]
        if isinstance(statement, Block):
            continue
        if names.isdisjoint(ir.made(statement)):
            others.add(earlier)
        else:
            names.update(ir.used(statement))
    return without(program, others)


def alone(program: Program, number: int, trace: Trace) -> Program | None:
    """An op of ``program`` on fresh leaves that hold what its tensors held in ``trace``; None where no leaf can."""
    statement = ir.numbered(program)[number]
    if not isinstance(statement, ir.Op):
        return None
    known = {name: seen for step in trace[:number] for name, seen in step.seen.items()}
    fresh = [_fresh(name, known.get(name)) for name in dict.fromkeys(ir.used(statement))]
    made = [each for each in fresh if each is not None]
    return program.but((*made, statement)) if len(made) == len(fresh) else None


def _fresh(name: str, seen: Any) -> Leaf | None:
    if not isinstance(seen, Seen) or str(seen.value.dtype) not in LEAF_DTYPES:
        return None
    values = tuple(seen.value.ravel().tolist())
    return Leaf(name, seen.value.shape, values, str(seen.value.dtype), bool(seen.requires_grad))


LEAF_DTYPES = ("float16", "float32", "float64", "int64", "bool")  # as the schema of documents has them


def repaired(program: Program) -> Program:
    """``program`` without the statements whose tensors are not made, and without empty blocks."""
    known: set[str] = set()

    def keep(statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for statement in statements:
            mended = _mended(statement, known)
            if isinstance(mended, Block):
                mended = replace(mended, body=tuple(keep(mended.body)))
                mended = mended if mended.body else None
            if mended is not None and known.issuperset(ir.used(mended)):
                known.update(ir.made(mended))
                yield mended

    return program.but(keep(program.statements))


def _mended(statement: Statement, known: set[str]) -> Statement | None:
    """A derivative by several inputs outlives the loss of one."""
    match statement:
        case Grad(names=names, inputs=inputs) if not known.issuperset(inputs):
            left = [(name, each) for name, each in zip(names, inputs, strict=True) if each in known]
            names, inputs = (tuple(column) for column in zip(*left, strict=True)) if left else ((), ())
            return replace(statement, names=names, inputs=inputs) if left else None
        case ir.Backward(inputs=tuple(inputs)) if not known.issuperset(inputs):
            return replace(statement, inputs=tuple(each for each in inputs if each in known) or None)
    return statement


# statements


def fewer_statements(program: Program) -> Iterator[Program]:
    """Without halves, quarters, ... single statements, later ones first; without a block around its body."""
    count = len(program)
    size = max(count // 2, 1)
    while size:
        for start in range(count - size, -1, -size):
            yield without(program, range(start, start + size))
        size //= 2
    yield from unblocked(program)
    yield from bypassed(program)


def unblocked(program: Program) -> Iterator[Program]:
    for place, statement in enumerate(program.statements):
        if isinstance(statement, Block):
            yield program.but((*program.statements[:place], *statement.body, *program.statements[place + 1 :]))


def bypassed(program: Program) -> Iterator[Program]:
    """Without an op, whose result its own first tensor stands in for."""
    for number, statement in ir.numbered(program).items():
        if isinstance(statement, ir.Op):
            for source in ir.used(statement)[:2]:
                yield renamed(without_one(program, number), statement.name, source)


def without_one(program: Program, number: int) -> Program:
    """``program`` without one statement, and with what depends on it."""
    counter = iter(range(len(program)))

    def keep(statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for statement in statements:
            at = next(counter)
            body = tuple(keep(ir.body_of(statement)))
            if at != number:
                yield replace(statement, body=body) if isinstance(statement, Block) else statement

    return program.but(keep(program.statements))


def renamed(program: Program, old: str, new: str) -> Program:
    """``program`` with the uses of one name turned to another."""

    def turn(value: Any) -> Any:
        match value:
            case Ref(name=name):
                return Ref(new) if name == old else value
            case tuple():
                return tuple(turn(each) for each in value)
            case str():
                return new if value == old else value
        return value

    def each(statement: Statement) -> Statement:
        changed = {field: turn(getattr(statement, field)) for field in NAMING if hasattr(statement, field)}
        if isinstance(statement, Block):
            changed["body"] = tuple(map(each, statement.body))
        return replace(statement, **changed)

    return repaired(program.but(map(each, program.statements)))


NAMING = ("args", "params", "target", "gradient", "inputs", "outputs", "grad_outputs")


def simpler_statements(program: Program) -> Iterator[Program]:
    """In double precision, and with arguments left at their defaults."""
    wide = in_double(program)
    yield from [wide] if wide != program else []
    for number, statement in ir.numbered(program).items():
        for plain in _plainer(statement):
            yield replaced(program, number, plain)


def in_double(program: Program) -> Program:
    """``program`` with its leaves of single precision in double."""
    for number, leaf in leaves(program):
        if leaf.dtype == "float32":
            program = replaced(program, number, replace(leaf, dtype="float64"))
    return program


def _plainer(statement: Statement) -> Iterator[Statement]:
    plain: dict[str, Any] = {"retain_graph": None, "create_graph": False, "allow_unused": None, "gradient": None}
    plain |= {"grad_outputs": None, "layout": "contiguous", "requires_grad": False, "action": "record"}
    if isinstance(statement, ir.Backward):
        plain["inputs"] = None
    for field, value in plain.items():
        if getattr(statement, field, value) != value:
            yield replace(statement, **{field: value})


def replaced(program: Program, number: int, statement: Statement) -> Program:
    """``program`` with another statement of that number."""
    counter = iter(range(len(program)))

    def each(statements: tuple[Statement, ...]) -> Iterator[Statement]:
        for old in statements:
            at = next(counter)
            body = tuple(each(ir.body_of(old)))
            if at == number:
                yield statement
            else:
                yield replace(old, body=body) if isinstance(old, Block) else old

    return program.but(each(program.statements))


# shapes and values


def smaller_leaves(program: Program) -> Iterator[Program]:
    """With a size cut to one, or a dim cut off, in every leaf that shares it, or in one."""
    sizes = sorted({size for each in program.walk() if isinstance(each, Leaf) for size in each.shape if size > 1})
    for size in sizes:
        for smaller in (1, 2):
            if smaller < size:
                yield resized(program, size, smaller)
    for number, leaf in leaves(program):
        for dim, size in enumerate(leaf.shape):
            if size != 1:
                yield replaced(program, number, cut(leaf, dim, 1))
        if leaf.shape:
            yield replaced(program, number, dropped(leaf))


def leaves(program: Program) -> Iterator[tuple[int, Leaf]]:
    return ((number, each) for number, each in ir.numbered(program).items() if isinstance(each, Leaf))


def resized(program: Program, size: int, smaller: int) -> Program:
    """``program`` with every leaf's dims of ``size`` cut to ``smaller``."""
    for number, leaf in leaves(program):
        for dim, each in enumerate(leaf.shape):
            leaf = cut(leaf, dim, smaller) if each == size else leaf
        program = replaced(program, number, leaf)
    return program


def cut(leaf: Leaf, dim: int, size: int) -> Leaf:
    """``leaf`` with only the first ``size`` places along ``dim``."""
    import numpy as np

    values = np.array(leaf.values, object).reshape(leaf.shape)
    one = np.full((1,), of_type(leaf)(1), object)
    values = values.take(range(min(size, leaf.shape[dim])), dim) if leaf.shape[dim] else one
    shape = values.shape if leaf.shape[dim] else (1,)
    return replace(leaf, shape=shape, values=tuple(values.reshape(-1).tolist()))


def of_type(leaf: Leaf) -> type[Any]:
    """The type of Python's that a leaf's values have."""
    return {"int64": int, "bool": bool}.get(leaf.dtype, float)


def dropped(leaf: Leaf) -> Leaf:
    """``leaf`` without its first dim."""
    small = cut(leaf, 0, 1)
    return replace(small, shape=small.shape[1:], layout="contiguous")


def simpler_values(program: Program) -> Iterator[Program]:
    """With round numbers in a leaf, all of them at once or one by one."""
    for number, leaf in leaves(program):
        left = sum(map(rank, leaf.values))
        for simple in map(of_type(leaf), (1, 2, 0)):
            if leaf.dtype != "bool" and rank(simple) * len(leaf.values) < left:
                yield replaced(program, number, replace(leaf, values=(simple,) * len(leaf.values)))
        for place, value in enumerate(leaf.values):
            for simple in simpler(value):
                values = (*leaf.values[:place], simple, *leaf.values[place + 1 :])
                yield replaced(program, number, replace(leaf, values=values))


def simpler(value: Any) -> Iterator[Any]:
    """Simpler numbers than ``value``, the simplest first."""
    if not isinstance(value, bool):
        yield from simplest(value)[: rank(value)]
        if rank(value) > len(simplest(value)) and abs(value) < 1e6:
            yield float(round(value))


def rank(value: Any) -> int:
    """How far a number is from the simplest: what is not round is farther than what is."""
    order = simplest(value)
    if value in order:
        return order.index(value)
    return len(order) + int(value % 1 != 0)  # nan and inf are not round


def simplest(value: Any) -> list[Any]:
    return [1, 2, 0, 3, -1] if isinstance(value, int) else [1.0, 2.0, 0.0, 3.0, 0.5, -1.0]
