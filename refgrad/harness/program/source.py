"""A program as a short script of its own: literal numbers, no refgrad, in torch's words or in the backend's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.program import ir
from refgrad.harness.program.grammar import INPLACE, calling
from refgrad.harness.program.interpreter import array_of
from refgrad.harness.program.ir import Leaf, Op, Program, Ref, Slice, Statement

__all__ = ["TORCH", "Idiom", "Question", "script"]

SHOWN: dict[str, str] = {
    "value": "{0}",
    "grad": "{0}.grad",
    "shape": "{0}.shape",
    "dtype": "{0}.dtype",
    "version": "{0}._version",
    "grad_fn": "{0}.grad_fn",
    "grad_requires_grad": "{0}.grad.requires_grad",
    "grad's shape": "{0}.grad.shape",
    "grad's dtype": "{0}.grad.dtype",
    "recording": "{module}.is_grad_enabled()",
}


@dataclass(frozen=True, slots=True)
class Idiom:
    """How a library spells programs: what it imports, and a format for each thing that it says in its own way.

    ``ops`` are formats of the arguments by place, ``{0}``, and of the parameters by name, ``{dim}``; those of a reduction,
    ``{reduce}``, go by the names in ``reduce``.
    """

    imports: tuple[str, ...] = ("import torch",)
    module: str = "torch"
    leaf: str = "torch.tensor({values}, dtype=torch.{dtype}{requires_grad})"
    ops: Mapping[str, str] | None = None
    backward: str | None = None
    reduce: Mapping[str, str] = field(default_factory=lambda: {"dim": "axis", "keepdim": "keepdims"})
    functional: str | None = None  # ``{inputs}`` differentiates ``f`` and gives a function of the cotangent


TORCH = Idiom()


@dataclass(frozen=True, slots=True)
class Question:
    """What a script prints: one ``what`` of the tensor ``name``, after statement ``number``; and what others said."""

    number: int
    what: str
    name: str
    others: Mapping[str, Any] = field(default_factory=dict)
    raising: frozenset[int] = frozenset()  # the statements that raise an error, expected or not


def script(program: Program, asked: Question, idiom: Idiom = TORCH) -> str:
    """A script that runs ``program`` and prints the answer in question, and what others answered.

    Errors: ``Unsupported`` where the idiom has no word for a statement.
    """
    kind = Functional if idiom.functional else Hessian if asked.what == "hessian" else Writer
    writer = kind(program, asked, idiom)
    return "\n".join((*writer.imports(), *writer.body(), *writer.answers())) + "\n"


class Writer:
    """Turns statements into lines."""

    def __init__(self, program: Program, asked: Question, idiom: Idiom) -> None:
        self.program, self.asked, self.idiom = program, asked, idiom
        self.inlined = {leaf.name: leaf for leaf in self.literals()}

    def imports(self) -> Iterator[str]:
        if self.asked.raising - ({self.asked.number} if self.asked.what == "error" else set()):
            yield "from contextlib import suppress"
        yield from self.idiom.imports
        yield ""

    def body(self) -> list[str]:
        return list(self.lines(self.program.statements, iter(range(len(self.program)))))

    def answers(self) -> Iterator[str]:
        """The answer of the library that runs, then those of the others, as they were."""
        if self.asked.what not in ("error", "hook", "hooks", "look", "crash", "timeout"):
            yield f'print("here:", {self.shown()})'
        elif self.asked.what == "look":
            yield f'print("here:", {self.asked.name})'
        for name, answer in self.asked.others.items():
            yield f'print("{name}:", {told(answer)!r})'

    def shown(self) -> str:
        return SHOWN.get(self.asked.what, f"{{0}}.{self.asked.what}").format(self.asked.name, module=self.idiom.module)

    def literals(self) -> Iterator[Leaf]:
        """Plain leaves that one place uses only, once: they are written there."""
        uses = [name for each in self.program.walk() for name in ir.used(each)]
        targets = {getattr(each, "target", None) for each in self.program.walk()}
        for each in self.program.walk():
            plain = isinstance(each, Leaf) and not each.requires_grad and each.layout == "contiguous"
            if plain and uses.count(each.name) == 1 and each.name not in (*targets, self.asked.name):  # type: ignore[union-attr]
                yield each  # type: ignore[misc]

    def lines(self, statements: Iterable[Statement], numbers: Iterator[int]) -> Iterator[str]:
        for statement in statements:
            number = next(numbers)
            if isinstance(statement, ir.Block):
                yield f"with {self.idiom.module}.{statement.mode}():"
                body = list(self.lines(statement.body, numbers))
                yield from (f"    {line}" for line in body or ["pass"])
            elif not (isinstance(statement, Leaf) and statement.name in self.inlined):
                yield from self.guarded(number, list(WRITE[type(statement)](self, statement)))

    def guarded(self, number: int, lines: list[str]) -> Iterator[str]:
        """Lines that may raise: what the script is about says so, the rest is passed over."""
        if number == self.asked.number and self.asked.what == "error":
            body = "; ".join(lines)
            yield from ("try:", f"    {body}", '    print("here: no error")')
            yield from ("except Exception as error:", '    print("here:", type(error).__name__, error)')
        elif number in self.asked.raising:
            yield "with suppress(Exception):"
            yield from (f"    {line}" for line in lines)
        else:
            yield from lines

    # words

    def word(self, name: str) -> str:
        return self.literal(self.inlined[name]) if name in self.inlined else name

    def copied(self, name: str) -> str:
        return self.word(name) if name in self.inlined else f"{name}.clone()"

    def argument(self, value: Any) -> str:
        match value:
            case Ref(name=name):
                return self.word(name)
            case tuple():
                inner = ", ".join(map(self.argument, value))
                return f"({inner},)" if len(value) == 1 else f"({inner})"
            case float() if not math.isfinite(value):
                return f'float("{value}")'
        return repr(value)

    def index(self, items: Any) -> str:
        return ", ".join(map(self.index_item, items if isinstance(items, tuple) else (items,)))

    def index_item(self, item: Any) -> str:
        match item:
            case Slice(start=start, stop=stop, step=step):
                text = f"{'' if start is None else start}:{'' if stop is None else stop}"
                return text if step is None else f"{text}:{step}"
            case "...":
                return "..."
            case tuple():
                return repr(list(item))
        return self.argument(item)

    def literal(self, leaf: Leaf) -> str:
        return self.made(array_of(leaf), leaf.dtype, leaf.requires_grad)

    def made(self, array: np.ndarray[Any, Any], dtype: str, requires_grad: bool = False) -> str:
        tracked = ", requires_grad=True" if requires_grad else ""
        if array.size or array.ndim == 1:
            return self.idiom.leaf.format(
                values=numbers(array), dtype=dtype, requires_grad=tracked, constant=not requires_grad
            )
        if self.idiom.ops is not None:
            raise Unsupported("an empty leaf of several dims")
        return f"torch.zeros({array.shape}, dtype=torch.{dtype}{tracked})"

    # statements

    def leaf(self, leaf: Leaf) -> Iterator[str]:
        if leaf.layout == "contiguous" or len(leaf.shape) < 2:
            yield f"{leaf.name} = {self.literal(leaf)}"
            return
        if self.idiom.ops is not None:
            raise Unsupported("a leaf that is not contiguous")
        array, view = array_of(leaf).swapaxes(0, 1), ".transpose(0, 1)"
        if leaf.layout == "strided":
            array, view = np.repeat(array_of(leaf), 2, axis=-1), "[..., ::2]"
        tracked = ".requires_grad_()" if leaf.requires_grad else ""
        yield f"{leaf.name} = {self.made(array, leaf.dtype)}{view}{tracked}"

    def op(self, statement: Op) -> Iterator[str]:
        picked = "" if statement.output is None else f"[{statement.output}]"
        yield f"{statement.name} = {self.expression(statement)}{picked}"

    def expression(self, statement: Op) -> str:
        how = calling(statement.op)
        if how == "index":
            source, items = statement.args
            return f"{self.argument(source)}[{self.index(items)}]"
        args = [self.argument(each) for each in statement.args]
        params = {name: self.argument(value) for name, value in statement.params}
        if self.idiom.ops is not None:
            return spelled(self.idiom, statement.op, args, params)
        passed = [*args, *(f"{name}={value}" for name, value in params.items())]
        if how == "method":
            return f"{args[0]}.{statement.op}({', '.join(passed[1:])})"
        return f"{self.idiom.module}.{statement.op}({', '.join(passed)})"

    def inplace(self, statement: ir.InPlace) -> Iterator[str]:
        if INPLACE[statement.op].call == "index":
            items, value = statement.args
            yield f"{statement.target}[{self.index(items)}] = {self.argument(value)}"
            return
        args = [self.argument(each) for each in statement.args]
        params = {name: self.argument(value) for name, value in statement.params}
        if self.idiom.ops is not None:
            yield spelled(self.idiom, statement.op, [statement.target, *args], params)
        else:
            passed = [*args, *(f"{name}={value}" for name, value in params.items())]
            yield f"{statement.target}.{statement.op}({', '.join(passed)})"

    def backward(self, statement: ir.Backward) -> Iterator[str]:
        gradient = None if statement.gradient is None else self.copied(statement.gradient)
        given = {"retain_graph": statement.retain_graph, "create_graph": statement.create_graph or None}
        passed = ([gradient] if gradient else []) + [
            f"{key}={value}" for key, value in given.items() if value is not None
        ]
        if statement.inputs is not None:
            passed.append(f"inputs=[{', '.join(statement.inputs)}]")
        yield f"{statement.target}.backward({', '.join(passed)})"

    def grad(self, statement: ir.Grad) -> Iterator[str]:
        passed = [bracketed(statement.outputs), bracketed(statement.inputs)]
        if statement.grad_outputs is not None:
            passed.append(bracketed("None" if each is None else self.copied(each) for each in statement.grad_outputs))
        flags = ("retain_graph", "create_graph", "allow_unused")
        retains = statement.retain_graph is False and statement.create_graph  # else False is what None is
        passed += [f"{flag}={value}" for flag in flags if (value := getattr(statement, flag)) not in (None, False)]
        passed += ["retain_graph=False"] if retains else []
        names = ", ".join(statement.names) + ("," if len(statement.names) == 1 else "")
        yield f"{names} = {self.idiom.module}.autograd.grad({', '.join(passed)})"

    def hook(self, statement: ir.Hook) -> Iterator[str]:
        told = f'print("here: hook of {statement.target}", {{}})' if self.asked.what in ("hook", "hooks") else "None"
        if statement.when == "accumulated":
            shown = told.format("it.grad")
            yield f"{statement.target}.register_post_accumulate_grad_hook(lambda it: {shown})"
        elif statement.action == "scale":
            shown = told.format("grad")
            before = "" if shown == "None" else f"{shown} or "
            yield f"{statement.target}.register_hook(lambda grad: {before}grad * {statement.factor})"
        else:
            yield f"{statement.target}.register_hook(lambda grad: {told.format('grad')})"

    def requires_grad_(self, statement: ir.RequiresGrad) -> Iterator[str]:
        yield f"{statement.target}.requires_grad_({'' if statement.value else 'False'})"

    def retain_grad(self, statement: ir.RetainGrad) -> Iterator[str]:
        yield f"{statement.target}.retain_grad()"

    def take_grad(self, statement: ir.TakeGrad) -> Iterator[str]:
        yield f"{statement.name} = {statement.target}.grad"

    def zero_grad(self, statement: ir.ZeroGrad) -> Iterator[str]:
        yield f"{statement.target}.grad = None" if statement.to_none else f"{statement.target}.grad.zero_()"

    def read(self, statement: ir.Read) -> Iterator[str]:
        reads = {"repr": "repr({})", "tolist": "{}.tolist()", "grad_fn": "{}.grad_fn", "grad": "{}.grad"}
        yield reads[statement.how].format(statement.target)


class Functional(Writer):
    """A program of leaves, ops and one derivative, as a function and its pullback."""

    def body(self) -> list[str]:
        tracked, last = self.tracked(), self.last()
        if self.asked.what != "grad" or self.asked.name not in [each.name for each in tracked]:
            raise Unsupported(f"a script in functional words about {self.asked.what} of {self.asked.name}")
        weight = "1.0" if last.gradient is None else self.word(last.gradient)
        names, places = ", ".join(each.name for each in tracked), tuple(range(len(tracked)))
        call = str(self.idiom.functional).format(places=places, inputs=names, cotangent=weight)
        self.position = [each.name for each in tracked].index(self.asked.name)
        return [*self.function(last.target), f"grads = {call}"]

    def shown(self) -> str:
        return f"grads[{self.position}]"

    def last(self) -> ir.Backward:
        """The derivative."""
        *before, last = self.program.statements
        if not isinstance(last, ir.Backward) or not all(isinstance(each, Leaf | Op) for each in before):
            raise Unsupported("a script in functional words of more than one derivative of ops")
        return last

    def tracked(self) -> list[Leaf]:
        """The leaves that it is a function of."""
        found = [each for each in self.program.walk() if isinstance(each, Leaf) and each.requires_grad]
        if not found:
            raise Unsupported("a script in functional words of constants")
        return found

    def function(self, returned: str) -> list[str]:
        """The constants, the function that gives ``returned``, and what it is asked about."""
        leaves = [each for each in self.program.walk() if isinstance(each, Leaf) and each.name not in self.inlined]
        written = {each.name: f"{each.name} = {self.literal(each)}" for each in leaves}
        tracked = [each.name for each in self.tracked()]
        ops = [each for each in self.program.walk() if isinstance(each, Op)]
        return [
            *(line for name, line in written.items() if name not in tracked),
            f"def f({', '.join(tracked)}):",
            *(f"    {line}" for each in ops for line in self.op(each)),
            f"    return {returned}",
            *(written[name] for name in tracked),
        ]


class Hessian(Functional):
    """The second derivatives of a program's weighed output in double precision, in the words of one that speaks torch."""

    def body(self) -> list[str]:
        if self.idiom.ops is not None:
            raise Unsupported("a script of second derivatives in other words than torch's")
        last = self.last()
        weighed = last.target if last.gradient is None else f"({last.target} * {self.word(last.gradient)}).sum()"
        return self.function(weighed)

    def shown(self) -> str:
        names = "".join(f"{each.name}, " for each in self.tracked()).removesuffix(" ")
        return f"{self.idiom.module}.autograd.functional.hessian(f, ({names}))"

    def literal(self, leaf: Leaf) -> str:
        return super().literal(replace(leaf, dtype="float64") if leaf.dtype.startswith("float") else leaf)


WRITE: dict[type, Callable[[Writer, Any], Iterator[str]]] = {
    Leaf: Writer.leaf,
    Op: Writer.op,
    ir.InPlace: Writer.inplace,
    ir.RequiresGrad: Writer.requires_grad_,
    ir.RetainGrad: Writer.retain_grad,
    ir.Hook: Writer.hook,
    ir.Backward: Writer.backward,
    ir.Grad: Writer.grad,
    ir.TakeGrad: Writer.take_grad,
    ir.ZeroGrad: Writer.zero_grad,
    ir.Read: Writer.read,
}


def spelled(idiom: Idiom, name: str, args: list[str], params: dict[str, str]) -> str:
    """A call in a library's own spelling."""
    ops = idiom.ops or {}
    if name not in ops:
        raise Unsupported(f"{name} in the library's own words")
    try:
        reduce = "".join(f", {idiom.reduce[key]}={value}" for key, value in params.items() if key in idiom.reduce)
        return ops[name].format(*args, **params, reduce=reduce)
    except (IndexError, KeyError) as error:
        raise Unsupported(f"{name} with these arguments in the library's own words") from error


def bracketed(names: Iterable[str]) -> str:
    """One name, or a list of them."""
    listed = list(names)
    return listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"


def numbers(array: np.ndarray[Any, Any]) -> str:
    """An array as nested literals."""
    if array.ndim:
        return f"[{', '.join(map(numbers, array))}]" if array.size else str(array.tolist())
    value = array.item()
    if array.dtype == np.float32:
        value = float(str(array[()]))
    return f'float("{value}")' if isinstance(value, float) and not math.isfinite(value) else repr(value)


def told(answer: Any) -> str:
    """Another library's answer, as text."""
    return " ".join(str(answer).split())
