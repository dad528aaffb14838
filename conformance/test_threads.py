"""Threads: where backward runs, what it shares, and what each thread has for itself."""

import threading
import warnings

import pytest

from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def run(*functions):
    """What each function gives, or the exception that it raises, each in a thread of its own."""
    results = [None] * len(functions)

    def call(index, function):
        try:
            results[index] = function()
        except Exception as error:  # what a library raises is the thing under test
            results[index] = error

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Unsupported | NotApplicable):  # a gap of the backend, not its answer
            raise result
    return results


@behaviour("THR-01", source=SOURCE)
def test_callers_thread(xp):
    """backward runs in the thread that calls it: hooks see that thread."""
    x, seen = xp.tensor(1.0, requires_grad=True), []
    x.register_hook(lambda g: seen.append(threading.get_ident() == threading.main_thread().ident))
    (x * 1).backward()
    run(lambda: (x * 1).backward())
    assert seen == [True, False]


@behaviour("THR-02", source=SOURCE)
@pytest.mark.parametrize("size", [1, 5000], ids=["small", "large"])
def test_shared_leaf(xp, check, size):
    """Passes of several threads through graphs of their own add to a shared leaf without losing anything."""
    x = xp.tensor([0.0] * size, requires_grad=True)

    def passes():
        for _ in range(25):
            (x * 2).sum().backward()

    assert run(*[passes] * 8) == [None] * 8
    check.equal(x.grad, [400.0] * size)


@behaviour("THR-03", source=SOURCE)
def test_shared_graph(xp, check):
    """Passes of several threads through one retained graph add up."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**2
    assert run(*[lambda: y.backward(retain_graph=True)] * 8) == [None] * 8
    check.close(x.grad, 32.0)


@behaviour("THR-05", source=SOURCE, profile="namespace")
def test_default_dtype_is_shared(xp):
    """The default dtype holds for the whole process."""
    xp.set_default_dtype(xp.float64)
    try:
        assert run(lambda: xp.ones(1).dtype) == [xp.float64]
    finally:
        xp.set_default_dtype(xp.float32)


@behaviour("THR-06", source=SOURCE)
def test_error_stays(xp):
    """An error in one thread's backward does not touch another's."""

    def bad():
        x = xp.tensor(1.0, requires_grad=True)
        x.register_hook(lambda g: 1 / 0)
        (x * 1).backward()

    def good():
        x = xp.tensor(1.0, requires_grad=True)
        (x * 3).backward()
        return float(x.grad)

    error, value = run(bad, good)
    assert isinstance(error, ZeroDivisionError)
    assert value == 3.0


@behaviour("THR-07", source=SOURCE, level="should", profile="namespace")
def test_multithreading_switch(xp, check):
    """set_multithreading_enabled(False) holds inside its block; gradients are the same."""
    x = xp.tensor(1.0, requires_grad=True)
    with xp.autograd.set_multithreading_enabled(False):
        assert not xp.autograd.is_multithreading_enabled()
        (x * 3).backward()
    assert xp.autograd.is_multithreading_enabled()
    check.close(x.grad, 3.0)


@behaviour("THR-08", source=SOURCE)
def test_built_elsewhere(xp, check):
    """A graph built in one thread can be run backward in another."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**2
    assert run(lambda: y.backward()) == [None]
    check.close(x.grad, 4.0)


@behaviour("THR-09", source=SOURCE, profile="namespace")
def test_grad_mode_of_hooks(xp):
    """Under create_graph=True a hook sees grad mode on; the caller's mode is put back after the pass."""
    x, seen = xp.tensor(1.0, requires_grad=True), []
    x.register_hook(lambda g: seen.append(xp.is_grad_enabled()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x * 1).backward(create_graph=True)
    (x * 1).backward()
    assert seen == [True, False]
    assert xp.is_grad_enabled()
