"""Custom Functions: random programs that mix them with ops, and how apply binds its arguments, on both libraries."""

from __future__ import annotations

import functools
import gc
import inspect
import threading
import warnings
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.engine.function import positional
from tests.engine.live import attempt, facts, leaf, live, observe, same

# a small library of Functions -----------------------------------------------------------------------------------------


@functools.cache
def library(xp: Any) -> dict[str, Any]:
    """Functions that use each part of the ctx, by name."""

    class Square(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return 2 * grad * ctx.saved_tensors[0]

    class Tanh(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.tanh()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (y,) = ctx.saved_tensors
            return grad * (1 - y * y)

    class Product(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(x: Any, w: Any, k: Any = 3) -> Any:
            return x * w * k, x + w

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs[:2])
            ctx.k = inputs[2]

        @staticmethod
        def backward(ctx: Any, first: Any, second: Any) -> Any:
            x, w = ctx.saved_tensors
            return first * w * ctx.k + second, first * x * ctx.k + second, None

    class Written(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(0.5)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 0.5

    class Same(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return -grad

    class Row(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.view(-1)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad.view(2, 2) * 3

    class Stopped(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            ctx.set_materialize_grads(False)
            stopped = x * 2
            ctx.mark_non_differentiable(stopped)
            return x * w, stopped

        @staticmethod
        def backward(ctx: Any, grad: Any, nothing: Any) -> Any:
            return grad, None

    class Once(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        @xp.autograd.function.once_differentiable  # type: ignore[untyped-decorator]
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * ctx.saved_tensors[0].cos()

    class Wide(xp.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x + 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return (grad.float() / 2).expand(2, *grad.shape)

    return {cls.__name__: cls for cls in (Square, Tanh, Product, Written, Same, Row, Stopped, Once, Wide)}


UNARY = {
    "sin": lambda x: x.sin(),
    "scaled": lambda x: x * 0.7,
    "first": lambda x: x[0],
    "view": lambda x: x.view(2, 2),
    "detached": lambda x: x.detach(),
    "added in place": lambda x: x.add_(0.1),
    "doubled in place": lambda x: x.mul_(2),
}
BINARY = {"add": lambda x, y: x + y, "mul": lambda x, y: x * y, "written": lambda x, y: x.mul_(y)}
CUSTOM = {"Square": 1, "Tanh": 1, "Product": 2, "Written": 1, "Same": 1, "Row": 1, "Stopped": 2, "Once": 1, "Wide": 1}

VIEWING = ("first", "view", "Same", "Row")

Statement = tuple[str, int, int, bool]
statements = st.tuples(
    st.sampled_from([*UNARY, *BINARY, *CUSTOM, *CUSTOM]), st.integers(0, 9), st.integers(0, 9), st.booleans()
)  # what to do, with which tensors, and whether in grad mode


def step(xp: Any, name: str, x: Any, y: Any) -> Any:
    """One statement's results."""
    if name in CUSTOM:
        return library(xp)[name].apply(*(x, y)[: CUSTOM[name]])
    return UNARY[name](x) if name in UNARY else BINARY[name](x, y)


def run(xp: Any, program: list[Statement], *, create_graph: bool) -> list[Any]:
    """What each statement of a program gives or raises, and the gradients, of the first order and of the second."""
    values = ([0.5, -1.0], [0.25, 2.0]), ([1.5, 0.5], [-0.75, 1.0])
    leaves = [leaf(xp, *rows, dtype="float64") for rows in values]
    tensors = [leaves[0], leaves[1], leaves[0] * 1]
    seen: list[Any] = []
    for name, a, b, recorded in program:
        with xp.set_grad_enabled(recorded or name in VIEWING):
            result = attempt(lambda: step(xp, name, tensors[a % len(tensors)], tensors[b % len(tensors)]))
        made = [x for x in (result if isinstance(result, tuple) else (result,)) if isinstance(x, xp.Tensor)]
        tensors += [x for x in made if not any(x is held for held in tensors)]
        seen.append(attempt(lambda: facts(xp, result)))
    return [*seen, *gradients(xp, leaves, tensors, create_graph)]


def gradients(xp: Any, leaves: list[Any], tensors: list[Any], create_graph: bool) -> list[Any]:
    """The gradients of the sum of all that was made."""

    def total() -> Any:
        return sum((x.sum() for x in tensors if x.requires_grad), xp.zeros(()))

    if not create_graph:
        return [attempt(lambda: facts(xp, (total().backward(), [x.grad for x in leaves])))]
    first = attempt(lambda: xp.autograd.grad(total(), leaves, create_graph=True, allow_unused=True))
    if not isinstance(first, tuple):
        return [first]
    second = attempt(lambda: sum((g * g).sum() for g in first if g is not None).backward())
    return [attempt(lambda: facts(xp, [first, second, [x.grad for x in leaves]]))]


@settings(max_examples=150, deadline=None)
@given(program=st.lists(statements, min_size=1, max_size=7), create_graph=st.booleans())
def test_random_programs(program: list[Statement], create_graph: bool) -> None:
    """Programs of ops and Functions give on refgrad what they give on PyTorch: values, nodes, gradients and errors."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = run(refgrad, program, create_graph=create_graph)
        theirs = run(torch, program, create_graph=create_graph)
    for i, (ours, expected) in enumerate(zip(mine, theirs)):
        assert same(ours, expected), f"{program[i : i + 1] or 'gradients'}\n  refgrad: {ours}\n  torch:   {expected}"


# apply ----------------------------------------------------------------------------------------------------------------


def function(xp: Any, forward: Any, backward: Any = lambda ctx, *grads: grads[0], **members: Any) -> Any:
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


FORWARDS = [
    lambda ctx, x, w=2: x * w,
    lambda ctx, x, k=3, w=2: x * w,
    lambda ctx, x, *, k=1: x * k,
    lambda ctx, x, **named: x * 1,
    lambda ctx, *xs: xs[0] * 1,
]
CALLS: list[tuple[tuple[int, ...], dict[str, int]]] = [
    ((1,), {}),
    ((), {"x": 1}),
    ((1,), {"w": 2}),
    ((1, 2), {"w": 2}),
    ((1,), {"k": 2}),
    ((1,), {"x": 2}),
    ((), {"w": 2}),
    ((1,), {"k": 2, "w": 5}),
    ((), {"w": 3, "x": 1}),
]


@pytest.mark.parametrize("forward", FORWARDS, ids=[str(inspect.signature(each)) for each in FORWARDS])
@pytest.mark.parametrize(("args", "kwargs"), CALLS, ids=map(str, CALLS))
def test_binding(forward: Any, args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    """Keyword arguments are bound, and refused, as PyTorch does it; each becomes an argument with a gradient."""
    torch = pytest.importorskip("torch")

    def scene(xp: Any) -> Any:
        tensors = [leaf(xp, float(each)) for each in args]
        named = {name: leaf(xp, float(each)) for name, each in kwargs.items()}
        y = function(xp, forward).apply(*tensors, **named)
        return y, y.grad_fn.needs_input_grad, len(y.grad_fn.next_functions)

    mine, theirs = observe(refgrad, scene), observe(torch, scene)
    if "attribute" not in str(theirs) and "positional argument" not in str(theirs):  # Python's words name the lambda
        assert same(mine, theirs), f"\n  refgrad: {mine}\n  torch:   {theirs}"
    else:
        assert mine["outcome"].kind == theirs["outcome"].kind


@given(given_by_position=st.integers(0, 4), named=st.lists(st.sampled_from("abcd"), unique=True, min_size=1))
def test_positional(given_by_position: int, named: list[str]) -> None:
    """Bound arguments are forward's parameters in order, up to the last that was named."""

    def forward(ctx: Any, a: Any, b: Any, c: Any, d: Any) -> None:
        """Takes four arguments."""

    args = tuple("abcd"[:given_by_position])
    try:
        bound = positional(forward, args, {name: name for name in named}, takes_ctx=True)
    except TypeError:
        wanted = set("abcd"[: max(map("abcd".index, named)) + 1])
        assert set(args) & set(named) or set(args) | set(named) != wanted
    else:
        assert bound == tuple("abcd"[: len(bound)])
        assert set(bound) == {*args, *named}


@live
def test_setup_context_arguments(xp: Any) -> Any:
    """setup_context gets all arguments by position, defaults filled in."""
    seen: list[Any] = []
    members = {"setup_context": staticmethod(lambda ctx, inputs, output: seen.append((inputs, ctx.needs_input_grad)))}
    for forward in (lambda x, k=3: x * k, lambda x, k=3, w=2: x * k * w, lambda *xs: xs[0] * 1):
        made = function(xp, forward, **members)
        seen.append(attempt(lambda: made.apply(leaf(xp, 1.0))))
        seen.append(attempt(lambda: made.apply(leaf(xp, 1.0), w=5)))
    return seen


@live
def test_not_to_be_called(xp: Any) -> Any:
    """Instances, and methods that were not overridden, say what to do instead."""
    base = xp.autograd.Function
    made = function(xp, lambda ctx, x: x * 1)
    return [
        attempt(made()),
        attempt(lambda: base.apply(leaf(xp, 1.0))),
        attempt(lambda: base.backward(None)),
        attempt(lambda: base.jvp(None)),
        attempt(lambda: base.vmap(None, None)),
        attempt(lambda: base.setup_context(None, None, None)),
        base.vjp is base.backward,
        (base.generate_vmap_rule, base.clear_saved_tensors_on_access, base.boxed_grads_call),
    ]


@live
def test_boxed_gradients(xp: Any) -> Any:
    """With boxed_grads_call, backward gets its gradients in one list."""
    kinds: list[str] = []

    def backward(ctx: Any, grads: Any) -> Any:
        kinds.append(type(grads).__name__)
        return grads.pop() * 2

    x = leaf(xp, 1.0)
    function(xp, lambda ctx, x: x * 1, backward, boxed_grads_call=True).apply(x).backward()
    return kinds, x.grad


@live
def test_grad_mode_is_put_back(xp: Any) -> Any:
    """Grad mode that forward or backward leaves changed is put back, between nodes too."""
    modes: list[bool] = []

    def careless(ctx: Any, grad: Any) -> Any:
        xp.set_grad_enabled(True)
        return grad

    first = function(xp, lambda ctx, x: x * 1, lambda ctx, grad: modes.append(xp.is_grad_enabled()) or grad)
    last = function(xp, lambda ctx, x: (xp.set_grad_enabled(True) and None) or x * 1, careless)
    x = leaf(xp, 1.0)
    with xp.no_grad():
        last.apply(x)
        modes.append(xp.is_grad_enabled())
    last.apply(first.apply(x) * 2).backward()
    return modes


def test_graphs_need_no_garbage_collector() -> None:
    """A graph of Functions is freed by reference counts alone, whatever its Functions saved or hold."""
    functions = library(refgrad)
    gc.disable()
    try:
        for name in ("Square", "Tanh", "Same", "Once", "Wide"):
            x = leaf(refgrad, [0.5, -1.0])
            y = functions[name].apply(x * 1)
            node = weakref.ref(y._grad_fn)
            y.sum().backward()
            del y
            assert node() is None, name
    finally:
        gc.enable()


def test_threads() -> None:
    """Functions run in many threads at once give each its own gradients."""
    functions = library(refgrad)
    wrong: list[float] = []

    def work(value: float) -> None:
        for _ in range(50):
            x = leaf(refgrad, [value])
            functions["Square"].apply(functions["Same"].apply(x)).sum().backward()
            if x.grad.item() != -2 * value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
