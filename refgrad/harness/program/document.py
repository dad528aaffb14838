"""Programs as JSON: written compactly, read with suspicion (schema, bounds, names), and never run to be read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from keyword import iskeyword
from pathlib import Path
from typing import Any

from refgrad.errors import InvalidProgram, RefgradError
from refgrad.harness.program import ir
from refgrad.harness.program.grammar import check_op
from refgrad.harness.program.ir import Program, Ref, Slice, Statement

__all__ = ["FORMAT", "MAX_BYTES", "MAX_ELEMENTS", "MAX_STATEMENTS", "dumps", "loads", "read", "schema", "write"]

FORMAT = 1
MAX_BYTES = 1 << 20
MAX_STATEMENTS = 200
MAX_ELEMENTS = 4096  # of one leaf
MAX_DEPTH = 24  # of the JSON text

KINDS: dict[str, type] = {
    "leaf": ir.Leaf,
    "op": ir.Op,
    "inplace": ir.InPlace,
    "requires_grad_": ir.RequiresGrad,
    "retain_grad": ir.RetainGrad,
    "hook": ir.Hook,
    "backward": ir.Backward,
    "grad": ir.Grad,
    "take_grad": ir.TakeGrad,
    "zero_grad": ir.ZeroGrad,
    "read": ir.Read,
    "block": ir.Block,
}
WORDS = {kind: word for word, kind in KINDS.items()}
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def dumps(program: Program) -> str:
    """``program`` as one line of JSON; equal programs give equal text."""
    seed = {} if program.seed is None else {"seed": program.seed}
    whole = {"refgrad_program": FORMAT, **seed, "statements": [_encode(each) for each in program.statements]}
    return json.dumps(whole, allow_nan=False, separators=(",", ":"))


def loads(text: str | bytes, *, source: str = "program") -> Program:
    """The program that ``text`` describes.

    Errors: ``InvalidProgram``, in one line that names ``source`` and the place, for whatever is no sound program.
    """
    data = _parse(text, source)
    _validate(data, source)
    program = Program(tuple(_decode(each) for each in data["statements"]), data.get("seed"))
    _check(program, source)
    return program


def read(path: Path) -> Program:
    """The program in a file.

    Errors: ``InvalidProgram``; ``OSError`` where the file cannot be read.
    """
    with path.open("rb") as file:
        return loads(file.read(MAX_BYTES + 1), source=str(path))


def write(program: Program, path: Path) -> None:
    """Write ``program`` to a file."""
    path.write_text(dumps(program) + "\n", encoding="utf-8")


@cache
def schema() -> dict[str, Any]:
    """The published JSON Schema of a program."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return found


# writing


def _encode(statement: Statement) -> dict[str, Any]:
    said = {each.name: getattr(statement, each.name) for each in fields(statement)}
    default = {each.name: each.default for each in fields(statement)}
    plain = {key: _plain(key, value) for key, value in said.items() if key not in default or value != default[key]}
    return {"do": WORDS[type(statement)], **plain}


def _plain(key: str, value: Any) -> Any:
    if key == "body":
        return [_encode(each) for each in value]
    if key == "params":
        return {name: _argument(each) for name, each in value}
    if key == "values":
        return [_number(each) for each in value]
    return _argument(value)


def _argument(value: Any) -> Any:
    match value:
        case Ref(name=name):
            return {"tensor": name}
        case Slice(start=start, stop=stop, step=step):
            return {"slice": [start, stop, step]}
        case tuple():
            return [_argument(each) for each in value]
        case float() if not math.isfinite(value):
            return {"float": _number(value)}
    return value


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


# reading


def _parse(text: str | bytes, source: str) -> Any:
    if len(text) > MAX_BYTES:
        raise InvalidProgram(f"{source}: larger than {MAX_BYTES:,} bytes")
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        if _depth(text) > MAX_DEPTH:
            raise InvalidProgram(f"{source}: nested deeper than {MAX_DEPTH}")
        return json.loads(text, parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise InvalidProgram(f"{source}: no JSON: {error}") from error


def _depth(text: str) -> int:
    """An upper bound of the nesting, brackets in strings counted too."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            deepest = max(deepest, depth := depth + 1)
        elif character in "]}":
            depth -= 1
    return deepest


def _refuse(constant: str) -> Any:
    raise ValueError(f'{constant} is written "{constant.lower().replace("infinity", "inf")}"')


def _integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key is given twice among {', '.join(key for key, _ in pairs)}")
    return found


def _validate(data: Any, source: str) -> None:
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match
    except ImportError as error:
        raise RefgradError("reading a program needs jsonschema; mend it with: pip install 'refgrad[fuzz]'") from error
    worst = best_match(Draft202012Validator(schema()).iter_errors(data))
    if worst is not None:
        message = worst.message if len(worst.message) <= 200 else worst.message[:197] + "..."
        raise InvalidProgram(f"{source}: {worst.json_path}: {message}")


def _decode(data: dict[str, Any]) -> Statement:
    kind = KINDS[data["do"]]
    given = {key: _value(key, value) for key, value in data.items() if key != "do"}
    return kind(**given)  # type: ignore[no-any-return]


def _value(key: str, value: Any) -> Any:
    if key == "body":
        return tuple(_decode(each) for each in value)
    if key == "params":
        return tuple((name, _meant(each)) for name, each in value.items())
    if key == "shape":
        return tuple(map(int, value))  # to JSON 2.0 is a whole number too
    if key == "values":
        return tuple(SPECIAL[each] if isinstance(each, str) else each for each in value)
    return _meant(value)


def _meant(value: Any) -> Any:
    match value:
        case {"tensor": name}:
            return Ref(name)
        case {"slice": [start, stop, step]}:
            return Slice(start, stop, step)
        case {"float": name}:
            return SPECIAL[name]
        case list():
            return tuple(_meant(each) for each in value)
    return value


# what a schema cannot say


def _check(program: Program, source: str) -> None:
    if len(program) > MAX_STATEMENTS:
        raise InvalidProgram(f"{source}: {len(program)} statements, more than {MAX_STATEMENTS}")
    known: set[str] = set()
    for number, statement in enumerate(program.walk()):
        for check in CHECKS:
            if (wrong := check(statement, known)) is not None:
                raise InvalidProgram(f"{source}: statement {number}: {wrong}")
        known.update(ir.made(statement))


def _check_names(statement: Statement, known: set[str]) -> str | None:
    odd = [name for name in ir.made(statement) if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or iskeyword(name)]
    if odd:
        return f"{odd[0]!r} is no name for a tensor"
    lost = [name for name in ir.used(statement) if name not in known]
    if lost:
        return f"no tensor {lost[0]!r} has been made before it"
    again = [name for name in ir.made(statement) if name in known]
    return f"the name {again[0]!r} is taken" if again else None


def _check_leaf(statement: Statement, known: set[str]) -> str | None:
    if not isinstance(statement, ir.Leaf):
        return None
    size = math.prod(statement.shape)
    if size > MAX_ELEMENTS:
        return f"{size:,} elements, more than {MAX_ELEMENTS:,}"
    if size != len(statement.values):
        return f"shape {list(statement.shape)} holds {size} values, not {len(statement.values)}"
    if statement.dtype == "int64" and not all(type(each) is int and abs(each) < 1 << 63 for each in statement.values):
        return "int64 holds whole numbers below 2 ** 63"
    return None


def _check_op(statement: Statement, known: set[str]) -> str | None:
    return check_op(statement.op) if isinstance(statement, ir.Op | ir.InPlace) else None


def _check_grad(statement: Statement, known: set[str]) -> str | None:
    if isinstance(statement, ir.Grad) and len(statement.names) != len(statement.inputs):
        return f"{len(statement.names)} names for {len(statement.inputs)} inputs"
    return None


CHECKS: tuple[Callable[[Statement, set[str]], str | None], ...] = (
    _check_names,
    _check_leaf,
    _check_op,
    _check_grad,
)
