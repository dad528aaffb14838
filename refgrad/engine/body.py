"""The body of an ordinary op, written out for its inputs: ``recording`` without loops, which is what an op on small tensors
spends its time in. Behind the operator ``*`` stands one call of such a function.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.engine.graph import TensorBase, naming_tensor
from refgrad.engine.modes import modes
from refgrad.engine.recording import Recorder, promoted, recovered

if TYPE_CHECKING:
    from refgrad.engine.primitive import Primitive

# Of tensors most are of the class itself, which is told faster than a subclass. `{key}` adds the input's digit to the key
# of the plan. The token of an array is its type, of a 0-d result its class: two that are the same need no promotion.
_READ = """\
    if {x}.__class__ is Tensor or isinstance({x}, TensorBase):
        if {x}._view is not None: {x}._view.refresh({x})
        _a{i} = {x}._array
{token}\
        {key} {needed} if {x}._requires_grad else {constant}
    else:
{guard}\
        _a{i} = {x}
{other_token}\
        {absent}
"""
_TOKEN = """\
        _d{i} = _a{i}.__class__
        if _d{i} is not scalar: _d{i} = _a{i}.dtype
"""
_GUARD = """\
        if {x}.__class__ is not float and {x}.__class__ is not int:
            if not isinstance({x}, numbers): return NotImplemented
            if isinstance({x}, generic): {x} = {x}.item()
"""
_BODY = """\
    if _key == {plain}: return forward({arrays}{params})
    _here = modes.here
    _state = _here.state
    if _state > 1: return record(op, ({inputs}), ({params}))
    {values}
    try:
        _result = _here.quietly(forward, {promoted}{params})
    except Exception as _error:
        _result = recovered(op, [{arrays}], ({promoted}{params}), {{}}, _error)
{laid_out}    try: _make = makers[_key if _state else {plain}]
    except KeyError: _make = op.maker(_key if _state else {plain})
    return _make({inputs}{arrays}{params}_result)
"""
_LAYOUT = """\
    if _result.ndim > 1: _result = layout(_result, {arrays})
"""
_OUT = """\
    if out is not None: return write_out(op, ({inputs}), ({params}), out)
"""
_GENERAL = """\
    if {any_tensor}: return record(op, ({inputs}), ({params}))
    return forward({inputs}{keywords})
"""


def listed(names: Any) -> str:
    """``a, b, ``: a group of arguments in the text of a call."""
    return "".join(f"{name}, " for name in names)


def source(op: Primitive, *, written_out: bool) -> str:
    """The text of the public function of ``op``; ``written_out`` for all but a few."""
    shown = signature(op)
    if not written_out:
        return f"def {op.name}({shown}):\n{_general(op)}"
    shown += ", out=None" if "*" in shown else ", *, out=None"
    out = _OUT.format(inputs=listed(op.inputs), params=listed(op.params))
    return f"def {op.name}({shown}):\n{out}{_written_out(op)}"


def operator_source(op: Primitive) -> str:
    """The text of the method behind an operator: what is neither a tensor nor a number is left to the other operand."""
    return f"def {op.name}({signature(op)}):\n{_written_out(op, guarded=True)}"


def _written_out(op: Primitive, *, guarded: bool = False) -> str:
    count = len(op.inputs)
    arrays = [f"_a{i}" for i in range(count)]
    promoted_arrays = listed(f"_v{i}" for i in range(count)) if op.promotes else listed(arrays)
    return "".join(_reading(op, i, guarded) for i in range(count)) + _BODY.format(
        plain=3**count,
        arrays=listed(arrays),
        inputs=listed(op.inputs),
        params=listed(op.params),
        promoted=promoted_arrays,
        values=_promotion(arrays) if op.promotes else "pass",
        laid_out=_LAYOUT.format(arrays=promoted_arrays) if op.layout is not None else "",
    )


def _reading(op: Primitive, i: int, guarded: bool) -> str:
    """The lines that read input ``i``, and its digit of the key: ``3 ** count`` and 2, 1 or 0 times a power of 3."""
    count, x = len(op.inputs), op.inputs[i]
    unit, start = 3 ** (count - 1 - i), 3**count if i == 0 else 0
    return _READ.format(
        x=x,
        i=i,
        key="_key +=" if i else "_key =",
        needed=start + 2 * unit,
        constant=start + unit,
        absent="pass" if i else f"_key = {start}",
        token=_TOKEN.format(i=i) if op.promotes else "",
        other_token=f"        _d{i} = {x}.__class__\n" if op.promotes else "",
        guard=_GUARD.format(x=x) if guarded and i else "",
    )


def _promotion(arrays: list[str]) -> str:
    """Skip ``promoted`` where all are floats of one type, or Python numbers beside a tensor of one: a few comparisons."""
    values = listed("_v" + a[2:] for a in arrays)
    same = "; ".join(f"_v{a[2:]} = {a}" for a in arrays)
    alike = "".join(f" and (_d{i} is _d0 or _d{i} is float or _d{i} is int)" for i in range(1, len(arrays)))
    test = f"(_d0 is scalar or _d0 is f32 or _d0 is f64){alike}"
    return f"if {test}: {same}\n    else: {values}= promoted(op, [{listed(arrays)}])"


def _general(op: Primitive) -> str:
    star = f"*{op.star}, " if op.star else ""
    tests = [f"isinstance({x}, TensorBase)" for x in op.inputs]
    if op.star:
        tests.append(f"any(isinstance(x, TensorBase) for x in {op.star})")
    return _GENERAL.format(
        any_tensor=" or ".join(tests),
        inputs=listed(op.inputs) + star,
        params=listed(op.params),
        keywords=listed(f"{p}={p}" if op.star else p for p in op.params),
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


def namespace(op: Primitive, recorder: Recorder) -> dict[str, Any]:
    """What the text of a body refers to."""
    names = {
        "TensorBase": TensorBase,
        "record": recorder,
        "op": op,
        "forward": op.forward,
        "makers": op.makers,
        "layout": op.layout,
        "recovered": recovered,
        "promoted": promoted,
        "scalar": np.float32,
        "f32": np.dtype(np.float32),
        "f64": np.dtype(np.float64),
        "numbers": (bool, int, float, complex, np.generic),
        "generic": np.generic,
        "modes": modes,
        "write_out": write_out,
        **defaults(op),
    }
    return naming_tensor(names)


def write_out(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], out: Any) -> Any:
    """Run ``op`` with its result put into ``out``."""
    from refgrad.engine import out as floors_above

    return floors_above.write_out(op, inputs, params, out)


class _Name:
    """Prints as a bare name where ``inspect`` writes a default."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name
