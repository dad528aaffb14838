"""Runs a program on a backend and writes down what it shows, statement by statement."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from refgrad.errors import BackendCrashed, BackendTimeout, ProtocolError, Unsupported
from refgrad.harness.adapters import facade, to_numpy
from refgrad.harness.backend import profiles, record_again
from refgrad.harness.outcomes import lacks
from refgrad.harness.program import ir
from refgrad.harness.program.grammar import INPLACE, calling
from refgrad.harness.program.ir import Program, Ref, Slice, Statement
from refgrad.harness.program.trace import Raised, Seen, Step, Trace, stable

__all__ = ["Interpreter", "array_of", "function_of", "index_of", "interpret", "missing", "optional"]

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
GIVEN = frozenset({ir.Grad, ir.TakeGrad})  # what they make may be None
ITSELF = frozenset(
    {"atleast_1d", "atleast_2d", "conj", "real", "sum_to_size"}
)  # give their input if there is nothing to do


def interpret(program: Program, backend: Any, *, watch: bool = True) -> Trace:
    """The trace of ``program`` on any backend; without ``watch`` tensors are looked at only at the end."""
    elsewhere: Callable[..., Trace] | None = getattr(backend, "run_program", None)  # at the other end of a wire
    if elsewhere is not None:
        return elsewhere(program, watch=watch)
    if not (hasattr(backend, "namespace") or "tape" in profiles(backend)):
        from refgrad.harness.program.functional import interpret_functional

        return interpret_functional(program, backend)
    return Interpreter(backend, watch=watch).run(program)


class Interpreter:
    """One run: the tensors by name, and what has been seen of them."""

    def __init__(self, backend: Any, *, watch: bool = True) -> None:
        self.backend, self.watch = backend, watch
        self.xp = facade(backend)
        self.native = getattr(backend, "namespace", None) is not None
        self.tensors: dict[str, Any] = {}
        self.hooked: list[tuple[str, Array]] = []
        self.steps: list[Step] = []
        self.born: dict[str, int] = {}
        self.names = (self.xp.__name__,) if self.native else ()

    def run(self, program: Program) -> Trace:
        """Run every statement; an error is written down, and the next statement follows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.execute(program.statements)
                self.steps.append(Step(len(self.steps), self.look(self.tensors)))
            finally:
                record_again(self.backend)  # no program leaves a gradient mode behind for the next one
        return tuple(self.steps)

    def execute(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            if isinstance(statement, ir.Block):
                self.enter(statement)
            else:
                self.step(statement)

    def enter(self, block: ir.Block) -> None:
        """A block shows nothing itself; where the backend has no such mode, nor does its body run."""
        number = len(self.steps)
        try:
            mode = getattr(self.xp, block.mode)()
        except Unsupported as error:
            self.steps.append(Step(number, {}, lacking=str(error)))
            self.skip(block.body)
            return
        self.steps.append(Step(number, {}))
        with mode:
            self.execute(block.body)

    def skip(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            self.steps.append(Step(len(self.steps), {}))
            self.skip(ir.body_of(statement))

    def step(self, statement: Statement) -> None:
        number, self.hooked = len(self.steps), []
        if not all(map(self.tensors.__contains__, ir.used(statement))):
            self.steps.append(Step(number, {}, passed_over=True))
            return
        raised = lacking = None
        try:
            names = self.act(statement)
        except (BackendCrashed, BackendTimeout, MemoryError, ProtocolError):
            raise  # no observation: the backend, or the room for it, is gone
        except Exception as error:  # whatever a library raises is an observation
            lacking = missing(error, self.backend)
            raised = None if lacking else stable(error, self.names)
            names = self.tensors if raised else ()
        shown = self.look(names) if self.watch else {}
        if statement.__class__ in GIVEN:  # perhaps a gradient that is not there
            self.tensors = {name: tensor for name, tensor in self.tensors.items() if tensor is not None}
        self.steps.append(Step(number, shown, tuple(self.hooked), raised, lacking))

    def act(self, statement: Statement) -> Any:
        """What the statement means; the names to look at."""
        return RUN[type(statement)](self, statement)

    # looking

    def look(self, names: Any) -> dict[str, Seen | Raised | None]:
        return {name: self.seen(name, self.tensors[name]) for name in names}

    def seen(self, name: str, tensor: Any) -> Seen | Raised | None:
        if tensor is None:
            return None
        try:
            return self.seen_native(name, tensor) if self.native else self.seen_thin(tensor)
        except (BackendCrashed, BackendTimeout, MemoryError, ProtocolError):
            raise
        except Exception as error:  # a look may be refused, as at a view whose base has moved on
            return stable(error, self.names)

    def seen_native(self, name: str, tensor: Any) -> Seen:
        leaf = tensor.is_leaf
        grad = tensor.grad if leaf or tensor.retains_grad else None
        return Seen(
            native(tensor),
            tensor.requires_grad,
            leaf,
            tensor.grad_fn is not None,
            None if not self.watch or tensor.is_inference() else self.version(name, tensor._version),
            None if grad is None else native(grad),
            None if grad is None else grad.requires_grad,
        )

    def version(self, name: str, version: int) -> int:
        """How often a tensor has been written into since it was first seen: where it starts is each op's own matter."""
        return version - self.born.setdefault(name, version)

    def seen_thin(self, tensor: Any) -> Seen:
        grad = optional(lambda: tensor.grad)
        return Seen(
            to_numpy(self.backend, tensor),
            optional(lambda: tensor.requires_grad),
            optional(lambda: tensor.is_leaf),
            optional(lambda: tensor.grad_fn is not None),
            None,
            None if grad is None else to_numpy(self.backend, grad),
            None,
        )

    # meaning

    def argument(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.tensors[value.name]
        return tuple(map(self.argument, value)) if isinstance(value, tuple) else value

    def index(self, items: Any) -> Any:
        return index_of(items, self.tensors, self.xp)

    def given(self, names: tuple[str, ...] | None) -> Any:
        return None if names is None else [self.tensors[name] for name in names]

    def cotangent(self, name: str | None) -> Any:
        """A copy of its own: PyTorch may let a gradient share the memory of the one that it was given."""
        if name is None:
            return None
        return self.tensors[name].clone() if self.native else self.tensors[name]

    # statements: each gives the names to look at

    def leaf(self, statement: ir.Leaf) -> Any:
        array = array_of(statement)
        if self.native and statement.layout != "contiguous" and array.ndim > 1:
            tensor = self.laid_out(array, statement.layout)
            if statement.requires_grad:
                tensor.requires_grad_()
        else:
            tensor = self.xp.tensor(array, requires_grad=statement.requires_grad)
        self.tensors[statement.name] = tensor
        return (statement.name,)

    def laid_out(self, array: Array, layout: str) -> Any:
        """``array`` as a view of a tensor that lies otherwise in memory."""
        if layout == "transposed":
            return self.xp.tensor(np.ascontiguousarray(array.swapaxes(0, 1))).transpose(0, 1)
        return self.xp.tensor(np.repeat(array, 2, axis=-1))[..., ::2]

    def op(self, statement: ir.Op) -> Any:
        how = calling(statement.op)
        if how == "index":
            source, items = statement.args
            result = self.argument(source)[self.index(items)]
        else:
            args = [self.argument(each) for each in statement.args]
            params = {name: self.argument(each) for name, each in statement.params}
            result = function_of(self.xp, statement.op, how, args)(*args, **params)
            if not self.native and statement.op in ITSELF and alike(result, args[0]):
                result = args[0]  # as in PyTorch: a copy would have a gradient of its own
        self.tensors[statement.name] = result if statement.output is None else result[statement.output]
        return (statement.name,)

    def inplace(self, statement: ir.InPlace) -> Any:
        target = self.tensors[statement.target]
        if INPLACE[statement.op].call == "index":
            items, value = statement.args
            target[self.index(items)] = self.argument(value)
        else:
            args = [self.argument(each) for each in statement.args]
            params = {name: self.argument(each) for name, each in statement.params}
            getattr(target, statement.op)(*args, **params)
        return self.tensors

    def requires_grad_(self, statement: ir.RequiresGrad) -> Any:
        self.tensors[statement.target].requires_grad_(statement.value)
        return (statement.target,)

    def retain_grad(self, statement: ir.RetainGrad) -> Any:
        self.tensors[statement.target].retain_grad()
        return (statement.target,)

    def hook(self, statement: ir.Hook) -> Any:
        tensor = self.tensors[statement.target]
        if statement.when == "accumulated":
            tensor.register_post_accumulate_grad_hook(lambda it: self.note(statement.target, it.grad))
        else:
            tensor.register_hook(self.on_gradient(statement))
        return (statement.target,)

    def on_gradient(self, statement: ir.Hook) -> Callable[[Any], Any]:
        def run(grad: Any) -> Any:
            self.note(statement.target, grad)
            return grad * statement.factor if statement.action == "scale" and grad is not None else None

        return run

    def note(self, name: str, grad: Any) -> None:
        """What a hook was called with: an array of nothing for None, which a gradient in one node with others may be."""
        array = np.empty(0) if grad is None else native(grad) if self.native else to_numpy(self.backend, grad)
        self.hooked.append((name, array))

    def backward(self, statement: ir.Backward) -> Any:
        self.tensors[statement.target].backward(
            self.cotangent(statement.gradient),
            retain_graph=statement.retain_graph,
            create_graph=statement.create_graph,
            inputs=self.given(statement.inputs),
        )
        return self.tensors

    def grad(self, statement: ir.Grad) -> Any:
        results = self.xp.autograd.grad(
            self.given(statement.outputs),
            self.given(statement.inputs),
            None if statement.grad_outputs is None else [self.cotangent(each) for each in statement.grad_outputs],
            retain_graph=statement.retain_graph,
            create_graph=statement.create_graph,
            allow_unused=statement.allow_unused,
        )
        for name, result in zip(statement.names, results, strict=True):
            self.tensors[name] = result
        return statement.names

    def take_grad(self, statement: ir.TakeGrad) -> Any:
        self.tensors[statement.name] = self.tensors[statement.target].grad
        return (statement.name,)

    def zero_grad(self, statement: ir.ZeroGrad) -> Any:
        target = self.tensors[statement.target]
        if statement.to_none:
            target.grad = None
        else:
            target.grad.zero_()
        return (statement.target,)

    def read(self, statement: ir.Read) -> Any:
        target = self.tensors[statement.target]
        match statement.how:
            case "repr":
                repr(target)
            case "tolist":
                target.tolist()
            case "grad_fn" | "grad":
                getattr(target, statement.how)
        return ()


RUN: dict[type, Callable[[Interpreter, Any], Any]] = {
    ir.Leaf: Interpreter.leaf,
    ir.Op: Interpreter.op,
    ir.InPlace: Interpreter.inplace,
    ir.RequiresGrad: Interpreter.requires_grad_,
    ir.RetainGrad: Interpreter.retain_grad,
    ir.Hook: Interpreter.hook,
    ir.Backward: Interpreter.backward,
    ir.Grad: Interpreter.grad,
    ir.TakeGrad: Interpreter.take_grad,
    ir.ZeroGrad: Interpreter.zero_grad,
    ir.Read: Interpreter.read,
}


def missing(error: Exception, backend: Any) -> str | None:
    """What the backend says it lacks by raising ``error``, a keyword of PyTorch's that it does not take among it."""
    unexpected = "unexpected keyword argument" in str(error) and not hasattr(backend, "namespace")
    return str(error) if unexpected and isinstance(error, TypeError) else lacks(error, backend, HERE)


def alike(result: Any, input: Any) -> bool:
    """Whether there was nothing to do to ``input``."""
    shapes, kinds = ([str(getattr(each, what)) for each in (result, input)] for what in ("shape", "dtype"))
    return shapes[0] == shapes[1] and kinds[0] == kinds[1] and "complex" not in kinds[0]


def native(tensor: Any) -> Array:
    """A copy of the values of a tensor that speaks torch."""
    return tensor.numpy(force=True).copy()  # type: ignore[no-any-return]


def array_of(leaf: ir.Leaf) -> Array:
    """A leaf's values as an ndarray."""
    with np.errstate(over="ignore"):  # what is too large for the type becomes infinite
        return np.array(leaf.values, dtype=leaf.dtype).reshape(leaf.shape)


def index_of(items: Any, tensors: dict[str, Any], xp: Any) -> Any:
    """An index from plain data: numbers, slices, None, lists of numbers, masks by name."""

    def meant(item: Any) -> Any:
        match item:
            case Slice(start=start, stop=stop, step=step):
                return slice(start, stop, step)
            case Ref(name=name):
                return tensors[name]
            case tuple():
                return xp.tensor(np.array(item, np.int64))
            case "...":
                return ...
        return item

    return tuple(map(meant, items if isinstance(items, tuple) else (items,)))


def function_of(xp: Any, name: str, call: str, args: list[Any]) -> Callable[..., Any]:
    """PyTorch's function, or the method of the first argument."""
    if call == "method":
        return getattr(args.pop(0), name)  # type: ignore[no-any-return]
    found = xp
    for part in name.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def optional(ask: Callable[[], Any]) -> Any:
    """What a thin backend says of a tensor, None where it cannot tell."""
    try:
        return ask()
    except Unsupported:
        return None
