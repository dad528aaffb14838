"""Does a process speak the protocol? Each rule is tried on a fresh one, and a broken rule says what to mend."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from refgrad.errors import RefgradError, Unsupported
from refgrad.harness.backend import validate
from refgrad.harness.compare import compare
from refgrad.harness.wire.client import METHODS, MODES, RUN
from refgrad.harness.wire.connection import Connection

__all__ = ["SCHEMA", "Rule", "check_protocol"]

SCHEMA = Path(__file__).with_name("schema.json")
BIG = 1_000_000  # elements
SAMPLES = {
    "a matrix": [[1.0, -2.5, 0.1], [3.0, 4.0, 5.0]],
    "nan and infinities": [math.nan, math.inf, -math.inf],
    "tiny and huge": [1e-45, 3.4028235e38, 1.17549435e-38],
}
FLOATS = ("float32", "float64")  # a library has one of these at least
SHAPES = {"a number": 1.5, "no element": np.zeros((0, 3))}  # which not every library has
OTHERS = {
    "float64": np.array([0.1, 1e300]), "float32": np.array([0.1, 1e30], np.float32),
    "int64": np.array([1, 2**53 + 1]), "bool": np.array([True, False]),
}  # fmt: skip

Told = dict[str, Any]
Try = Callable[[Connection, Told], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the protocol; ``wrong`` says what to mend, and is empty where the rule holds."""

    name: str
    wrong: str = ""


class Broken(RefgradError):
    """A rule does not hold."""


def check_protocol(command: str, *, timeout: float = 20.0) -> Iterator[Rule]:
    """Try the rules one by one; without a handshake the others are not tried."""
    connection: Connection | None = None
    for attempt in (greets, *RULES):
        connection = connection or Connection(shlex.split(command), timeout=timeout)
        rule = tried(attempt, connection)
        yield rule
        if rule.wrong:  # whatever state it is in, the next rule starts afresh
            connection.close(patience=0.2)
            connection = None
        if rule.wrong and attempt is greets:
            return


def tried(attempt: Try, connection: Connection) -> Rule:
    name = (attempt.__doc__ or "").rstrip(".")
    try:
        attempt(connection, connection.hello())
        quiet(connection)
    except RefgradError as error:
        return Rule(name, str(error))
    except Exception as error:  # what the other side raised, where nothing should have been
        return Rule(name, f"it answered with {type(error).__name__}: {error}")
    return Rule(name)


def quiet(connection: Connection) -> None:
    if connection.noise:
        raise Broken(f"standard output is for answers alone; send {connection.noise[0]!r} to standard error")


# -- the rules


def greets(connection: Connection, told: Told) -> None:
    """It answers hello with what it is and what it can."""
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    hello = Draft202012Validator({"$ref": "#/$defs/hello", "$defs": schema["$defs"]})
    for error in hello.iter_errors(told):
        raise Broken(f"hello: {error.json_path}: {error.message}")
    if unknown := set(told["methods"]) - METHODS - MODES - {RUN}:
        raise Broken(f"hello: the protocol has no methods {', '.join(sorted(unknown))}")
    methods = dict.fromkeys(("ops", *told["methods"]), callable)
    validate(SimpleNamespace(**{field: told[field] for field in ("name", "version", "homepage")}, **methods), "hello")


def lacks_an_op(connection: Connection, told: Told) -> None:
    """An op that it does not have is answered with the error NotImplementedError."""
    lacking(lambda: connection.ask("op", "no_such_op", 1))


def lacks_a_method(connection: Connection, told: Told) -> None:
    """A method that it does not have is answered with the error NotImplementedError."""
    lacking(lambda: connection.ask("no_such_method"))


def lacking(ask: Callable[[], Any]) -> None:
    try:
        found = ask()
    except Unsupported:
        return
    except Exception as error:  # the class of any other error is what to report
        if isinstance(error, RefgradError):
            raise
        raise Broken(f"it answered with {type(error).__name__}: {error}") from error
    raise Broken(f"it answered with the result {str(found)[:80]}")


def survives(connection: Connection, told: Told) -> None:
    """A line that is no request is answered with an error whose id is null, and the next is served."""
    for text in (b"{oops\n", b"[]\n", b"\n"):
        found = connection.raw(text)
        if "error" not in found or found.get("id") is not None:
            raise Broken(f'to the line {text.decode()!r} it answered {found}, not {{"id": null, "error": ...}}')
    connection.hello()


def refuses_a_stranger(connection: Connection, told: Told) -> None:
    """A handle that was never given is answered with an error."""
    refused(connection, 999_999, "it took the handle 999999, which it never gave")


def releases(connection: Connection, told: Told) -> None:
    """A handle in a request's release is forgotten."""
    number = connection.ask("asarray", np.ones(3, floats(connection)))["handle"]
    request = {"id": 0, "method": "hello", "args": [1], "release": [number]}
    connection.raw(json.dumps(request).encode() + b"\n")
    refused(connection, number, f"handle {number} was released and still has its value: memory will run out")


def refused(connection: Connection, number: int, otherwise: str) -> None:
    request = {"id": 1, "method": "to_numpy", "args": [{"handle": number}]}
    found = connection.raw(json.dumps(request).encode() + b"\n")
    if "error" not in found:
        raise Broken(otherwise)


def keeps_values(connection: Connection, told: Told) -> None:
    """A float32 or float64 array comes back as it went, nan and infinities included."""
    for name, values in SAMPLES.items():
        returns(connection, name, np.array(values, floats(connection)))


def keeps_others(connection: Connection, told: Told) -> None:
    """An array of another dtype, without dimensions or without elements comes back as it went, or is refused by an error."""
    shapes = {name: np.array(values, floats(connection)) for name, values in SHAPES.items()}
    for name, array in (OTHERS | shapes).items():
        if (held := accepted(connection, array)) is not None:
            same(name, array, connection.request("to_numpy", held))


def floats(connection: Connection) -> str:
    """The first dtype of floating point that the library takes."""
    for name in FLOATS:
        if accepted(connection, np.ones(2, name)) is not None:
            return name
    raise Broken("asarray takes neither float32 nor float64")


def accepted(connection: Connection, array: np.ndarray) -> Any:
    """The array on the other side, or None where it is refused by an error, of whatever class."""
    try:
        return connection.request("asarray", array)
    except Unsupported:
        return None
    except RefgradError:
        raise
    except Exception:
        return None


def carries_much(connection: Connection, told: Told) -> None:
    """An array of a million elements comes back as it went."""
    returns(connection, f"{BIG:,} elements", np.arange(BIG, dtype=floats(connection)))


def returns(connection: Connection, name: str, array: np.ndarray) -> None:
    same(name, array, connection.request("to_numpy", connection.request("asarray", array)))


def same(name: str, sent: np.ndarray, got: Any) -> None:
    if not isinstance(got, np.ndarray):
        raise Broken(f"{name}: to_numpy must answer an array (dtype, shape, and data or base64), not {str(got)[:80]}")
    if got.dtype != sent.dtype:
        raise Broken(f"{name}: went as {sent.dtype.name} and came back as {got.dtype.name}; refuse a dtype by an error")
    if (mismatch := compare(got, sent, exact=True)) is not None:
        raise Broken(f"{name}: {mismatch}")


def differentiates(connection: Connection, told: Told) -> None:
    """The gradient of x * x is 2 x, by backward and by vjp, as far as it declares them."""
    x, methods = np.array([1.0, 2.0, 3.0], floats(connection)), set(told["methods"])
    ones = connection.request("asarray", np.ones_like(x))
    if {"leaf", "backward", "grad_of"} <= methods:
        leaf = connection.request("leaf", x, requires_grad=True)
        connection.request("backward", square(connection, leaf), ones)
        slope(connection, "backward", connection.request("grad_of", leaf))
    if "vjp" in methods:
        primal = connection.request("asarray", x)
        _, (grad,) = connection.request("vjp", lambda raw: square(connection, raw), (primal,), ones)
        slope(connection, "vjp", grad)


def square(connection: Connection, x: Any) -> Any:
    return connection.request("op", "mul", x, x)


def slope(connection: Connection, name: str, grad: Any) -> None:
    same(name, np.array([2.0, 4.0, 6.0], floats(connection)), connection.request("to_numpy", grad))


def enters_and_leaves(connection: Connection, told: Told) -> None:
    """A gradient mode that it declares is entered and left."""
    for mode in sorted(MODES & set(told["methods"])):
        connection.ask("enter", mode)
        connection.ask("exit", mode)


def ends(connection: Connection, told: Told) -> None:
    """It ends by itself, with exit status 0, when its standard input does."""
    status = connection.close(patience=5.0)
    if status != 0:
        raise Broken("it goes on" if status is None else f"its exit status is {status}")


RULES: tuple[Try, ...] = (
    lacks_an_op, lacks_a_method, survives, refuses_a_stranger, releases, keeps_values, keeps_others, carries_much,
    differentiates, enters_and_leaves, ends,
)  # fmt: skip
