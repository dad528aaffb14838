"""The backend at the other end of the wire: it has the methods that the other side declares."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.errors import BackendUnavailable
from refgrad.harness.wire.connection import Connection

if TYPE_CHECKING:
    from refgrad.harness.program import Program, Trace

__all__ = ["METHODS", "MODES", "RUN", "WireBackend"]

METHODS = frozenset(
    """asarray to_numpy vjp jvp leaf backward grad_of set_grad_of zero_grad_of grad requires_grad requires_grad_ is_leaf
 grad_fn detach retain_grad register_hook set_grad_enabled is_grad_enabled""".split()
)  # of ``refgrad.harness.backend``, each called over the wire as it is called here
MODES = frozenset({"no_grad", "enable_grad"})  # entered and left
REMOVE = "remove"  # what ``register_hook`` answered
RUN = "run_program"  # of refgrad's own server: a whole program at once
INDEXED = frozenset({"getitem", "__setitem__"})


class Registered:
    """A hook on the other side, which ``remove`` takes away."""

    def __init__(self, remove: Callable[[], Any]) -> None:
        self.remove = remove


class WireBackend:
    """A backend that lives in the process started by ``command``; where that dies, the next request starts another.

    Errors: ``BackendUnavailable`` where the process does not get as far as its first answer, ``ProtocolError`` where
    that answer is no identity.
    """

    def __init__(self, command: str, *, timeout: float = 60.0) -> None:
        self._command, self._timeout = shlex.split(command), timeout
        if not self._command:
            raise BackendUnavailable("exec: needs a command, as exec:node server.js")
        self._connection, told = self._connect()
        self.name, self.version, self.homepage = (str(told.get(key, "")) for key in ("name", "version", "homepage"))
        if "expectations" in told:
            self.expectations = str(told["expectations"])  # a path, of the same machine
        self._methods = frozenset(told.get("methods", ()))
        self._tables = {kind: tuple(told.get(kind, ())) for kind in ("ops", "inplace")}
        self._flags = tuple(told.get("flags", ()))
        self.nested = "nested" in self._flags
        self.widest = str(told.get("widest", "float64"))

    def __getattr__(self, name: str) -> Any:
        methods = self.__dict__.get("_methods", ())
        if name in methods and name in MODES:
            return lambda: self._mode(name)
        if name in methods and name == RUN:
            return self._run
        if name == "inplace" and self._tables["inplace"]:
            return lambda: self._table("inplace")
        if name not in methods or name not in METHODS:
            raise AttributeError(f"{self.__dict__.get('name', 'the backend')} has no {name}")
        return self._register_hook if name == "register_hook" else self._method(name)

    def ops(self) -> dict[str, Callable[..., Any]]:
        """The ops that the other side declares."""
        return dict(self._table("op"))

    def request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Ask the other side; one that died is started anew, with nothing of what it held."""
        if not self._connection.alive:
            self.close()
            self._connection, _ = self._connect()
        return self._connection.request(method, *args, **kwargs)

    def close(self) -> None:
        """End the process."""
        self._connection.close()

    def _run(self, program: Program, *, watch: bool = True) -> Trace:
        from refgrad.harness.program.document import dumps

        return trace_from(self.request(RUN, dumps(program), watch))

    def _connect(self) -> tuple[Connection, dict[str, Any]]:
        connection = Connection(self._command, timeout=self._timeout)
        return connection, connection.hello()

    def _register_hook(self, tensor: Any, hook: Callable[[Any], Any]) -> Registered:
        found = self.request("register_hook", tensor, hook)
        return Registered(lambda: self.request(REMOVE, found))

    def _method(self, name: str) -> Callable[..., Any]:
        def method(*args: Any, **kwargs: Any) -> Any:
            return self.request(name, *args, **kwargs)

        if name == "backward":  # it takes the flags that were declared, and no others
            keywords = [inspect.Parameter(flag, inspect.Parameter.KEYWORD_ONLY, default=None) for flag in self._flags]
            positional = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_ONLY) for each in ("tensor", "gradient")]
            method.__signature__ = inspect.Signature([*positional, *keywords])  # type: ignore[attr-defined]
        return method

    def _table(self, kind: str) -> dict[str, Callable[..., Any]]:
        names = self._tables["ops" if kind == "op" else kind]
        return {name: self._entry(kind, name) for name in names}

    def _entry(self, kind: str, name: str) -> Callable[..., Any]:
        if name in INDEXED:
            return lambda target, index, *args: self.request(kind, name, target, sent_index(index), *args)
        return lambda *args, **kwargs: self.request(kind, name, *args, **kwargs)

    @contextmanager
    def _mode(self, name: str) -> Iterator[None]:
        self.request("enter", name)
        try:
            yield
        finally:
            self.request("exit", name)


def sent_index(index: Any) -> Any:
    """An index whose lists are arrays: on the wire a list is a tuple."""
    if isinstance(index, tuple):
        return tuple(map(sent_index, index))
    return np.asarray(index) if isinstance(index, list) else index


def trace_from(steps: Any) -> Trace:
    """A trace that came over the wire: its tuples by their own names."""
    from refgrad.harness.program.trace import Raised, Seen, Step

    def seen(told: Any) -> Any:
        return told and (Raised(*told) if "kind" in told._fields else Seen(*told))

    return tuple(
        Step(number, {name: seen(told) for name, told in looks}, hooked, raised and Raised(*raised), *rest)
        for number, looks, hooked, raised, *rest in steps
    )
