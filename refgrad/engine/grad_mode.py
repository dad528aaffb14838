"""Grad modes: contexts that are also decorators, for functions and for generators."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Generator
from typing import Any, TypeVar, cast

from refgrad.engine.modes import modes

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether ops are recorded in this thread."""
    return modes.grad_enabled


class _Mode:
    """A context manager that decorates too; ``fresh`` makes the context that each call enters."""

    __slots__ = ()

    def fresh(self) -> Any:
        return type(self)()

    def __call__(self, function: F) -> F:
        return cast(F, decorate(function, self.fresh))

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError


def decorate(function: Any, context: Callable[[], Any]) -> Any:
    """``function`` run inside a new ``context()`` at each call; a generator, at each step."""
    if inspect.isclass(function):
        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions "
            "or methods. To preserve the current behavior of class decoration, you can directly decorate the `__init__` "
            "method and nothing else.",
            FutureWarning,
            stacklevel=3,
        )
        function.__init__ = decorate(function.__init__, context)  # type: ignore[method-assign]
        return function
    if inspect.isgeneratorfunction(function):
        return _decorate_generator(function, context)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with context():
            return function(*args, **kwargs)

    return wrapper


def _decorate_generator(function: Any, context: Callable[[], Any]) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        step, value = generator.send, None
        try:
            while True:
                with context():
                    response = step(value)
                try:
                    step, value = generator.send, (yield response)
                except GeneratorExit:
                    with context():
                        generator.close()
                    raise
                except BaseException as error:  # thrown in by the caller: hand it on
                    step, value = generator.throw, error
        except StopIteration as stop:
            return stop.value

    return wrapper


class _Switch(_Mode):
    """Sets grad mode on entry and puts back what was there."""

    __slots__ = ("prev",)
    prev: bool

    def __new__(cls, function: Any = None) -> Any:
        self = _new(cls)
        self.prev = False
        return self if function is None else self(function)  # `@no_grad` without parentheses

    def __exit__(self, *exc: object) -> None:
        here = modes.here
        here.state = here.state & ~1 | self.prev


_new: Callable[[type[Any]], Any] = object.__new__


class no_grad(_Switch):
    """Nothing is recorded inside."""

    __slots__ = ()

    def __enter__(self) -> None:
        here = modes.here
        self.prev = here.state & 1 == 1
        here.state &= ~1


class enable_grad(_Switch):
    """Ops are recorded inside, also within ``no_grad``."""

    __slots__ = ()

    def __enter__(self) -> None:
        here = modes.here
        self.prev = here.state & 1 == 1
        here.state |= 1


class set_grad_enabled(_Mode):
    """Grad mode set at once, and put back at the end of a ``with`` block or of a decorated call."""

    def __init__(self, mode: bool) -> None:
        self.prev = modes.grad_enabled
        self.mode = mode
        modes.grad_enabled = mode

    def fresh(self) -> Any:
        return type(self)(self.mode)

    def __call__(self, function: F) -> F:
        modes.grad_enabled = self.prev  # a decorator changes nothing until the function is called
        return cast(F, decorate(function, self.fresh))

    def __enter__(self) -> None:
        modes.grad_enabled = self.mode

    def __exit__(self, *exc: object) -> None:
        modes.grad_enabled = self.prev
