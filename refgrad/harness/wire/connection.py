"""One process that speaks the protocol: what is asked, what it answers, what it calls back for, and its end."""

from __future__ import annotations

import builtins
import contextlib
import math
import os
import signal
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from refgrad.errors import (
    BackendCrashed,
    BackendTimeout,
    BackendUnavailable,
    NotApplicable,
    ProtocolError,
    RefgradError,
    Unsupported,
)
from refgrad.harness.isolation import ending
from refgrad.harness.wire.values import LIMIT, PROTOCOL, decode, encode, line, message

__all__ = ["Connection", "Handle", "RemoteError"]

POLL = 0.05  # seconds between two looks at the clock
REMEMBER_FUNCTIONS = frozenset({"register_hook"})  # other methods call a function before they answer, or never
LAST_WORDS = 20  # lines of what the process said that are kept


class RemoteError(RuntimeError):
    """What the library raised on the other side, under the name that its class has there."""


class Handle:
    """A value that lives on the other side; ``shape`` and ``dtype`` are there where the other side told them."""

    __slots__ = ("connection", "dtype", "number", "shape")

    def __init__(self, number: int, connection: Connection, told: dict[str, Any]) -> None:
        self.number, self.connection = number, connection
        if "shape" in told:
            self.shape = tuple(told["shape"])
        if "dtype" in told:
            self.dtype = told["dtype"]

    def __del__(self) -> None:
        self.connection.dropped.append(self.number)

    def __repr__(self) -> str:
        return f"<handle {self.number}>"


class Connection:
    """Starts ``command`` and asks it things, one at a time; a process that died or hung is not asked again.

    Units: ``timeout`` in seconds, of a single request.
    Errors: ``BackendUnavailable`` for a command that cannot be started.
    """

    def __init__(self, command: Sequence[str], *, timeout: float = 60.0) -> None:
        self.command, self.timeout = list(command), timeout
        self.dropped = list[int]()  # handles that nobody holds any more: told with the next request
        self.noise: deque[str] = deque(maxlen=LAST_WORDS)  # lines on standard output that are no messages
        self.binary = False
        self._functions = dict[int, Callable[..., Any]]()
        self._lock, self._count = threading.RLock(), 0
        self._deadline, self._expired = math.inf, False
        self._process = self._start()
        self._stderr: deque[str] = deque(maxlen=LAST_WORDS)
        self._listener = _thread(self._listen)
        _thread(self._watch)
        weakref.finalize(self, kill, self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            raise BackendUnavailable(f"exec:{' '.join(self.command)}: cannot be started ({error})") from error

    def hello(self) -> dict[str, Any]:
        """What the other side says of itself.

        Errors: ``BackendUnavailable`` where it says nothing, ``ProtocolError`` for another version of the protocol.
        """
        try:
            told = self.ask("hello", PROTOCOL)
        except (BackendCrashed, BackendTimeout) as error:
            raise BackendUnavailable(str(error)) from error
        if not isinstance(told, dict) or told.get("protocol") != PROTOCOL:
            raise ProtocolError(
                f'{self._name}: the answer to hello must have "protocol": {PROTOCOL}; got {str(told)[:120]}'
            )
        self.binary = told.get("base64") is True
        return told

    def request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The value that the other side answers; errors as for ``ask``."""
        return self._decode(self.ask(method, *args, **kwargs))

    def ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What the other side answers, as JSON.

        Errors: what it raised, as the builtin error of that name or a ``RemoteError``; ``Unsupported`` for what it lacks;
        ``BackendCrashed``, ``BackendTimeout``, ``ProtocolError`` where no answer came.
        """
        with self._lock, self._lending(lasting=method in REMEMBER_FUNCTIONS):
            self._count += 1
            asked = {"id": self._count, "method": method, "args": self._encode(args)}
            optional = {
                "kwargs": {name: self._encode(each) for name, each in kwargs.items()},
                "release": self._release(),
            }
            self._send(asked | {key: value for key, value in optional.items() if value})
            return self._answer(self._count)

    def raw(self, text: bytes) -> dict[str, Any]:
        """Send ``text`` as it is, and hand back the next message: for checks of the protocol itself."""
        with self._lock:
            self._write(text)
            return self._receive()

    def close(self, patience: float = 5.0) -> int | None:
        """Say that there is no more to ask; the exit status, or None where the process had to be killed."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        return self._wait(patience)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    # -- the conversation

    def _answer(self, asked: int) -> Any:
        while True:
            found = self._receive()
            if "call" in found:
                self._send(self._called(found))
            elif found.get("id") != asked:
                raise ProtocolError(f"{self._name}: the answer to request {asked} has id {found.get('id')!r}")
            elif "error" in found:
                raise self._raised(found["error"])
            elif "result" in found:
                return found["result"]
            else:
                raise ProtocolError(f"{self._name}: an answer has a result or an error; got {str(found)[:120]}")

    @contextlib.contextmanager
    def _lending(self, *, lasting: bool) -> Iterator[None]:
        """Our functions that the block sends are there to be called until it ends, or for good."""
        before = dict(self._functions)
        try:
            yield
        finally:
            if not lasting:
                self._functions = before

    def _called(self, call: dict[str, Any]) -> dict[str, Any]:
        """Run the function of ours that the other side calls; what it raises travels, and comes back as it was."""
        try:
            args = self._decode(call.get("args", []))
            return {"id": call.get("id"), "result": self._encode(self._functions[call["call"]](*args))}
        except (BackendCrashed, BackendTimeout):  # there is nobody left to answer
            raise
        except Exception as error:  # the function is a test's: unanswered, the other side would wait in it for good
            return {"id": call.get("id"), "error": {"class": type(error).__name__, "message": str(error)}}

    def _raised(self, error: Any) -> Exception:
        if not isinstance(error, dict) or not isinstance(error.get("class"), str):
            return ProtocolError(f"{self._name}: an error has a class and a message; got {str(error)[:120]}")
        name, text = error["class"], str(error.get("message", ""))
        if name in ("NotImplementedError", "Unsupported"):
            return Unsupported(text or "not implemented")
        if name == "NotApplicable":  # from a function of ours
            return NotApplicable(text)
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
            return kind(text)
        made: Exception = type(name, (RemoteError,), {})(text)
        return made

    def _encode(self, value: Any) -> Any:
        return encode(value, self._keep, binary=self.binary)

    def _decode(self, value: Any) -> Any:
        return decode(value, self._lookup)

    def _keep(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Handle):
            if value.connection is not self:
                raise ProtocolError(f"{self._name}: {value!r} was lost with the process that held it")
            return {"handle": value.number}
        if callable(value):
            self._functions[id(value)] = value
            return {"function": id(value)}
        raise ProtocolError(f"{self._name}: a {type(value).__name__} cannot be sent")

    def _lookup(self, kind: str, told: dict[str, Any]) -> Any:
        if kind == "function" or type(told[kind]) is not int:
            raise ProtocolError(f"{self._name}: {told} is no handle")
        return Handle(told["handle"], self, told)

    def _release(self) -> list[int]:
        gone, self.dropped[:] = list(self.dropped), []
        return gone

    # -- the pipes

    @property
    def _name(self) -> str:
        return f"exec:{' '.join(self.command)}"

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    def _send(self, message: dict[str, Any]) -> None:
        self._write(line(message))

    def _write(self, text: bytes) -> None:
        self._deadline = time.monotonic() + self.timeout
        try:
            self._stdin.write(text)
            self._stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise self._ended() from error

    def _receive(self) -> dict[str, Any]:
        while True:
            text = self._process.stdout.readline(LIMIT + 1)  # type: ignore[union-attr]
            if not text:
                raise self._ended()
            if len(text) > LIMIT:
                self._wait(0.0)
                raise ProtocolError(f"{self._name}: a line of more than {LIMIT:,} bytes")
            if (found := message(text)) is not None:
                self._deadline = math.inf
                return found
            self.noise.append(text.decode(errors="replace").rstrip())

    def _ended(self) -> RefgradError:
        """Why there is no answer."""
        if self._expired:
            self._wait(1.0)
            return BackendTimeout(f"{self._name}: no answer within {self.timeout:g} s")
        self._wait(1.0)  # its output ends a moment before it does
        words = "; it last said: " + " | ".join([*self._stderr][-3:]) if self._stderr else ""
        return BackendCrashed(f"{self._name}: the process {ending(self._process.returncode)}{words}")

    def _wait(self, patience: float) -> int | None:
        """The exit status, or None where the process had to be killed."""
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        finally:
            kill(self._process)
            self._listener.join(1.0)
            self._close_pipes()

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # a buffer that can no longer be flushed
                pipe.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        with self._process.stderr as lines:  # type: ignore[union-attr]
            for text in lines:
                self._stderr.append(text.decode(errors="replace").rstrip()[:300])

    def _watch(self) -> None:
        while self._process.poll() is None:
            if time.monotonic() > self._deadline:
                self._expired = True
                kill(self._process)
            time.sleep(POLL)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _thread(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread
