"""Primitives: NumPy functions that know their own derivative.

A primitive called on arrays runs NumPy and nothing else; called on tensors it records the call. A rule is written in
primitives, so the same rule serves an ordinary backward (arrays in, arrays out) and ``create_graph=True`` (tensors in,
tensors out).

A rule names what it needs, and so decides what is saved: ``grad``, an input, a parameter, ``result`` (or one of
``outputs``), ``<input>_shape``, ``<input>_dtype``, or ``needs`` (which inputs want a gradient).
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.graph import Node, SavedResult, TensorBase, _tensor_type, set_tensor_type, wrap
from refgrad.engine.modes import error_state, modes, quiet
from refgrad.engine.plan import ABSENT, CONSTANT, NEEDED, Plan, Rule, compile_function, show_saved

Recorder = Callable[["Primitive", tuple[Any, ...], tuple[Any, ...]], Any]

PRIMITIVES: dict[str, Primitive] = {}
_SET, _RESET = error_state.set, error_state.reset


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
        self, forward: Callable[..., Any], *, promotes: str, name: str, outputs: tuple[str, ...], direct: Any = None
    ) -> None:
        self.forward = positional(forward)
        self.name = forward.__name__
        self.promotes = promotes != "no"
        self.to_float = promotes == "float"
        self.direct = direct
        self.outputs = outputs
        self.declared = inspect.signature(forward)
        parameters = list(self.declared.parameters.values())
        self.inputs = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_ONLY)
        self.star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.params = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        self.vjps: dict[str, Rule] = {}
        self.jvps: dict[str, Rule] = {}
        self.check: Callable[[list[Any]], None] | None = None  # refuses types, before they are promoted
        self.plans: dict[int, Plan] = {}
        self.node_class: type[Node] = type(name, (Node,), {"__slots__": ()})

    def input_name(self, position: int) -> str | None:
        """The name of the input at ``position``; those behind the star share one."""
        return self.inputs[position] if position < len(self.inputs) else self.star

    def rules_for(self, kinds: tuple[int, ...]) -> Iterator[tuple[int, Rule, str]]:
        """Position, rule and star (for a group) of each input that wants a gradient."""
        for position, kind in enumerate(kinds):
            name = self.input_name(position)
            if kind == NEEDED and name in self.vjps and name != self.star:
                yield position, self.vjps[name], ""
        if self.star in self.vjps and NEEDED in kinds[len(self.inputs) :]:
            yield len(self.inputs), self.vjps[self.star], "*"

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


# before the forward: types ------------------------------------------------------------------------------------------


def promoted(op: Primitive, arrays: list[Any]) -> list[Any]:
    """``arrays`` in their common type, where NumPy's promotion could differ from PyTorch's.

    Python numbers become NumPy scalars of that type, so that NumPy has nothing left to decide.
    """
    if not mixed(arrays):
        return arrays
    if op.check is not None:
        op.check(arrays)
    kind = dtypes.result_type(a for a in arrays if a is not None)
    if op.to_float and kind.category < dtypes.FLOATING:
        kind = dtypes.get_default_dtype()
    target = kind.numpy
    return [
        a if a is None else a.astype(target, copy=False) if hasattr(a, "astype") else _scalar(a, target) for a in arrays
    ]


def _scalar(value: Any, target: Any) -> Any:
    """A Python number in a type, wrapping around as C does."""
    if target.kind in "iu" and not isinstance(value, bool):
        return np.array(int(value) & (2 ** (8 * target.itemsize) - 1), f"u{target.itemsize}").view(target)[()]
    return target.type(value)


def mixed(arrays: list[Any]) -> bool:
    """Whether ``arrays`` are anything but floats of one type, and Python's real numbers beside them."""
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


def explain(op: Primitive, arrays: list[Any]) -> None:
    """Say in PyTorch's words that shapes do not broadcast, if that is what was wrong."""
    if op.promotes:
        shape: tuple[int, ...] = ()
        for a in arrays:
            shape = dims.broadcast(shape, np.shape(a))


# recording, in general ----------------------------------------------------------------------------------------------


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
            key = 3 * key + ABSENT
    return arrays, key


def run_forward(op: Primitive, arrays: list[Any], params: tuple[Any, ...]) -> Any:
    """Run the forward with NumPy's warnings off: PyTorch divides by zero in silence."""
    values = promoted(op, arrays) if op.promotes else arrays
    token = _SET(quiet)
    try:
        return op.forward(*values, *params) if op.star is None else op.forward(*values, **dict(zip(op.params, params)))
    except ValueError:
        explain(op, arrays)
        raise
    finally:
        _RESET(token)


def save_result(tensor: Any, nr: int = 0) -> SavedResult:
    """Keep ``tensor``'s value for its own node."""
    if tensor._counter is None:
        tensor._counter = [0]
    return SavedResult(tensor._array, tensor._counter, nr)


def record(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """Run ``op`` on tensors through the layers that are on, and note the call where a gradient is wanted."""
    return through_layers(record_plain, op, inputs, params) if modes.layers else record_plain(op, inputs, params)


def through_layers(
    plain: Recorder, op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], *, inplace: bool = False
) -> Any:
    """Let the layers that are on run ``op``, innermost first; each runs what is below with itself off."""
    *below, top = layers = modes.layers

    def rest(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
        modes.set_layers(tuple(below))
        try:
            return through_layers(plain, op, inputs, params, inplace=inplace) if below else plain(op, inputs, params)
        finally:
            modes.set_layers(layers)

    return top.record(op, inputs, params, rest, inplace)


def record_plain(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...]) -> Any:
    """As ``record``, below all layers."""
    arrays, key = read(inputs)
    result = run_forward(op, arrays, params)
    tensors = tuple(map(wrap, result)) if op.outputs else (wrap(result),)
    plan = op.plan(key)
    if plan.records and modes.grad_enabled:
        connect(plan, inputs, arrays, params, tensors)
    return tensors if op.outputs else tensors[0]


def connect(
    plan: Plan, inputs: tuple[Any, ...], arrays: list[Any], params: tuple[Any, ...], tensors: tuple[Any, ...]
) -> None:
    """Make ``tensors`` the outputs of a new node; those of a floating type carry gradients."""
    floating = [i for i, t in enumerate(tensors) if t._array.dtype.kind not in "biu"]
    if not floating:
        return
    saved = (
        tuple(save_result(t, i) if i in floating else t for i, t in enumerate(tensors)) if plan.saves_results else None
    )
    first = tensors[floating[0]]._array
    node = plan.attach(inputs, arrays, params, saved, first.shape, first.dtype)
    if len(floating) > 1:
        node.outputs = tuple((t._array.shape, t._array.dtype) for t in tensors)
    for i in floating:
        tensors[i]._grad_fn, tensors[i]._output_nr, tensors[i]._requires_grad = node, i, True


# recording, written out ---------------------------------------------------------------------------------------------


class PrimitiveFunction(Protocol):
    """What ``@primitive`` makes: the function itself, with its rules attached."""

    op: Primitive
    __name__: str
    __doc__: str | None

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def defvjp(self, *rules: Rule, **named: Rule) -> None: ...
    def defjvp(self, *rules: Rule | None, **named: Rule) -> None: ...


# The body that every ordinary op gets, written out for its inputs: `record` without loops, which is what an op on small
# tensors spends its time in. Behind the operator `*` stands one call of such a function.
_READ = """\
    if isinstance({x}, TensorBase):
        if {x}._view is not None: {x}._view.refresh({x})
        _a{i} = {x}._array
        _d{i} = _a{i}.dtype
        {key} + (2 if {x}._requires_grad else 1)
    else:
{guard}\
        _a{i} = {x}
        _d{i} = None
        {key}
"""
_GUARD = """\
        if {x}.__class__ is not float and {x}.__class__ is not int:
            if not isinstance({x}, numbers): return NotImplemented
            if isinstance({x}, generic): {x} = {x}.item()
"""
_BODY = """\
    if _key == {plain}: return forward({arrays}{params})
    _state = modes.state
    if _state > 1: return record(op, ({inputs}), ({params}))
    {values}
    _token = set_errors(quiet)
    try:
        _result = forward({promoted}{params})
    except ValueError:
        explain(op, [{arrays}])
        raise
    finally:
        reset_errors(_token)
    _out = new_tensor(tensor_type[0])
    _out._array = _result
    _out._output_nr = 0
    _out._view = _out._grad = _out._accumulate = _out._hooks = _out._counter = None
    if _state:
        try: _plan = plans[_key]
        except KeyError: _plan = op.plan(_key)
        if _plan.records:
            _saved = (save_result(_out),) if _plan.saves_results else None
            _out._grad_fn = _plan.make_node({inputs}{arrays}{params}_saved, _result.shape, _result.dtype)
            _out._requires_grad = True
            return _out
    _out._grad_fn = None
    _out._requires_grad = False
    return _out
"""
_OUT = """\
    if out is not None: return write_out(op, ({inputs}), ({params}), out)
"""
_GENERAL = """\
    if {any_tensor}: return record(op, ({inputs}), ({params}))
    return forward({inputs}{keywords})
"""


def build(op: Primitive, recorder: Callable[..., Any], doc: str | None) -> PrimitiveFunction:
    """The public function of a primitive, with the forward's own signature."""
    written_out = recorder is record and op.star is None and not op.outputs
    shown = signature(op)
    if written_out:
        shown += ", out=None" if "*" in shown else ", *, out=None"
    body = _OUT.format(**_names(op)) + _written_out(op) if written_out else _general(op)
    function: Any = compile_function(op.name, f"def {op.name}({shown}):\n{body}", _namespace(op, recorder))
    function.__doc__, function.__module__, function.__qualname__ = doc, op.forward.__module__, op.name
    function.op = op
    function.defvjp = lambda *rules, **named: op.vjps.update(zip(op.inputs, rules), **named)
    function.defjvp = lambda *rules, **named: op.jvps.update(zip(op.inputs, rules), **named)
    PRIMITIVES[op.name] = op
    return cast(PrimitiveFunction, function)


def _names(op: Primitive) -> dict[str, str]:
    return {"inputs": "".join(x + ", " for x in op.inputs), "params": "".join(p + ", " for p in op.params)}


def write_out(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], out: Any) -> Any:
    """Run ``op`` with its result put into ``out``."""
    from refgrad.engine import out as floors_above

    return floors_above.write_out(op, inputs, params, out)


def operator(function: PrimitiveFunction) -> Callable[..., Any]:
    """The method behind an operator: what is neither a tensor nor a number is left to the other operand."""
    op = function.op
    source = f"def {op.name}({signature(op)}):\n{_written_out(op, guarded=True)}"
    return compile_function(op.name, source, _namespace(op, record))


def _written_out(op: Primitive, *, guarded: bool = False) -> str:
    arrays = [f"_a{i}" for i in range(len(op.inputs))]
    reads = [
        _READ.format(
            x=x, i=i, key="_key = 3 * _key" if i else "_key = 3", guard=_GUARD.format(x=x) if guarded and i else ""
        )
        for i, x in enumerate(op.inputs)
    ]
    return "".join(reads) + _BODY.format(
        plain=3 ** len(arrays),
        arrays="".join(a + ", " for a in arrays),
        inputs="".join(x + ", " for x in op.inputs),
        params="".join(p + ", " for p in op.params),
        promoted="".join(("_v" + a[2:] if op.promotes else a) + ", " for a in arrays),
        values=_promotion(arrays) if op.promotes else "pass",
    )


def _promotion(arrays: list[str]) -> str:
    """Skip ``promoted`` where all are floats of one type, or Python floats beside a tensor of one: a few comparisons."""
    values = "".join("_v" + a[2:] + ", " for a in arrays)
    alike = "".join(f" and (_d{i} is _d0 or _a{i}.__class__ is float)" for i in range(1, len(arrays)))
    test = f"(_d0 is f32 or _d0 is f64){alike}"
    return f"{values}= ({''.join(a + ', ' for a in arrays)}) if {test} else promoted(op, [{''.join(a + ', ' for a in arrays)}])"


def _general(op: Primitive) -> str:
    star = f"*{op.star}, " if op.star else ""
    tests = [f"isinstance({x}, TensorBase)" for x in op.inputs]
    if op.star:
        tests.append(f"any(isinstance(x, TensorBase) for x in {op.star})")
    return _GENERAL.format(
        any_tensor=" or ".join(tests),
        inputs="".join(x + ", " for x in op.inputs) + star,
        params="".join(p + ", " for p in op.params),
        keywords="".join(f"{p}={p}, " if op.star else f"{p}, " for p in op.params),
    )


def signature(op: Primitive) -> str:
    """The forward's parameters, inputs by keyword too, defaults by name."""
    shown = []
    for p in op.declared.parameters.values():
        kind = p.POSITIONAL_OR_KEYWORD if p.kind is p.POSITIONAL_ONLY else p.kind
        default = p.empty if p.default is p.empty else _Name(f"default_{p.name}")
        shown.append(p.replace(annotation=p.empty, kind=kind, default=default))
    return str(inspect.Signature(shown))[1:-1]


def defaults(op: Primitive) -> dict[str, Any]:
    """The values behind the names that ``signature`` gives to defaults."""
    return {f"default_{p.name}": p.default for p in op.declared.parameters.values() if p.default is not p.empty}


def _namespace(op: Primitive, recorder: Callable[..., Any]) -> dict[str, Any]:
    return {
        "TensorBase": TensorBase,
        "record": recorder,
        "op": op,
        "forward": op.forward,
        "plans": op.plans,
        "quiet": quiet,
        "set_errors": _SET,
        "reset_errors": _RESET,
        "explain": explain,
        "promoted": promoted,
        "f32": np.dtype(np.float32),
        "f64": np.dtype(np.float64),
        "numbers": (bool, int, float, complex, np.generic),
        "generic": np.generic,
        "modes": modes,
        "save_result": save_result,
        "write_out": write_out,
        "new_tensor": object.__new__,
        "tensor_type": _tensor_type,
        **defaults(op),
    }


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
    *, promotes: str = "no", name: str | None = None, outputs: tuple[str, ...] = (), direct: Any = None
) -> Callable[[Callable[..., Any]], PrimitiveFunction]:
    """Make a primitive of a function on arrays.

    Parameters before ``/`` (or behind ``*``) are its differentiable inputs, the others plain values. ``name`` is the
    node's, where it is not the function's in camel case; ``direct`` does the same in place, on arrays of
    one type that need no check.
    """

    def decorate(forward: Callable[..., Any]) -> PrimitiveFunction:
        op = Primitive(
            forward, promotes=promotes, name=name or node_name(forward.__name__), outputs=outputs, direct=direct
        )
        return build(op, record, forward.__doc__)

    return decorate


__all__ = ["CONSTANT", "NEEDED", "PRIMITIVES", "Primitive", "PrimitiveFunction", "primitive", "set_tensor_type", "wrap"]
