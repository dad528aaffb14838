"""What a random autograd program is made of: statements over named tensors, plain data with no code in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

__all__ = [
    "Backward",
    "Block",
    "Grad",
    "Hook",
    "InPlace",
    "Leaf",
    "Literal",
    "Op",
    "Program",
    "Read",
    "Ref",
    "RequiresGrad",
    "RetainGrad",
    "Slice",
    "Statement",
    "TakeGrad",
    "ZeroGrad",
    "body_of",
    "made",
    "numbered",
    "used",
]

Scalar: TypeAlias = int | float | bool


@dataclass(frozen=True, slots=True)
class Ref:
    """A tensor by name, where an argument could be a number too."""

    name: str


Literal: TypeAlias = "Scalar | str | Slice | tuple[Literal | Ref, ...] | None"
Argument: TypeAlias = "Ref | Literal"


@dataclass(frozen=True, slots=True)
class Slice:
    """``start:stop:step`` in an index."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A new tensor with literal values, row by row; ``layout`` says how it lies in memory."""

    name: str
    shape: tuple[int, ...]
    values: tuple[Scalar, ...]
    dtype: str = "float64"
    requires_grad: bool = False
    layout: str = "contiguous"


@dataclass(frozen=True, slots=True)
class Op:
    """``name = op(*args, **params)``; ``output`` picks one of several results."""

    name: str
    op: str
    args: tuple[Argument, ...]
    params: tuple[tuple[str, Argument], ...] = ()
    output: int | None = None


@dataclass(frozen=True, slots=True)
class InPlace:
    """``target.op(*args, **params)``, which changes ``target``."""

    target: str
    op: str
    args: tuple[Argument, ...] = ()
    params: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True, slots=True)
class RequiresGrad:
    """``target.requires_grad_(value)``."""

    target: str
    value: bool = True


@dataclass(frozen=True, slots=True)
class RetainGrad:
    """``target.retain_grad()``."""

    target: str


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook on ``target``: ``scale`` returns the gradient times ``factor``, ``record`` returns None.

    ``when`` is ``gradient`` (``register_hook``) or ``accumulated`` (``register_post_accumulate_grad_hook``).
    """

    target: str
    action: str = "record"
    factor: float = 2.0
    when: str = "gradient"


@dataclass(frozen=True, slots=True)
class Backward:
    """``target.backward(gradient, retain_graph, create_graph, inputs)``."""

    target: str
    gradient: str | None = None
    retain_graph: bool | None = None
    create_graph: bool = False
    inputs: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Grad:
    """``names = autograd.grad(outputs, inputs, grad_outputs, ...)``."""

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    grad_outputs: tuple[str | None, ...] | None = None
    retain_graph: bool | None = None
    create_graph: bool = False
    allow_unused: bool | None = None


@dataclass(frozen=True, slots=True)
class TakeGrad:
    """``name = target.grad``."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class ZeroGrad:
    """``target.grad = None``, or ``target.grad.zero_()``."""

    target: str
    to_none: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """A look at ``target`` that must change nothing: ``repr``, ``tolist``, ``grad_fn`` or ``grad``."""

    target: str
    how: str = "repr"


@dataclass(frozen=True, slots=True)
class Block:
    """``with mode():`` around the statements of ``body``; ``mode`` is no_grad, enable_grad or inference_mode."""

    mode: str
    body: tuple[Statement, ...]


Statement: TypeAlias = (
    Leaf | Op | InPlace | RequiresGrad | RetainGrad | Hook | Backward | Grad | TakeGrad | ZeroGrad | Read | Block
)


@dataclass(frozen=True, slots=True)
class Program:
    """Statements, run one after the other; ``seed`` says what drew them."""

    statements: tuple[Statement, ...]
    seed: int | None = None

    def __len__(self) -> int:
        return sum(1 for _ in self.walk())

    def walk(self) -> Iterator[Statement]:
        """Every statement in the order of execution, a block before its body."""
        return _walk(self.statements)

    def but(self, statements: Iterable[Statement]) -> Program:
        """The program with other statements."""
        return replace(self, statements=tuple(statements))


def numbered(program: Program) -> dict[int, Statement]:
    """The statements by the number that a trace gives them."""
    return dict(enumerate(program.walk()))


def made(statement: Statement) -> tuple[str, ...]:
    """The names that a statement binds."""
    match statement:
        case Leaf(name=name) | Op(name=name) | TakeGrad(name=name):
            return (name,)
        case Grad(names=names):
            return names
    return ()


def used(statement: Statement) -> tuple[str, ...]:
    """The names that a statement needs, its body's left out."""
    match statement:
        case Op(args=args, params=params):
            return tuple(_refs((*args, *(value for _, value in params))))
        case InPlace(target=target, args=args, params=params):
            return (target, *_refs((*args, *(value for _, value in params))))
        case Backward(target=target, gradient=gradient, inputs=inputs):
            return (target, *([] if gradient is None else [gradient]), *(inputs or ()))
        case Grad(outputs=outputs, inputs=inputs, grad_outputs=grad_outputs):
            return (*outputs, *inputs, *(each for each in grad_outputs or () if each is not None))
        case Leaf() | Block():
            return ()
    return (statement.target,)


def body_of(statement: Statement) -> tuple[Statement, ...]:
    """The statements inside a block; of any other statement, none."""
    return statement.body if isinstance(statement, Block) else ()


def _walk(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    for statement in statements:
        yield statement
        if isinstance(statement, Block):
            yield from _walk(statement.body)


def _refs(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Ref):
            yield value.name
        elif isinstance(value, tuple):
            yield from _refs(value)
