"""Grad modes: as contexts, as decorators, over generators, exceptions and threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from tests.engine.live import attempt, leaf, live


@live
def test_contexts_nest_and_restore(xp: Any) -> Any:
    """Each context sets its mode and puts back what was there, nested in any way."""
    seen = [xp.is_grad_enabled()]
    with xp.no_grad():
        seen.append(xp.is_grad_enabled())
        with xp.enable_grad():
            seen.append(xp.is_grad_enabled())
            with xp.set_grad_enabled(False):
                seen.append(xp.is_grad_enabled())
            seen.append(xp.is_grad_enabled())
        seen.append(xp.is_grad_enabled())
    return [*seen, xp.is_grad_enabled()]


@live
def test_what_a_mode_does_to_an_op(xp: Any) -> Any:
    """Ops inside ``no_grad`` give leaves without gradients; in-place ops on leaves are allowed there."""
    x = leaf(xp, 1.0, 2.0)
    with xp.no_grad():
        y = x * 2
        x += 1
        fresh = xp.ones(2, requires_grad=True)
        with xp.enable_grad():
            z = x * fresh
    return y, y.is_leaf, x, x._version, fresh, z, attempt(lambda: x.add_(1))


@live
def test_exceptions_restore(xp: Any) -> Any:
    """A mode ends with its block, also where an exception ends it."""
    seen = []
    for mode in (xp.no_grad(), xp.enable_grad(), xp.set_grad_enabled(False)):
        with contextlib.suppress(KeyError), mode:
            raise KeyError("boom")
        seen.append(xp.is_grad_enabled())
    return seen


@live
def test_what_entering_gives(xp: Any) -> Any:
    """``with ... as`` binds nothing, and no exception is swallowed."""
    entered = []
    for mode in (xp.no_grad(), xp.enable_grad(), xp.set_grad_enabled(True)):
        with mode as bound:
            entered.append(bound)
        entered.append(mode.__enter__())
        entered.append(mode.__exit__(None, None, None))
    return entered


@live
def test_set_grad_enabled_as_a_call(xp: Any) -> Any:
    """A bare call takes effect at once and stays; as a context it is undone to what was before its construction."""
    xp.set_grad_enabled(False)
    seen = [xp.is_grad_enabled()]
    xp.set_grad_enabled(True)
    switch = xp.set_grad_enabled(False)
    seen.append(xp.is_grad_enabled())
    with switch:
        seen.append(xp.is_grad_enabled())
    return [*seen, xp.is_grad_enabled()]


@live
def test_an_instance_used_again(xp: Any) -> Any:
    """An instance can be entered again after it was left; nested in itself it forgets the outer mode."""
    mode, seen = xp.no_grad(), []
    for _ in range(2):
        with mode:
            seen.append(xp.is_grad_enabled())
        seen.append(xp.is_grad_enabled())
    with mode:
        with mode:
            seen.append(xp.is_grad_enabled())
        seen.append(xp.is_grad_enabled())
    return [*seen, xp.is_grad_enabled()]


@live
def test_decorators(xp: Any) -> Any:
    """Modes decorate with parentheses and without, keep the function's name, and pass arguments and results through."""

    def function(a: int, *, b: int = 2) -> Any:
        """What it says."""
        return a, b, xp.is_grad_enabled()

    made = [
        xp.no_grad()(function),
        xp.no_grad(function),
        xp.enable_grad(function),
        xp.set_grad_enabled(False)(function),
    ]
    with xp.no_grad():
        inside = [f(1, b=3) for f in made]
    return inside, [f(1) for f in made], [(f.__name__, f.__doc__) for f in made], xp.is_grad_enabled()


@live
def test_set_grad_enabled_as_a_decorator(xp: Any) -> Any:
    """Decorating leaves the mode of the moment as it was."""
    seen = [xp.is_grad_enabled()]

    @xp.set_grad_enabled(False)
    def function() -> Any:
        return xp.is_grad_enabled()

    return [*seen, xp.is_grad_enabled(), function(), xp.is_grad_enabled()]


@live
def test_decorated_methods(xp: Any) -> Any:
    """Methods, static methods and class methods can be decorated."""

    class Thing:
        @xp.no_grad()
        def method(self) -> Any:
            return xp.is_grad_enabled()

        @staticmethod
        @xp.no_grad()
        def static() -> Any:
            return xp.is_grad_enabled()

        @classmethod
        @xp.no_grad
        def of_class(cls) -> Any:
            return cls.__name__, xp.is_grad_enabled()

    return Thing().method(), Thing.static(), Thing.of_class(), xp.is_grad_enabled()


@live
def test_decorated_classes(xp: Any) -> Any:
    """Decorating a class is deprecated and reaches its constructor only."""

    class Thing:
        def __init__(self) -> None:
            self.made = xp.is_grad_enabled()

        def method(self) -> Any:
            return xp.is_grad_enabled()

    thing = xp.no_grad()(Thing)()
    return thing.made, thing.method()


@live
def test_recursion(xp: Any) -> Any:
    """A decorated function that calls itself restores its caller's mode at each level."""

    @xp.no_grad()
    def down(n: int) -> list[bool]:
        with xp.enable_grad():
            inner = down(n - 1) if n else []
            here = xp.is_grad_enabled()
        return [*inner, here, xp.is_grad_enabled()]

    return down(3), xp.is_grad_enabled()


@live
def test_an_error_in_a_decorated_function(xp: Any) -> Any:
    """The mode is put back when a decorated function raises."""

    @xp.no_grad()
    def function() -> Any:
        raise LookupError(f"with grad mode {xp.is_grad_enabled()}")

    return attempt(function), xp.is_grad_enabled()


@live
def test_decorated_coroutines(xp: Any) -> Any:
    """On an ``async def`` the decorator has no effect inside the body."""

    @xp.no_grad()
    async def function() -> Any:
        before = xp.is_grad_enabled()
        await asyncio.sleep(0)
        return before, xp.is_grad_enabled()

    return asyncio.run(function()), xp.is_grad_enabled()


# generators -----------------------------------------------------------------------------------------------------------


@live
def test_generators(xp: Any) -> Any:
    """A decorated generator runs each step in its mode; between steps the caller's mode holds."""

    @xp.no_grad()
    def counting() -> Any:
        for i in range(3):
            yield i, xp.is_grad_enabled()

    return [(step, xp.is_grad_enabled()) for step in counting()]


@live
def test_a_generator_that_is_sent_to(xp: Any) -> Any:
    """Values sent in arrive, and the return value comes out."""

    @xp.no_grad()
    def echo() -> Any:
        first = yield xp.is_grad_enabled()
        second = yield first, xp.is_grad_enabled()
        return first, second, xp.is_grad_enabled()

    def caller() -> Any:
        return (yield from echo())

    generator = caller()
    seen = [next(generator), generator.send("a")]
    try:
        generator.send("b")
    except StopIteration as stop:
        seen.append(stop.value)
    return seen, xp.is_grad_enabled()


@live
def test_a_generator_that_is_thrown_into(xp: Any) -> Any:
    """Exceptions thrown in arrive in the generator's mode; those it does not handle come out again."""

    @xp.no_grad()
    def guarded() -> Any:
        try:
            yield 1
        except KeyError as error:
            yield str(error), xp.is_grad_enabled()
        yield 2

    generator = guarded()
    seen = [next(generator), generator.throw(KeyError("in")), xp.is_grad_enabled()]
    return (
        seen,
        attempt(lambda: generator.throw(ValueError("out"))),
        attempt(lambda: next(generator, "ended")),
        xp.is_grad_enabled(),
    )


@live
def test_a_generator_that_is_closed(xp: Any) -> Any:
    """Closing a generator runs its cleanup in its mode."""
    seen = []

    @xp.no_grad()
    def cleaning() -> Any:
        try:
            yield 1
        finally:
            seen.append(xp.is_grad_enabled())

    generator = cleaning()
    next(generator)
    generator.close()
    return seen, xp.is_grad_enabled(), attempt(lambda: next(generator, "ended"))


@live
def test_a_generator_that_changes_the_mode(xp: Any) -> Any:
    """A mode that a decorated generator sets for itself does not leak to its caller."""

    @xp.no_grad()
    def changing() -> Any:
        xp.set_grad_enabled(True)
        yield xp.is_grad_enabled()
        yield xp.is_grad_enabled()

    return [(step, xp.is_grad_enabled()) for step in changing()]


@live
def test_a_bare_generator_leaks(xp: Any) -> Any:
    """An undecorated generator that yields inside a context leaves its mode to the caller."""

    def leaking() -> Any:
        with xp.no_grad():
            yield xp.is_grad_enabled()

    generator = leaking()
    return [next(generator), xp.is_grad_enabled(), next(generator, "ended"), xp.is_grad_enabled()]


# threads --------------------------------------------------------------------------------------------------------------


@live
def test_threads_start_with_grad_enabled(xp: Any) -> Any:
    """Grad mode is the thread's own: a new thread starts with it on, and what it sets stays with it."""
    seen = []

    def work() -> None:
        seen.append(xp.is_grad_enabled())
        xp.set_grad_enabled(False)

    with xp.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return seen, xp.is_grad_enabled()


# any mixture ----------------------------------------------------------------------------------------------------------

_BLOCKS = st.recursive(
    st.just([]),
    lambda inner: st.lists(
        st.tuples(
            st.sampled_from(
                ["no_grad", "enable_grad", "on", "off", "call on", "call off", "decorated", "generator", "raise"]
            ),
            inner,
        ),
        max_size=3,
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(_BLOCKS)
def test_any_nesting_is_as_in_torch(blocks: Any) -> None:
    """In any nesting of contexts, calls, decorators, generators and exceptions the mode is PyTorch's at each point."""
    torch = pytest.importorskip("torch")
    traces = []
    for xp in (refgrad, torch):
        trace: list[bool] = []
        _run(xp, blocks, trace)
        xp.set_grad_enabled(True)
        traces.append(trace)
    assert traces[0] == traces[1]


def _run(xp: Any, blocks: Any, trace: list[bool]) -> None:
    for kind, inner in blocks:
        trace.append(xp.is_grad_enabled())
        _enter(xp, kind, inner, trace)
        trace.append(xp.is_grad_enabled())


def _enter(xp: Any, kind: str, inner: Any, trace: list[bool]) -> None:
    if kind.startswith("call"):
        xp.set_grad_enabled(kind.endswith("on"))
        _run(xp, inner, trace)
    elif kind == "decorated":
        xp.no_grad()(_run)(xp, inner, trace)
    elif kind == "generator":
        for _ in xp.enable_grad()(_stepwise)(xp, inner, trace):
            trace.append(xp.is_grad_enabled())
    elif kind == "raise":
        with contextlib.suppress(KeyError), xp.no_grad():
            _run(xp, inner, trace)
            raise KeyError
    else:
        context = {"on": lambda: xp.set_grad_enabled(True), "off": lambda: xp.set_grad_enabled(False)}.get(
            kind
        ) or getattr(xp, kind)
        with context():
            _run(xp, inner, trace)


def _stepwise(xp: Any, inner: Any, trace: list[bool]) -> Any:
    for block in inner:
        _run(xp, [block], trace)
        yield
