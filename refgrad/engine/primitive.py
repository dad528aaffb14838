"""Primitives: NumPy functions that know their own derivative.

A primitive called on arrays runs NumPy and nothing else; called on tensors it records the call. A rule is written in
primitives, so the same rule serves an ordinary backward (arrays in, arrays out) and ``create_graph=True`` (tensors in,
tensors out).

A rule names what it needs, and so decides what is saved: ``grad``, an input, a parameter, ``result`` (or one of
``outputs``), ``<input>_shape``, ``<input>_dtype``, or ``needs`` (which inputs want a gradient).
"""

from __future__ import annotations

import functools
import inspect
import types
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, cast

from refgrad.engine import body
from refgrad.engine.graph import Node, TensorBase, set_tensor_type, wrap
from refgrad.engine.layout import contiguous, ordered
from refgrad.engine.plan import Plan, Rule, show_saved
from refgrad.engine.recording import Recorder, _scalar, record
from refgrad.engine.saving import CONSTANT, NEEDED

PRIMITIVES: dict[str, Primitive] = {}


def positional(function: Any) -> Callable[..., Any]:
    """``function`` with its keyword-only parameters made positional, so that a call builds no dictionary."""
    code = function.__code__
    if not code.co_kwonlyargcount or code.co_flags & inspect.CO_VARARGS:
        return cast(Callable[..., Any], function)
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    return types.FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)


class Primitive:
    """A forward function on arrays with its derivative rules, and the plans compiled from them.

    ``promotes`` says what is done about mixed inputs before the forward runs: ``"yes"`` brings them to their common
    type, ``"float"`` also takes integers to the default float, ``"no"`` leaves them alone.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        promotes: str,
        name: str,
        outputs: tuple[str, ...],
        direct: Any = None,
        constant: tuple[str, ...] = (),
        holomorphic: bool | None = True,
        layout: Any = None,
        joint: tuple[str, ...] = (),
        together: tuple[str, ...] = (),
        saves: tuple[str, ...] = (),
        beside: tuple[str, ...] = (),
    ) -> None:
        self.forward = positional(forward)
        self.name = forward.__name__
        self.promotes = promotes != "no"
        self.to_float = promotes == "float"
        self.direct = direct
        self.outputs = outputs
        self.constant = constant
        self.holomorphic = holomorphic
        self.joint, self.together, self.saves, self.beside = joint, together, saves, beside
        self.declared = inspect.signature(forward)
        parameters = list(self.declared.parameters.values())
        self.inputs = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)
        self.star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.params = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        self.layout = layout or (contiguous if "keepdim" in self.params else ordered if self.promotes else None)
        self.vjps: dict[str, Rule] = {}
        self.jvps: dict[str, Rule] = {}
        self.check: Callable[[list[Any]], None] | None = None  # refuses types, before they are promoted
        self.plans: dict[int, Plan] = {}
        self.makers: dict[int, Callable[..., Any]] = {}  # of the plans that an ordinary call has used
        self.node_class: type[Node] = type(name, (Node,), {"__slots__": ()})

    def input_name(self, position: int) -> str | None:
        """The name of the input at ``position``; those behind the star share one."""
        return self.inputs[position] if position < len(self.inputs) else self.star

    def differentiable(self, tensors: Sequence[Any]) -> list[int]:
        """The positions of the outputs that carry gradients: those of a floating type, but for ``constant`` ones."""
        held = [i for i, t in enumerate(tensors) if t._array.dtype.kind not in "biu"]
        return [i for i in held if self.outputs[i] not in self.constant] if self.constant else held

    def rules_for(self, kinds: tuple[int, ...]) -> Iterator[tuple[int, Rule, str]]:
        """Position, rule and star (for a group) of each input that wants a gradient."""
        for position, kind in enumerate(kinds):
            name = self.input_name(position)
            if kind == NEEDED and name in self.vjps and name != self.star:
                yield position, self.vjps[name], ""
        if self.star in self.vjps and NEEDED in kinds[len(self.inputs) :]:
            yield len(self.inputs), self.vjps[self.star], "*"

    def hung(self, grads: tuple[Any, ...], sources: tuple[Any, ...], beside: tuple[Any, ...]) -> tuple[Any, ...]:
        """Recorded gradients, as outputs of one node that ``sources`` have a part in, as PyTorch's one function gives them.

        It saves the sources; what is ``beside`` them it only takes.
        """
        made = [x for x in grads if x is not None]
        tensors, others = ([x for x in group if isinstance(x, TensorBase)] for group in (sources, beside))
        if not any(x._requires_grad for x in (*made, *tensors, *others)):
            return grads
        if others:
            made[0] = record(PRIMITIVES["hang"], (made[0], *others), ())
        parts = iter(record(self.function_of_all, (*made, *tensors), (len(made),)))
        return tuple(None if x is None else next(parts) for x in grads)

    @functools.cached_property
    def wanted_by_several(self) -> frozenset[str]:
        """What the gradients of several inputs are computed from: PyTorch saves it for whichever is asked."""
        counted = Counter(name for rule in self.vjps.values() for name in inspect.signature(rule).parameters)
        return frozenset(name for name, count in counted.items() if count > 1)

    @functools.cached_property
    def function_of_all(self) -> Primitive:
        """What PyTorch computes all gradients in, where it is one function that is differentiated again."""

        def parts(*tensors: Any, count: int) -> Any:
            return tuple(x.copy("K") for x in tensors[:count])

        def rule(grad: Any, tensors: Any, count: int) -> Any:  # the tensors are saved, as PyTorch saves them
            return [*(grad if count > 1 else [grad]), *[None] * (len(tensors) - count)]

        op = Primitive(parts, promotes="no", name=f"{self.name[:-1]}Backward0", outputs=("grads",), holomorphic=False)
        op.vjps["tensors"] = rule
        return op

    def plan(self, key: int) -> Plan:
        """The plan of a pattern: base 3, one digit an input, after a leading 1."""
        held = self.plans.get(key)
        if held is not None:
            return held
        if not self.plans:
            show_saved(self.node_class, self.vjps.values())
        digits: list[int] = []
        rest = key
        while rest > 1:
            rest, digit = divmod(rest, 3)
            digits.append(digit)
        plan = self.plans[key] = Plan(self, tuple(reversed(digits)))
        return plan

    def maker(self, key: int) -> Callable[..., Any]:
        """What makes the result of an ordinary call of this pattern, and its node."""
        made = self.makers[key] = self.plan(key).compile_maker()
        return made


class PrimitiveFunction(Protocol):
    """What ``@primitive`` makes: the function itself, with its rules attached."""

    op: Primitive
    __name__: str
    __doc__: str | None

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def defvjp(self, *rules: Rule, **named: Rule) -> None: ...
    def defjvp(self, *rules: Rule | None, **named: Rule) -> None: ...


def build(op: Primitive, recorder: Recorder, doc: str | None) -> PrimitiveFunction:
    """The public function of a primitive, with the forward's own signature."""
    form = "function" if recorder is record and op.star is None and not op.outputs else "general"
    function: Any = body.function(op, op.name, form, body.namespace(op, recorder))
    function.__doc__, function.__module__ = doc, op.forward.__module__
    function.op = op
    function.defvjp = lambda *rules, **named: op.vjps.update(zip(op.inputs, rules), **named)
    function.defjvp = lambda *rules, **named: op.jvps.update(zip(op.inputs, rules), **named)
    PRIMITIVES[op.name] = op
    return cast(PrimitiveFunction, function)


def operator(function: PrimitiveFunction) -> Callable[..., Any]:
    """The method behind an operator: what is neither a tensor nor a number is left to the other operand."""
    op = function.op
    made: Callable[..., Any] = body.function(op, op.name, "operator", body.namespace(op, record))
    return made


def node_name(function_name: str) -> str:
    """``log_softmax`` -> ``LogSoftmaxBackward0``."""
    return "".join(part.title() for part in function_name.strip("_").split("_")) + "Backward0"


def primitive(
    *,
    promotes: str = "no",
    name: str | None = None,
    outputs: tuple[str, ...] = (),
    direct: Any = None,
    constant: tuple[str, ...] = (),
    holomorphic: bool | None = True,
    layout: Any = None,
    joint: tuple[str, ...] = (),
    together: tuple[str, ...] = (),
    saves: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], PrimitiveFunction]:
    """Make a primitive of a function on arrays.

    Parameters before ``/`` (or behind ``*``) are its differentiable inputs, the others plain values. ``name`` is the
    node's, where it is not the function's in camel case; ``direct(*arrays, out)`` does the same into ``out``, on arrays of
    one type that need no check. ``constant`` are outputs that no gradient reaches. The rule of an op that is not
    ``holomorphic`` states PyTorch's gradient of complex inputs itself, conjugates and all; None where PyTorch has none.
    ``layout`` gives a result the order in memory that PyTorch's has, where it is neither a reduction's nor that of promoted
    inputs. ``together`` are the inputs whose gradients PyTorch computes in one formula, in its order, before the others.
    ``saves`` are what PyTorch saves for any of the gradients, whichever needs it, and so wants unchanged. ``joint`` are the inputs of PyTorch's one function of all gradients: they are saved together, and each recorded
    gradient hangs on all of them, and on what is ``beside`` them.
    """

    def decorate(forward: Callable[..., Any]) -> PrimitiveFunction:
        op = Primitive(
            forward,
            promotes=promotes,
            name=name or node_name(forward.__name__),
            outputs=outputs,
            direct=direct,
            constant=constant,
            holomorphic=holomorphic,
            layout=layout,
            joint=joint,
            together=together,
            saves=saves,
            beside=beside,
        )
        return build(op, record, forward.__doc__)

    return decorate


__all__ = [
    "CONSTANT",
    "NEEDED",
    "PRIMITIVES",
    "Primitive",
    "PrimitiveFunction",
    "_scalar",
    "primitive",
    "set_tensor_type",
    "wrap",
]
