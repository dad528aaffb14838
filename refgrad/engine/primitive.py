"""Primitives: NumPy functions that know their own derivative.

A primitive called on arrays runs NumPy and nothing else; called on tensors it records the call. A rule is written in
primitives, so the same rule serves an ordinary backward (arrays in, arrays out) and ``create_graph=True`` (tensors in,
tensors out).

A rule names what it needs, and so decides what is saved: ``grad``, an input, a parameter, ``result`` (or one of
``outputs``), ``<input>_shape``, ``<input>_dtype``, or ``needs`` (which inputs want a gradient). Names are read once, at
the first use with a given pattern of inputs, and compiled into two small functions: no ``inspect`` when an op runs.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import Node, SavedResult, TensorBase, accumulator, bare_node
from refgrad.engine.modes import error_state, modes, quiet

Rule = Callable[..., Any]
ABSENT, CONSTANT, NEEDED = range(3)  # what an input is: no tensor, a tensor, a tensor that wants a gradient

PRIMITIVES: dict[str, Primitive] = {}
_new_tensor: Callable[[Any], Any] = object.__new__
_tensor_type: type[TensorBase] = TensorBase


def set_tensor_type(cls: type[TensorBase]) -> None:
    """Name the class of results; ``Tensor`` lives floors above and announces itself here."""
    global _tensor_type
    _tensor_type = cls


def wrap(array: Any, requires_grad: bool = False) -> Any:
    """A leaf tensor around ``array``, which it then shares."""
    tensor = _new_tensor(_tensor_type)
    tensor._array = array
    tensor._requires_grad = requires_grad
    tensor._output_nr = 0
    tensor._grad_fn = tensor._counter = tensor._view = tensor._grad = tensor._accumulate = tensor._hooks = None
    return tensor


class Plan:
    """For one pattern of inputs: what a call saves, and its rules with the saved values put in place."""

    __slots__ = ("op", "records", "edges", "tracked", "names", "save", "saves_results", "on_arrays", "on_tensors")

    def __init__(self, op: Primitive, kinds: tuple[int, ...]) -> None:
        self.op = op
        named = list(op.rules_for(kinds))
        self.records = bool(named)
        entries: dict[str, int] = {}
        tracked: list[int] = []
        namespace: dict[str, Any] = {"needs": tuple(kind == NEEDED for kind in kinds)}

        def entry(source: str, is_tensor: bool) -> str:
            if source not in entries:
                entries[source] = len(entries)
                if is_tensor:
                    tracked.append(entries[source])
            return f"s[{entries[source]}]" + ("._array" if is_tensor else "")

        # an input that no rule is for (an index, a condition) has no edge
        self.edges = tuple(i for i in range(len(kinds)) if op.input_name(i) in op.vjps)
        calls = dict.fromkeys(self.edges, "None")
        for position, rule, star in named:
            namespace[f"rule{position}"] = rule
            arguments = ", ".join(op.access(name, kinds, entry) for name in inspect.signature(rule).parameters)
            calls[position] = f"{star}rule{position}({arguments})"
            if star:  # one rule gives the gradients of the whole group
                calls = {i: call for i, call in calls.items() if i <= position}
        body = f"({''.join(call + ', ' for call in calls.values())})"
        self.tracked = tuple(tracked)
        self.names = {source: index for source, index in entries.items()}
        self.saves_results = any(source.startswith("results") for source in entries)
        self.save = eval(f"lambda inputs, arrays, params, results: ({''.join(s + ', ' for s in entries)})")
        self.on_arrays = eval(f"lambda g, s: {body}", namespace)
        self.on_tensors = eval(f"lambda g, s: {body.replace('._array', '')}", namespace)

    def unpack(self, node: Node) -> list[Any]:
        """The saved values, with results as tensors again."""
        values = list(node.saved)
        for i in self.tracked:
            if type(values[i]) is SavedResult:
                values[i] = restore(values[i], node)
        return values

    def read_saved(self, node: Node, name: str) -> Any:
        """The value behind ``node._saved_<name>``; PyTorch calls the first input ``self``.

        Errors: AttributeError where the op saves no such value; RuntimeError once it is freed.
        """
        source = self.op.source_of("input" if name == "self" else name, self)
        if source is None:
            raise AttributeError(f"'{node.name()}' object has no attribute '_saved_{name}'")
        if source not in self.names:
            return None
        value = node.saved[self.names[source]]
        if value is None and self.names[source] in self.tracked:
            from refgrad.engine.graph import FREED

            raise RuntimeError(FREED)
        return restore(value, node) if type(value) is SavedResult else value


def restore(saved: SavedResult, node: Node) -> Any:
    """A tensor for a saved result: the node's own output again."""
    tensor = wrap(saved._array, requires_grad=True)
    tensor._grad_fn, tensor._output_nr, tensor._counter = node, saved.output_nr, saved._counter
    return tensor


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

    def __init__(self, forward: Callable[..., Any], *, promotes: str, name: str, outputs: tuple[str, ...]) -> None:
        self.forward = positional(forward)
        self.name = forward.__name__
        self.promotes = promotes != "no"
        self.to_float = promotes == "float"
        self.outputs = outputs
        self.signature = inspect.signature(forward)
        parameters = list(self.signature.parameters.values())
        self.inputs = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)
        self.star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.params = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        self.vjps: dict[str, Rule] = {}
        self.jvps: dict[str, Rule] = {}
        self.plans: dict[int, Plan] = {}
        self.node_class: type[Node] = type(name, (Node,), {"__slots__": ()})

    def rules_for(self, kinds: tuple[int, ...]) -> Iterator[tuple[int, Rule, str]]:
        """Position, rule and star (for a group) of each input that wants a gradient."""
        for position, kind in enumerate(kinds):
            name = self.input_name(position)
            if kind == NEEDED and name in self.vjps and name != self.star:
                yield position, self.vjps[name], ""
        if self.star in self.vjps and NEEDED in kinds[len(self.inputs) :]:
            yield len(self.inputs), self.vjps[cast(str, self.star)], "*"

    def input_name(self, position: int) -> str | None:
        return self.inputs[position] if position < len(self.inputs) else self.star

    def access(self, name: str, kinds: tuple[int, ...], entry: Callable[[str, bool], str]) -> str:
        """The expression that a rule's argument ``name`` becomes."""
        if name == "grad":
            return "g"
        if name == "needs":
            return "needs"
        if name == "result" or name in self.outputs:
            return entry(f"results[{self.outputs.index(name) if name in self.outputs else 0}]", True)
        if name in self.params:
            return entry(f"params[{self.params.index(name)}]", False)
        stem, _, what = name.rpartition("_") if name.endswith(("_shape", "_dtype")) else (name, "", "")
        if stem == self.star:
            items = [self._item(j, what, kinds, entry) for j in range(len(self.inputs), len(kinds))]
            return f"({''.join(item + ', ' for item in items)})"
        return self._item(self.inputs.index(stem), what, kinds, entry)

    @staticmethod
    def _item(j: int, what: str, kinds: tuple[int, ...], entry: Callable[[str, bool], str]) -> str:
        if what:
            return entry(f"arrays[{j}].{what}", False)
        return entry(f"inputs[{j}]", kinds[j] != ABSENT)

    def source_of(self, name: str, plan: Plan) -> str | None:
        """The saved expression that ``name`` stands for, if this op has such a name."""
        found: list[str] = []
        kinds = (CONSTANT,) * len(self.inputs)

        def note(source: str, _: bool) -> str:
            found.append(source)
            return source

        try:
            self.access(name, kinds, note)
        except ValueError:
            return None
        return found[0] if found else None

    def plan(self, key: int) -> Plan:
        """Compile the plan of a pattern; base 3, one digit an input, after a leading 1."""
        digits: list[int] = []
        rest = key
        while rest > 1:
            rest, digit = divmod(rest, 3)
            digits.append(digit)
        plan = self.plans[key] = Plan(self, tuple(reversed(digits)))
        return plan


def promote(op: Primitive, arrays: list[Any]) -> list[Any]:
    """``arrays`` in their common type.

    Python numbers become NumPy scalars of that type, so that NumPy's own promotion has nothing left to decide.
    """
    kind = dtypes.result_type(a for a in arrays if a is not None)
    if op.to_float and kind.category < dtypes.FLOATING:
        kind = dtypes.get_default_dtype()
    target = kind.numpy
    return [a if a is None else a.astype(target, copy=False) if hasattr(a, "astype") else _scalar(a, target) for a in arrays]


def _scalar(value: Any, target: Any) -> Any:
    """A Python number in a type, wrapping around as C does."""
    if target.kind in "iu" and not isinstance(value, bool):
        return np.array(int(value) & (2 ** (8 * target.itemsize) - 1), f"u{target.itemsize}").view(target)[()]
    return target.type(value)


def mixed(op: Primitive, arrays: list[Any]) -> bool:
    """Whether NumPy's promotion could differ from PyTorch's here."""
    kind = None
    for a in arrays:
        if a is None or a.__class__ is float or a.__class__ is int:
            continue
        try:
            held = a.dtype
        except AttributeError:  # a bool or complex number
            return True
        if kind is not None and held is not kind:
            return True
        kind = held
    return kind is None or kind.kind != "f"


def run_forward(op: Primitive, arrays: list[Any], params: tuple[Any, ...]) -> Any:
    """Run the forward in silence; a shape that does not broadcast is told in PyTorch's words."""
    token = error_state.set(quiet)
    try:
        return op.forward(*arrays, *params) if op.star is None else op.forward(*arrays, **dict(zip(op.params, params)))
    except ValueError:
        if op.promotes:
            shape: tuple[int, ...] = ()
            for a in arrays:
                shape = dims.broadcast(shape, np.shape(a))
        raise
    finally:
        error_state.reset(token)


def read(inputs: tuple[Any, ...]) -> tuple[list[Any], int]:
    """The arrays behind ``inputs``, and the key of their pattern."""
    arrays = []
    key = 1
    for x in inputs:
        if isinstance(x, TensorBase):
            if x._view is not None:
                x._view.refresh(x)
            arrays.append(x._array)
            key = 3 * key + (NEEDED if x._requires_grad else CONSTANT)
        else:
            arrays.append(x)
            key *= 3
    return arrays, key


def attach(plan: Plan, inputs: tuple[Any, ...], arrays: list[Any], params: tuple[Any, ...], results: Any, shape: Any, dtype: Any) -> Node:
    """Make the node of a call: its edges, and what its rules need."""
    node: Node = bare_node(plan.op.node_class)
    node.plan = plan
    node.shape = shape
    node.dtype = dtype
    nodes: list[Node | None] = []
    nrs = None
    for i in plan.edges:
        x = inputs[i]
        if isinstance(x, TensorBase) and x._requires_grad:
            target = x._grad_fn
            if target is None:
                target = accumulator(x)
            elif x._output_nr:
                if nrs is None:
                    nrs = [0] * len(plan.edges)
                nrs[len(nodes)] = x._output_nr
            nodes.append(target)
        else:
            nodes.append(None)
    node.next_nodes = tuple(nodes)
    if nrs is not None:
        node.next_nrs = tuple(nrs)
    node.saved = saved = plan.save(inputs, arrays, params, results)
    for i in plan.tracked:
        if saved[i]._counter is not None:  # rare: something was written to, or shares memory
            node.versions = tuple(v._counter[0] if j in plan.tracked and v._counter else 0 for j, v in enumerate(saved))
            break
    return node


def save_result(tensor: Any, nr: int = 0) -> SavedResult:
    """Keep ``tensor``'s value for its own node."""
    if tensor._counter is None:
        tensor._counter = [0]
    if not isinstance(tensor._array, np.ndarray):  # a scalar cannot be shared; the tensor and the node must share
        tensor._array = np.asarray(tensor._array)
    return SavedResult(tensor._array, tensor._counter, nr)


def record(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """Run ``op`` on tensors, and note the call where a gradient is wanted."""
    arrays, key = read(inputs)
    values = promote(op, arrays) if op.promotes and mixed(op, arrays) else arrays
    result = run_forward(op, values, params)
    if op.outputs:
        return _record_many(op, key, inputs, arrays, params, result)
    tensor = wrap(result)
    plan = op.plans.get(key) or op.plan(key)
    if plan.records and modes.grad_enabled:
        results = (save_result(tensor),) if plan.saves_results else None
        tensor._grad_fn = attach(plan, inputs, arrays, params, results, result.shape, result.dtype)
        tensor._requires_grad = True
    return tensor


def _record_many(op: Primitive, key: int, inputs: tuple[Any, ...], arrays: list[Any], params: tuple[Any, ...], results: Any) -> Any:
    """As ``record``, for an op with several outputs of which the floating ones carry gradients."""
    tensors = tuple(wrap(result) for result in results)
    plan = op.plans.get(key) or op.plan(key)
    if plan.records and modes.grad_enabled:
        saved = tuple(save_result(t, i) for i, t in enumerate(tensors)) if plan.saves_results else None
        floating = [i for i, r in enumerate(results) if r.dtype.kind not in "biu"]
        first = results[floating[0]]
        node = attach(plan, inputs, arrays, params, saved, first.shape, first.dtype)
        if len(floating) > 1:
            node.outputs = tuple((r.shape, r.dtype) for r in results)
        for i in floating:
            tensors[i]._grad_fn, tensors[i]._output_nr, tensors[i]._requires_grad = node, i, True
    return tensors


class PrimitiveFunction(Protocol):
    """What ``@primitive`` makes: the function itself, with its rules attached."""

    op: Primitive
    __name__: str
    __doc__: str | None

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def defvjp(self, *rules: Rule, **named: Rule) -> None: ...
    def defjvp(self, *rules: Rule | None, **named: Rule) -> None: ...


_TEMPLATE = """
def {name}({signature}):
    if {any_tensor}:
        return record(op, ({inputs}), ({params}))
    return forward({call})
"""


def build(op: Primitive, recorder: Callable[..., Any], doc: str | None) -> PrimitiveFunction:
    """The public function of a primitive, with the forward's own signature: no ``*args``, no dictionary, no binding."""
    shown = [p.replace(annotation=p.empty, kind=p.POSITIONAL_OR_KEYWORD if p.kind is p.POSITIONAL_ONLY else p.kind) for p in op.signature.parameters.values()]
    defaults = {f"default_{p.name}": p.default for p in shown if p.default is not p.empty}
    text = str(inspect.Signature([p.replace(default=_Name(f"default_{p.name}")) if p.default is not p.empty else p for p in shown]))
    star = f"*{op.star}, " if op.star else ""
    tests = [f"isinstance({x}, TensorBase)" for x in op.inputs]
    if op.star:
        tests.append(f"any(isinstance(x, TensorBase) for x in {op.star})")
    keywords = ", ".join(f"{p}={p}" for p in op.params) if op.star else "".join(f"{p}, " for p in op.params)
    source = _TEMPLATE.format(
        name=op.name,
        signature=text[1:-1],
        any_tensor=" or ".join(tests),
        inputs="".join(f"{x}, " for x in op.inputs) + star,
        params="".join(f"{p}, " for p in op.params),
        call="".join(f"{x}, " for x in op.inputs) + star + keywords,
    )
    namespace: dict[str, Any] = {"TensorBase": TensorBase, "record": recorder, "op": op, "forward": op.forward, **defaults}
    exec(source, namespace)
    function = namespace[op.name]
    function.__doc__, function.__module__, function.__qualname__ = doc, op.forward.__module__, op.name
    function.op = op
    function.defvjp = lambda *rules, **named: op.vjps.update(zip(op.inputs, rules), **named)
    function.defjvp = lambda *rules, **named: op.jvps.update(zip(op.inputs, rules), **named)
    PRIMITIVES[op.name] = op
    return cast(PrimitiveFunction, function)


class _Name:
    """Prints as a bare name where ``inspect`` writes a default."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def node_name(function_name: str) -> str:
    """``log_softmax`` -> ``LogSoftmaxBackward0``."""
    return "".join(part.title() for part in function_name.strip("_").split("_")) + "Backward0"


def primitive(
    *, promotes: str = "no", name: str | None = None, outputs: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], PrimitiveFunction]:
    """Make a primitive of a function on arrays.

    Parameters before ``/`` (or behind ``*``) are its differentiable inputs, the others plain values. ``name`` is the
    node's, where it is not the function's in camel case.
    """

    def decorate(forward: Callable[..., Any]) -> PrimitiveFunction:
        op = Primitive(forward, promotes=promotes, name=name or node_name(forward.__name__), outputs=outputs)
        return build(op, record, forward.__doc__)

    return decorate
