"""Programs on functional backends: ops run as they come, and a derivative is a pullback of all that came before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters import calculus
from refgrad.harness.program import ir
from refgrad.harness.program.grammar import calling
from refgrad.harness.program.interpreter import array_of, function_of, index_of, missing
from refgrad.harness.program.ir import Program, Ref, Statement
from refgrad.harness.program.trace import Seen, Step, Trace, stable

__all__ = ["interpret_functional"]

Array = np.ndarray[Any, Any]


def interpret_functional(program: Program, backend: Any) -> Trace:
    """The trace of ``program`` on a backend without a tape; what is not of values and gradients is lacking."""
    return Functional(backend).run(program)


class Functional:
    """One run: the values by name, and the ops that made them."""

    def __init__(self, backend: Any) -> None:
        self.backend, self.calculus = backend, calculus(backend)
        self.values: dict[str, Array] = {}
        self.leaves: dict[str, bool] = {}  # and whether each requires grad
        self.made: list[ir.Op] = []
        self.grads: dict[str, Array] = {}
        self.steps: list[Step] = []

    def run(self, program: Program) -> Trace:
        for statement in program.walk():
            self.step(statement)
        return (*self.steps, Step(len(self.steps), {name: self.seen(name) for name in self.values}))

    def step(self, statement: Statement) -> None:
        number, names = len(self.steps), tuple[str, ...]()
        raised = lacking = None
        if any(name not in self.values for name in ir.used(statement)):
            self.steps.append(Step(number, {}, passed_over=True))
            return
        try:
            names = self.do(statement)
        except Exception as error:  # whatever a library raises is an observation
            lacking = missing(error, self.backend)
            raised = None if lacking else stable(error)
        self.steps.append(Step(number, {name: self.seen(name) for name in names}, (), raised, lacking))

    def seen(self, name: str) -> Seen:
        leaf = True if name in self.leaves else None  # of others it has no gradient to tell
        return Seen(self.values[name], None, leaf, None, None, self.grads.get(name), None)

    def do(self, statement: Statement) -> Any:
        """Run a statement; gives the names to look at."""
        match statement:
            case ir.Leaf():
                return self.leaf(statement)
            case ir.Op() if statement.op != "detach":
                return self.op(statement)
            case ir.Backward(create_graph=False):
                return self.backward(statement)
            case ir.Grad(create_graph=False):
                return self.grad(statement)
            case ir.ZeroGrad(to_none=True):
                self.grads.pop(statement.target, None)
                return (statement.target,)
            case ir.Read():
                return ()
        raise Unsupported(type(statement).__name__.lower(), "a functional library has no tape")

    def leaf(self, leaf: ir.Leaf) -> Any:
        self.values[leaf.name], self.leaves[leaf.name] = array_of(leaf), leaf.requires_grad
        return (leaf.name,)

    def op(self, statement: ir.Op) -> Any:
        names = list(dict.fromkeys(ir.used(statement)))
        value = self.calculus.value(
            lambda xp, *tensors: apply(xp, statement, dict(zip(names, tensors, strict=True))),
            *(self.values[name] for name in names),
        )
        self.values[statement.name] = value
        self.made.append(statement)
        return (statement.name,)

    def backward(self, statement: ir.Backward) -> Any:
        reached = self.reached(statement.target)
        roots = [name for name, tracked in self.leaves.items() if tracked and name in reached]
        if statement.inputs is not None:
            roots = list(statement.inputs)
        if not roots:
            raise Unsupported("backward", "of what no leaf that requires grad had a part in")
        for name, grad in self.pullback(statement.target, statement.gradient, roots).items():
            if grad is not None:
                self.grads[name] = self.grads[name] + grad if name in self.grads else grad
        return tuple(self.values)

    def grad(self, statement: ir.Grad) -> Any:
        if len(statement.outputs) != 1:
            raise Unsupported("grad", "of several outputs")
        gradient = None if statement.grad_outputs is None else statement.grad_outputs[0]
        grads = self.pullback(statement.outputs[0], gradient, list(statement.inputs))
        for name, source in zip(statement.names, statement.inputs, strict=True):
            grad = grads[source]
            if grad is None or source not in self.reached(statement.outputs[0]):
                raise Unsupported("grad", "by what was not used")
            self.values[name], self.leaves[name] = grad, False
        return statement.names

    def reached(self, output: str) -> set[str]:
        """What ``output`` was made of: a functional library has zeros for the rest, where PyTorch has None."""
        found = {output}
        for statement in reversed(self.made):
            if statement.name in found:
                found.update(ir.used(statement))
        return found

    def pullback(self, output: str, gradient: str | None, by: list[str]) -> dict[str, Array | None]:
        """The gradients of ``output`` by leaves."""
        if gradient is None and self.values[output].shape:
            raise Unsupported("backward", "of an array without a gradient")
        if any(name not in self.leaves for name in by) or output in self.leaves:
            raise Unsupported("grad", "by what is no leaf")

        reached = self.reached(output)
        path = [statement for statement in self.made if statement.name in reached]

        def function(xp: Any, *tensors: Any) -> Any:
            known = dict(zip(self.leaves, tensors, strict=True))
            for statement in path:
                known[statement.name] = apply(xp, statement, known)
            return known[output]

        cotangent = None if gradient is None else self.values[gradient]
        _, grads = self.calculus.vjp(function, [self.values[name] for name in self.leaves], cotangent)
        return {name: grad for name, grad in zip(self.leaves, grads, strict=True) if name in by}


def apply(xp: Any, statement: ir.Op, tensors: dict[str, Any]) -> Any:
    """The result of one op on tensors by name."""

    def argument(value: Any) -> Any:
        if isinstance(value, Ref):
            return tensors[value.name]
        return tuple(map(argument, value)) if isinstance(value, tuple) else value

    how = calling(statement.op)
    if how == "index":
        source, items = statement.args
        return argument(source)[index_of(items, tensors, xp)]
    args = [argument(each) for each in statement.args]
    result = function_of(xp, statement.op, how, args)(
        *args, **{name: argument(each) for name, each in statement.params}
    )
    return result if statement.output is None else result[statement.output]
