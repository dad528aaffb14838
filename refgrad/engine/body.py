"""The body of an ordinary op, written out for its inputs: ``recording`` without loops, which is what an op on small tensors
spends its time in. Behind the operator ``*`` stands one call of such a function.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.engine.graph import TensorBase, naming_tensor
from refgrad.engine.modes import modes
from refgrad.engine.plan import compile_text
from refgrad.engine.recording import Recorder, promoted, recovered

if TYPE_CHECKING:
    from refgrad.engine.primitive import Primitive

# Of tensors most are of the class itself, which is told faster than a subclass. `{key}` adds the input's digit to the key
# of the plan. The token of an array is its type, of a 0-d result its class: two that are the same need no promotion.
_READ = """\
    if {x}.__class__ is Tensor or isinstance({x}, TensorBase):
        if {x}._view is not None: {x}._view.refresh({x}, op)
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


@dataclass(frozen=True, slots=True)
class Shape:
    """All that the text of a body depends on: ops of one shape share one compiled text, with other names in it.

    ``inputs`` and ``params`` have placeholders for names, but for an op with a star, which passes its parameters on by name.
    """

    form: str  # function, general, operator or inplace
    inputs: tuple[str, ...]
    star: str
    params: tuple[str, ...]
    keyword_only: int  # so many of the last params
    promotes: bool
    laid_out: bool


def shape(op: Primitive, form: str) -> Shape:
    """The shape of a form of ``op``."""
    params = op.params if op.star else tuple(f"p{i}" for i in range(len(op.params)))
    return Shape(
        form=form,
        inputs=tuple(f"x{i}" for i in range(len(op.inputs))),
        star="xs" if op.star else "",
        params=params,
        keyword_only=sum(p.kind is p.KEYWORD_ONLY for p in op.declared.parameters.values()),
        promotes=op.promotes,
        laid_out=op.layout is not None,
    )


def function(op: Primitive, name: str, form: str, names: dict[str, Any]) -> Any:
    """A form of ``op`` as a function with the forward's parameters, inputs by keyword too."""
    code = compiled(shape(op, form))
    placed = (*op.inputs, *op.params, *(("out",) if form == "function" else ()), *((op.star,) if op.star else ()))
    code = code.replace(co_name=name, co_qualname=name, co_varnames=(*placed, *code.co_varnames[len(placed) :]))
    made = types.FunctionType(code, names, name, positional_defaults(op))
    made.__kwdefaults__ = keyword_defaults(op) | ({"out": None} if form == "function" else {})
    return made


@cache
def compiled(shape: Shape) -> types.CodeType:
    """The code of a body; tracebacks show its lines."""
    module = compile_text("body", f"def body({signature(shape)}):\n{_FORMS[shape.form](shape)}")
    return next(each for each in module.co_consts if isinstance(each, types.CodeType))


def _function(shape: Shape) -> str:
    out = _OUT.format(inputs=listed(shape.inputs), params=listed(shape.params))
    return f"{out}{_written_out(shape)}"


def _operator(shape: Shape) -> str:
    """What is neither a tensor nor a number is left to the other operand."""
    return _written_out(shape, guarded=True)


def _inplace(shape: Shape) -> str:
    return f"    return write(op, ({listed(shape.inputs)}), ({listed(shape.params)}))\n"


def _written_out(shape: Shape, *, guarded: bool = False) -> str:
    count = len(shape.inputs)
    arrays = [f"_a{i}" for i in range(count)]
    promoted_arrays = listed(f"_v{i}" for i in range(count)) if shape.promotes else listed(arrays)
    return "".join(_reading(shape, i, guarded) for i in range(count)) + _BODY.format(
        plain=3**count,
        arrays=listed(arrays),
        inputs=listed(shape.inputs),
        params=listed(shape.params),
        promoted=promoted_arrays,
        values=_promotion(arrays) if shape.promotes else "pass",
        laid_out=_LAYOUT.format(arrays=promoted_arrays) if shape.laid_out else "",
    )


def _reading(shape: Shape, i: int, guarded: bool) -> str:
    """The lines that read input ``i``, and its digit of the key: ``3 ** count`` and 2, 1 or 0 times a power of 3."""
    count, x = len(shape.inputs), shape.inputs[i]
    unit, start = 3 ** (count - 1 - i), 3**count if i == 0 else 0
    return _READ.format(
        x=x,
        i=i,
        key="_key +=" if i else "_key =",
        needed=start + 2 * unit,
        constant=start + unit,
        absent="pass" if i else f"_key = {start}",
        token=_TOKEN.format(i=i) if shape.promotes else "",
        other_token=f"        _d{i} = {x}.__class__\n" if shape.promotes else "",
        guard=_GUARD.format(x=x) if guarded and i else "",
    )


def _promotion(arrays: list[str]) -> str:
    """Skip ``promoted`` where all are floats of one type, or Python numbers beside a tensor of one: a few comparisons."""
    values = listed("_v" + a[2:] for a in arrays)
    same = "; ".join(f"_v{a[2:]} = {a}" for a in arrays)
    alike = "".join(f" and (_d{i} is _d0 or _d{i} is float or _d{i} is int)" for i in range(1, len(arrays)))
    test = f"(_d0 is scalar or _d0 is f32 or _d0 is f64){alike}"
    return f"if {test}: {same}\n    else: {values}= promoted(op, [{listed(arrays)}])"


def _general(shape: Shape) -> str:
    tests = [f"isinstance({x}, TensorBase)" for x in shape.inputs]
    if shape.star:
        tests.append(f"any(isinstance(x, TensorBase) for x in {shape.star})")
    return _GENERAL.format(
        any_tensor=" or ".join(tests),
        inputs=listed(shape.inputs) + (f"*{shape.star}, " if shape.star else ""),
        params=listed(shape.params),
        keywords=listed(f"{p}={p}" if shape.star else p for p in shape.params),
    )


_FORMS = {"function": _function, "general": _general, "operator": _operator, "inplace": _inplace}


def signature(shape: Shape) -> str:
    """The parameters of a body; their defaults are the function's."""
    plain = len(shape.params) - shape.keyword_only
    bar = f"*{shape.star}" if shape.star or shape.keyword_only or shape.form == "function" else ""
    only = [*shape.params[plain:], *(["out"] if shape.form == "function" else [])]
    before = [*shape.inputs, *shape.params[:plain]]
    return ", ".join([*before, *([bar] if bar else []), *only])


def positional_defaults(op: Primitive) -> tuple[Any, ...]:
    """The defaults of the parameters that may be given by position."""
    held = (p for p in op.declared.parameters.values() if p.kind not in (p.KEYWORD_ONLY, p.VAR_POSITIONAL))
    return tuple(p.default for p in held if p.default is not p.empty)


def keyword_defaults(op: Primitive) -> dict[str, Any]:
    """The defaults of the parameters that are given by keyword."""
    held = (p for p in op.declared.parameters.values() if p.kind is p.KEYWORD_ONLY)
    return {p.name: p.default for p in held if p.default is not p.empty}


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
    }
    return naming_tensor(names)


def write_out(op: Primitive, inputs: tuple[Any, ...], params: tuple[Any, ...], out: Any) -> Any:
    """Run ``op`` with its result put into ``out``."""
    from refgrad.engine import out as floors_above

    return floors_above.write_out(op, inputs, params, out)
