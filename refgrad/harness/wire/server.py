"""The other end of the wire, for a backend in Python: ``python -m refgrad.harness.wire serve SPEC``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from refgrad.errors import ProtocolError, Unsupported
from refgrad.harness.adapters.facade import OPERATORS, fits
from refgrad.harness.adapters.namespace import completed
from refgrad.harness.adapters.precision import widest
from refgrad.harness.backend import capabilities, identity
from refgrad.harness.wire.client import METHODS, MODES, RUN
from refgrad.harness.wire.connection import RemoteError
from refgrad.harness.wire.values import PROTOCOL, decode, encode, line, message

__all__ = ["Server"]

PLAIN = frozenset({"requires_grad", "is_leaf", "is_grad_enabled"})  # these answer a value, not a tensor


class Server:
    """Answers the requests of ``source`` on ``sink`` until there are no more.

    ``expectations`` is the file with the gaps that are declared of the backend.
    """

    def __init__(self, backend: Any, source: BinaryIO, sink: BinaryIO, *, expectations: Path | None = None) -> None:
        self._told = {} if expectations is None else {"expectations": str(expectations)}
        self.home, self.backend, self._source, self._sink = backend, completed(backend), source, sink
        operators = {name: op for name, op in OPERATORS.items() if name != "abs"}
        self._ops: dict[str, Callable[..., Any]] = operators | dict(self.backend.ops())
        self._inplace = dict(self.backend.inplace()) if hasattr(self.backend, "inplace") else {}
        self._handles = dict[int, Any]()
        self._entered = list[contextlib.AbstractContextManager[Any]]()
        self._made = self._calls = 0

    def serve(self) -> None:
        """Answer line after line."""
        for text in self._source:
            self._send(self._reply(message(text)))

    def _reply(self, request: dict[str, Any] | None) -> dict[str, Any]:
        id = None if request is None else request.get("id")
        try:
            if request is None or not isinstance(request.get("method"), str):
                raise ProtocolError("not a request: a line holds one JSON object with an id, a method and its args")
            return {"id": id, "result": self._perform(request)}
        except Exception as error:  # whatever a library raises is an answer
            return {"id": id, "error": {"class": type(error).__name__, "message": str(error)}}

    def _perform(self, request: dict[str, Any]) -> Any:
        for number in request.get("release", ()):
            self._handles.pop(number, None)
        method, args = request["method"], decode(request.get("args", []), self._lookup)
        kwargs = {name: decode(each, self._lookup) for name, each in request.get("kwargs", {}).items()}
        own = getattr(self, f"_{method}_", None)
        if own is not None:
            return own(*args, **kwargs)
        if method not in METHODS or not callable(getattr(self.backend, method, None)):
            raise NotImplementedError(f"no method {method!r}")
        return self._encode(getattr(self.backend, method)(*args, **kwargs), plain=method in PLAIN)

    # -- the methods of the protocol itself

    def _hello_(self, protocol: int) -> dict[str, Any]:
        if protocol != PROTOCOL:
            raise ProtocolError(f"asked for protocol {protocol}, this side speaks {PROTOCOL}")
        who, able = identity(self.backend), capabilities(self.backend)
        methods = [name for name in (*METHODS, *MODES) if callable(getattr(self.backend, name, None))]
        flags = ["nested"] if getattr(self.backend, "nested", False) else []
        return {
            "protocol": PROTOCOL, "name": who.name, "version": who.version, "homepage": who.homepage, "base64": True,
            "methods": sorted([*methods, RUN]), "ops": sorted(self._ops), "inplace": sorted(self._inplace),
            "flags": flags + sorted(able & {"retain_graph", "create_graph"}), "widest": widest(self.backend), **self._told,
        }  # fmt: skip

    def _op_(self, name: str, *args: Any, **kwargs: Any) -> Any:
        op = self._ops.get(name)
        if op is None or not fits(op, len(args), tuple(kwargs)):
            raise Unsupported(f"{name}({', '.join(kwargs)})" if op is not None else name)
        return self._encode(op(*args, **kwargs))

    def _inplace_(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if name not in self._inplace:
            raise Unsupported(name)
        return self._encode(self._inplace[name](*args, **kwargs))

    def _enter_(self, mode: str) -> None:
        if mode not in MODES or not hasattr(self.backend, mode):
            raise Unsupported(mode)
        context = getattr(self.backend, mode)()
        context.__enter__()
        self._entered.append(context)

    def _exit_(self, mode: str) -> None:
        self._entered.pop().__exit__(None, None, None)

    def _remove_(self, hook: Any) -> None:
        hook.remove()

    def _run_program_(self, text: str, watch: bool) -> Any:
        """Run a whole program here, where nothing of the backend is lost on the way, and answer its trace."""
        from refgrad.harness.program import interpret, loads

        steps = interpret(loads(text), self.home, watch=watch)
        return encode([step._replace(seen=[*step.seen.items()]) for step in steps], self._keep, binary=True)  # type: ignore[arg-type]

    def _to_numpy_(self, value: Any) -> Any:
        return encode(np.asarray(self.backend.to_numpy(value)), self._keep, binary=True)

    # -- values

    def _encode(self, value: Any, *, plain: bool = False) -> Any:
        """A result as JSON: the library's own values stay on this side, even those that JSON could hold."""
        if value is None or isinstance(value, bool | str):
            return bool(value) if plain else value
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"fields": {name: self._encode(each) for name, each in zip(value._fields, value)}}
        if isinstance(value, list | tuple):
            return [self._encode(each) for each in value]
        return bool(value) if plain else self._keep(value)

    def _keep(self, value: Any) -> dict[str, Any]:
        self._made += 1
        self._handles[self._made] = value
        return {"handle": self._made} | told(value)

    def _lookup(self, kind: str, named: dict[str, Any]) -> Any:
        number = named[kind]
        if kind == "function":
            return lambda *args: self._call(number, args)
        if number not in self._handles:
            raise ProtocolError(f"no handle {number}: it was released, or never given")
        return self._handles[number]

    def _call(self, function: int, args: tuple[Any, ...]) -> Any:
        """Call a function of the other side, and answer what it asks in the meantime."""
        self._calls += 1
        self._send({"id": self._calls, "call": function, "args": [self._encode(each) for each in args]})
        for text in self._source:
            found = message(text)
            if found is None or "method" in found:
                self._send(self._reply(found))
            elif "error" in found:
                raise type(str(found["error"].get("class")), (RemoteError,), {})(found["error"].get("message", ""))
            else:
                return decode(found.get("result"), self._lookup)
        raise EOFError("the other side left in the middle of a call")

    def _send(self, reply: dict[str, Any]) -> None:
        self._sink.write(line(reply))
        self._sink.flush()


def told(value: Any) -> dict[str, Any]:
    """The shape and the dtype of a value, where it has them in NumPy's words: they save the other side a question."""
    try:
        dtype = np.dtype(str(value.dtype).rpartition(".")[2])
        return {"shape": [int(n) for n in value.shape], "dtype": dtype.name}
    except (AttributeError, TypeError, ValueError):
        return {}
