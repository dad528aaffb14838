"""no_grad, enable_grad, set_grad_enabled: as blocks, as decorators, as calls."""

import asyncio
import threading

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("MODE-01", source=SOURCE, profile="namespace")
def test_default(xp):
    """Grad mode is on by default."""
    assert xp.is_grad_enabled()


@behaviour("TUT-15", source="the tutorial; torch 2.13.0")
def test_block(xp, check):
    """Under no_grad a result does not require grad and is a leaf; after the block results do again."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with xp.no_grad():
        y = x * 2
    check.equal(y, [2.0, 4.0])
    assert not y.requires_grad
    assert y.is_leaf
    assert x.requires_grad
    assert (x * 2).requires_grad


@behaviour("MODE-02", source=SOURCE)
def test_exception(xp):
    """no_grad ends with its block also where an exception leaves it."""
    x = xp.tensor([1.0], requires_grad=True)
    with pytest.raises(KeyError), xp.no_grad():
        raise KeyError
    assert (x * 2).requires_grad


@behaviour("MODE-29", source=SOURCE)
def test_nested(xp):
    """Leaving an inner no_grad stays in the outer one."""
    x = xp.tensor([1.0], requires_grad=True)
    with xp.no_grad():
        with xp.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


@behaviour("MODE-03", source="the tutorial; torch 2.13.0", profile="namespace")
def test_enable_grad(xp):
    """enable_grad inside no_grad switches recording on again, for its block."""
    x = xp.ones(1, requires_grad=True)
    with xp.no_grad():
        with xp.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad


@behaviour("MODE-04", source="the tutorial; torch 2.13.0", profile="namespace")
def test_call(xp):
    """set_grad_enabled as a plain call takes effect at once, and stays."""
    x = xp.ones(1, requires_grad=True)
    try:
        xp.set_grad_enabled(False)
        assert not (x * 2).requires_grad
    finally:
        xp.set_grad_enabled(True)
    assert (x * 2).requires_grad


@behaviour("MODE-05", source="the tutorial; torch 2.13.0", profile="namespace")
@pytest.mark.parametrize("mode", [False, True])
def test_set_grad_enabled_block(xp, mode):
    """set_grad_enabled as a block restores the mode that was."""
    x = xp.ones(1, requires_grad=True)
    for outer in (xp.no_grad, xp.enable_grad):
        with outer():
            before = xp.is_grad_enabled()
            with xp.set_grad_enabled(mode):
                assert (x * 2).requires_grad == mode
            assert xp.is_grad_enabled() == before


@behaviour("MODE-06", source=SOURCE, level="may", profile="namespace")
def test_set_at_construction(xp):
    """set_grad_enabled switches when it is made, not when its block is entered; leaving it restores the mode before."""
    guard = xp.set_grad_enabled(False)
    try:
        found = [xp.is_grad_enabled()]
        with guard:
            found.append(xp.is_grad_enabled())
        found.append(xp.is_grad_enabled())
    finally:
        xp.set_grad_enabled(True)
    assert found == [False, False, True]


@behaviour("MODE-07", source=SOURCE, profile="namespace")
def test_set_grad_enabled_decorator(xp):
    """@set_grad_enabled(False) works for the calls, and leaves the mode alone once the function is defined."""

    @xp.set_grad_enabled(False)
    def inner():
        return xp.is_grad_enabled()

    assert xp.is_grad_enabled()
    assert not inner()
    assert xp.is_grad_enabled()


@behaviour("MODE-08", source="the tutorial; torch 2.13.0", profile="namespace")
@pytest.mark.parametrize("decorate", [lambda xp: xp.no_grad(), lambda xp: xp.no_grad], ids=["called", "bare"])
def test_decorator(xp, decorate):
    """@no_grad() and @no_grad switch recording off for the function's calls."""
    x = xp.ones(1, requires_grad=True)

    @decorate(xp)
    def double():
        return x * 2

    assert not double().requires_grad
    assert (x * 2).requires_grad


@behaviour("MODE-09", source=SOURCE, profile="namespace")
def test_decorator_keeps_the_name(xp):
    """A decorated function keeps its name and docstring."""

    @xp.enable_grad()
    def inner():
        """Say the mode."""
        return xp.is_grad_enabled()

    with xp.no_grad():
        assert inner()
        assert not xp.is_grad_enabled()
    assert (inner.__name__, inner.__doc__) == ("inner", "Say the mode.")


@behaviour("MODE-10", source=SOURCE, profile="namespace")
def test_generator(xp):
    """A decorated generator runs each of its steps without recording; its caller's mode holds between them."""

    @xp.no_grad()
    def steps():
        yield xp.is_grad_enabled()
        yield xp.is_grad_enabled()

    found = []
    for inside in steps():
        found += [inside, xp.is_grad_enabled()]
    assert found == [False, True, False, True]


@behaviour("MODE-11", source=SOURCE, profile="namespace")
def test_block_in_a_generator(xp):
    """A generator that stops inside a no_grad block leaves recording off for its caller until it goes on."""

    def steps():
        with xp.no_grad():
            yield

    running = steps()
    next(running)
    leaked = xp.is_grad_enabled()
    running.close()
    assert not leaked
    assert xp.is_grad_enabled()


@behaviour("MODE-12", source=SOURCE, profile="namespace")
def test_generator_protocol(xp):
    """A decorated generator takes send() and throw() and returns its value."""

    @xp.no_grad()
    def steps():
        received = []
        try:
            received.append((yield xp.is_grad_enabled()))
        except KeyError:
            received.append("not reached")
        try:
            yield xp.is_grad_enabled()
        except KeyError:
            received.append("thrown")
        return received

    running = steps()
    assert [next(running), running.send(5)] == [False, False]
    with pytest.raises(StopIteration) as stop:
        running.throw(KeyError)
    assert stop.value.value == [5, "thrown"]
    assert xp.is_grad_enabled()


@behaviour("MODE-15", source=SOURCE, level="may", profile="namespace")
def test_same_object_nested(xp):
    """One no_grad object entered inside itself leaves recording off after both exits."""
    guard = xp.no_grad()
    try:
        with guard, guard:
            pass
        assert not xp.is_grad_enabled()
    finally:
        xp.set_grad_enabled(True)


@behaviour("MODE-16", source=SOURCE)
def test_existing_graph(xp, check):
    """no_grad does not touch a graph that exists: what was computed before goes backward as ever."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    with xp.no_grad():
        z = y * 3
    y.backward()
    assert not z.requires_grad
    check.equal(x.grad, 4.0)


@behaviour("MODE-18", source="the tutorial; torch 2.13.0")
def test_update_step(xp, check):
    """Under no_grad w -= step changes the parameter itself; w = w - step makes a tensor that is none."""
    w = xp.tensor([1.0], requires_grad=True)
    parameter = w
    with xp.no_grad():
        lost = w - 0.25
        w -= 0.25
    assert w is parameter
    assert w.requires_grad
    assert not lost.requires_grad
    check.equal(w, [0.75])


@behaviour("MODE-19", source=SOURCE, profile="namespace")
def test_new_thread(xp):
    """A new thread starts with recording on, whatever its maker's mode."""
    found = []
    with xp.no_grad():
        thread = threading.Thread(target=lambda: found.append(xp.is_grad_enabled()))
        thread.start()
        thread.join()
    assert found == [True]


@behaviour("MODE-20", source=SOURCE, profile="namespace")
def test_other_threads(xp):
    """A mode set in one thread does not reach another."""
    thread = threading.Thread(target=lambda: xp.set_grad_enabled(False))
    thread.start()
    thread.join()
    assert xp.is_grad_enabled()


@behaviour("MODE-23", source=SOURCE, profile="namespace")
def test_recursion(xp):
    """A decorated function that calls itself under enable_grad restores the mode frame by frame."""
    found = []

    @xp.no_grad()
    def visit(depth):
        found.append(xp.is_grad_enabled())
        if depth:
            with xp.enable_grad():
                visit(depth - 1)
                found.append(xp.is_grad_enabled())

    visit(1)
    assert [*found, xp.is_grad_enabled()] == [False, False, True, True]


@behaviour("MODE-24", source=SOURCE, level="may", profile="namespace")
def test_coroutine(xp):
    """@no_grad() on a coroutine function has no effect inside it."""

    @xp.no_grad()
    async def inner():
        before = xp.is_grad_enabled()
        await asyncio.sleep(0)
        return before, xp.is_grad_enabled()

    assert asyncio.run(inner()) == (True, True)


@behaviour("MODE-25", source=SOURCE, profile="namespace")
def test_methods(xp):
    """The decorator works on lambdas, methods, static methods and properties."""

    class Model:
        @staticmethod
        @xp.no_grad()
        def static():
            return xp.is_grad_enabled()

        @xp.no_grad()
        def method(self):
            return xp.is_grad_enabled()

        @property
        @xp.no_grad()
        def prop(self):
            return xp.is_grad_enabled()

    model, plain = Model(), xp.no_grad()(lambda: xp.is_grad_enabled())
    assert [plain(), Model.static(), model.method(), model.prop] == [False] * 4


@behaviour("MODE-26", source=SOURCE)
def test_leaf_made_under_no_grad(xp, check):
    """A leaf made under no_grad requires grad as asked."""
    with xp.no_grad():
        x = xp.tensor([1.0], requires_grad=True)
    (x * 2).backward()
    check.equal(x.grad, [2.0])


@behaviour("TUT-16", source="the tutorial")
def test_switched_on_again(xp, check):
    """A result of no_grad is a constant for what follows; computed again outside, it is tracked."""
    x = xp.tensor([3.0], requires_grad=True)
    with xp.no_grad():
        frozen = x * x
    (frozen * x).backward()
    check.equal(x.grad, [9.0])
    x.grad = None
    (x * x * x).backward()
    check.equal(x.grad, [27.0])
