"""The traversal: the order of nodes, accumulation, hooks, what is freed, and what an error leaves behind."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.engine import ops
from refgrad.engine.primitive import PRIMITIVES, primitive
from tests.engine.live import attempt, leaf, live

# order ----------------------------------------------------------------------------------------------------------------


def traced(log: list[str], **tensors: Any) -> None:
    """Note the name of each tensor whose gradient is computed."""
    for name, tensor in tensors.items():
        tensor.register_hook(lambda grad, name=name: log.append(name))


@live
def test_the_latest_node_runs_first(xp: Any) -> Any:
    """Nodes run latest made first, whatever the order in which the graph leads to them."""
    x = leaf(xp, 2.0)
    early, log = x * 3, []
    late = x * 5
    traced(log, early=early, late=late)
    (late.exp() + early * 2).backward()
    return log, x.grad


@live
def test_a_leaf_runs_as_soon_as_it_is_ready(xp: Any) -> Any:
    """A leaf gets its gradient before older nodes run, as soon as its last contribution is there."""
    a, b = leaf(xp, 2.0), leaf(xp, 3.0)
    log: list[str] = []
    old = a * 2
    new = b * 3
    traced(log, old=old, new=new)
    for name, x in (("a", a), ("b", b)):
        x.register_post_accumulate_grad_hook(lambda t, name=name: log.append(name + " filled"))
    (old + new).backward()
    return log


@live
def test_a_leaf_waits_for_all_of_its_uses(xp: Any) -> Any:
    """A leaf's hooks run once a pass, on the sum of what all its uses send."""
    x = leaf(xp, 2.0)
    log: list[Any] = []
    x.register_hook(lambda grad: log.append(("grad", grad.item())))
    x.register_post_accumulate_grad_hook(lambda t: log.append(("filled", t.grad.item())))
    (x * 3 + (x * x) * x).backward()
    return log, x.grad


@live
def test_roots_run_by_age_too(xp: Any) -> Any:
    """Several roots take their places in one order; a root inside another's graph gets both gradients at once."""
    x, log = leaf(xp, 1.0, 2.0), []
    y = x * 2
    z = y.sum()
    traced(log, x=x, y=y, z=z)
    xp.autograd.backward([y, z], [xp.tensor([10.0, 20.0]), None])
    return log, x.grad


@live
def test_the_same_root_twice(xp: Any) -> Any:
    """A root named twice gets the sum of its gradients."""
    x = leaf(xp, 3.0)
    y = x * x
    xp.autograd.backward([y, y, x], [xp.tensor(1.0), xp.tensor(10.0), xp.tensor(100.0)])
    return x.grad


@live
def test_a_leaf_as_root(xp: Any) -> Any:
    """A leaf that is the root itself gets the gradient that was passed, on top of what it has."""
    x = leaf(xp, 1.0, 2.0)
    for _ in range(2):
        x.backward(xp.tensor([3.0, 4.0]))
    return x.grad, xp.autograd.grad(x, x, xp.tensor([3.0, 4.0]))


@live
def test_diamonds(xp: Any) -> Any:
    """Each node of a ladder of diamonds runs once: the passes do not multiply."""
    x, count = leaf(xp, 1.0), []
    y = x
    for _ in range(30):
        y = y * 0.5 + y * 0.5
        y.register_hook(lambda grad: count.append(1))
    y.backward()
    return x.grad, len(count)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_random_graphs_run_as_in_torch(data: st.DataObject) -> None:
    """In a random graph, the hooks of all tensors run in PyTorch's order and see PyTorch's gradients."""
    torch = pytest.importorskip("torch")
    count = data.draw(st.integers(1, 3))
    steps: list[tuple[str, int, int]] = []
    for n in range(data.draw(st.integers(1, 9))):
        index = st.integers(0, count + n - 1)
        steps.append(
            (
                data.draw(st.sampled_from(["add", "mul", "sub", "sin", "detach", "stack"])),
                data.draw(index),
                data.draw(index),
            )
        )
    roots = data.draw(st.lists(st.integers(0, count + len(steps) - 1), min_size=1, max_size=3))
    assert _walked(refgrad, count, steps, roots) == pytest.approx(
        _walked(torch, count, steps, roots), rel=1e-5, abs=1e-5
    )


def _walked(xp: Any, count: int, steps: list[tuple[str, int, int]], roots: list[int]) -> list[float]:
    """The hooks' log of a random graph, as pairs of position and gradient, flattened."""
    log: list[float] = []
    tensors = [leaf(xp, 0.5 + i, dtype="float64") for i in range(count)]
    for name, i, j in steps:
        a, b = tensors[i], tensors[j]
        made = {
            "sin": lambda a=a: a.sin(), "detach": lambda a=a: a.detach(), "stack": lambda a=a, b=b: xp.stack([a, b, a]).sum()
        }  # fmt: skip
        tensors.append(made[name]() if name in made else getattr(xp, name)(a, b))
    for n, tensor in enumerate(tensors):
        if tensor.requires_grad:
            tensor.register_hook(lambda grad, n=n: log.extend((float(n), grad.item())))
    wanted = [tensors[i] for i in roots if tensors[i].requires_grad]
    if wanted:
        xp.autograd.backward(wanted)
    return log


def test_a_million_nodes_forward_backward_and_freed() -> None:
    """A chain of a million additions is built, differentiated and freed in linear time, without recursion."""
    x = refgrad.tensor(1.0, requires_grad=True)
    gc.freeze()  # what other tests have left is not looked through again and again
    try:
        y = x
        for _ in range(1_000_000):
            y = y + 1.0
        y.backward()
        last = weakref.ref(y.grad_fn)
        del y
    finally:
        gc.unfreeze()
    assert x.grad.item() == 1.0
    assert last() is None


def test_a_long_chain_is_freed_without_a_backward() -> None:
    """A graph that was never run is freed without recursion, through saved tensors as well as edges."""
    x = refgrad.tensor(1.0, requires_grad=True)
    y, middle = x, None
    for i in range(100_000):
        y = y * y if i % 2 else y + 1.0
        middle = weakref.ref(y.grad_fn) if i == 50_000 else middle
    assert middle is not None
    assert middle() is not None
    del y
    assert middle() is None


def test_a_long_chain_of_views_and_writes() -> None:
    """Backward through 20,000 in-place writes through views does not recurse either."""
    x = refgrad.tensor([1.0, 1.0], requires_grad=True)
    base = x * 1
    window = base[0]
    for _ in range(20_000):
        window.add_(1)
    assert base.grad_fn.name() == "torch::autograd::CopySlices"
    (window * 3 + base[1]).backward()
    assert x.grad.tolist() == [3.0, 1.0]


@live
def test_a_leaf_used_20_000_times(xp: Any) -> Any:
    """The uses of a leaf add up, however many."""
    x = leaf(xp, 1.0, dtype="float64")
    total = x * 0
    for i in range(2_000):
        total = total + x * i
    total.backward()
    return x.grad


# accumulation ---------------------------------------------------------------------------------------------------------


@live
def test_the_passed_gradient_is_not_aliased(xp: Any) -> Any:
    """``x.grad`` shares no memory with the gradient that was passed, and a later pass leaves that alone."""
    x, given_grad = leaf(xp, 1.0, 2.0), xp.ones(2)
    x.backward(given_grad)
    aliased = x.grad.data_ptr() == given_grad.data_ptr()
    x.backward(given_grad)
    return aliased, given_grad, x.grad


@live
def test_two_leaves_of_one_gradient_share_no_memory(xp: Any) -> Any:
    """Leaves that get the very same gradient each have their own ``.grad``."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 3.0, 4.0)
    (x + z).backward(xp.ones(2))
    aliased = x.grad.data_ptr() == z.grad.data_ptr()
    x.grad.mul_(5)
    return aliased, x.grad, z.grad


@live
def test_what_hooks_hold_is_not_written_to(xp: Any) -> Any:
    """Sums of gradients are not formed inside a tensor that a hook or ``retain_grad`` has kept."""
    x, held = leaf(xp, 1.0, 2.0), []
    y = x * 1
    y.retain_grad()
    a, b, c = y * 2, y * 3, y * 4
    for t in (a, b, c):
        t.register_hook(lambda grad: held.append(grad))
    (a + b + c).backward(xp.ones(2))
    x.grad.zero_()
    return held, y.grad, x.grad


@live
def test_accumulation_writes_into_the_gradient_that_is_there(xp: Any) -> Any:
    """A second pass adds in place, so that those who hold ``.grad`` see it; a recorded pass makes a new tensor."""
    x = leaf(xp, 1.0, 2.0)
    (x * x).sum().backward()
    held, version = x.grad, x.grad._version
    (x * x).sum().backward()
    in_place, version = held is x.grad, held._version - version
    (x * x).sum().backward(create_graph=True)
    return in_place, version, held is x.grad, held, x.grad


@live
def test_a_gradient_is_dense_like_its_leaf(xp: Any) -> Any:
    """The first gradient of a leaf takes the leaf's layout where the leaf is dense, else it is contiguous."""
    strides = []
    for make in (
        lambda: xp.ones(3, 2).t(),
        lambda: xp.ones(1).expand(3),
        lambda: xp.ones(4)[::2],
        lambda: xp.ones(2, 3),
    ):
        x = make().detach().requires_grad_()
        x.sum().backward()
        strides.append(x.grad.stride())
    return strides


@live
def test_a_sum_of_expanded_gradients(xp: Any) -> Any:
    """Gradients that are expanded are added without writing into their one element."""
    x = leaf(xp, 1.0, 2.0, 3.0)
    y = x * 1
    (y.sum() + y.sum() * 2 + y[0]).backward()
    return x.grad


@live
def test_a_leaf_that_no_longer_wants_a_gradient(xp: Any) -> Any:
    """A leaf whose requires_grad was switched off after the forward still ends its path."""
    x, z = leaf(xp, 1.0), leaf(xp, 2.0)
    y = x * z
    x.requires_grad_(False)
    y.backward()
    return x.grad, z.grad


@live
def test_gradients_come_in_the_type_of_the_leaf(xp: Any) -> Any:
    """Through mixed types each leaf gets a gradient of its own type."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 3.0, 4.0, dtype="float64")
    (x * z).sum().backward()
    return x.grad, z.grad


# hooks ----------------------------------------------------------------------------------------------------------------


@live
def test_tensor_hooks_chain(xp: Any) -> Any:
    """Hooks run in the order of registration, each on what the one before returned; a removed one does not run."""
    x, log = leaf(xp, 3.0), []
    y = x * 2
    y.register_hook(lambda grad: grad * 10)
    gone = y.register_hook(lambda grad: grad * 1000)
    y.register_hook(lambda grad: log.append(grad.item()))
    gone.remove()
    gone.remove()
    y.backward()
    return log, x.grad


@live
def test_a_handle_is_a_context(xp: Any) -> Any:
    """A hook can be limited to a ``with`` block."""
    x, log = leaf(xp, 3.0), []
    with x.register_hook(lambda grad: log.append(1)):
        (x * 2).backward()
    (x * 2).backward()
    return log


@live
def test_the_order_of_hooks_on_one_node(xp: Any) -> Any:
    """On one node: tensor hooks, retain_grad, pre-hooks, the formula, post-hooks."""
    x, log = leaf(xp, 3.0), []
    y = x * 2
    y.grad_fn.register_prehook(lambda grads: log.append(("pre", grads[0].item())) or (grads[0] * 7,))
    y.grad_fn.register_hook(
        lambda ins, outs: log.append(("post", ins[0].item(), outs[0].item())) or (ins[0] * 3, ins[1])
    )
    y.retain_grad()
    y.register_hook(lambda grad: log.append(("tensor", grad.item())) or grad * 5)
    y.backward()
    return log, y.grad, x.grad


@live
def test_hooks_of_an_accumulator(xp: Any) -> Any:
    """The leaf's own node runs pre-hooks before it adds and post-hooks after, on no gradients of inputs."""
    x, log = leaf(xp, 3.0), []
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    node.register_prehook(lambda grads: log.append(("pre", grads[0].item(), x.grad)))
    node.register_hook(lambda ins, outs: log.append(("post", ins, outs[0].item(), x.grad.item())))
    x.register_post_accumulate_grad_hook(lambda t: log.append(("filled", t is x)))
    x.register_hook(lambda grad: log.append("tensor"))
    y.backward()
    return log


@live
def test_hooks_that_return_what_does_not_fit(xp: Any) -> Any:
    """A hook that returns another shape or type, or no tensor, is refused by name."""

    def refused(register: str, hook: Any) -> Any:
        y = leaf(xp, 1.0, 2.0) * 2
        getattr(y if register == "tensor" else y.grad_fn, "register_hook" if register != "pre" else "register_prehook")(
            hook
        )
        return attempt(lambda: y.backward(xp.ones(2)))

    return [
        refused("tensor", lambda grad: grad[:1]),
        refused("tensor", lambda grad: grad.double()),
        refused("tensor", lambda grad: 2.0),
        refused("node", lambda ins, outs: ins[0]),
        refused("node", lambda ins, outs: (ins[0],)),
        refused("node", lambda ins, outs: (ins[0].double(), None)),
        refused("node", lambda ins, outs: (3, None)),
        refused("pre", lambda outs: outs[0]),
        refused("pre", lambda outs: (outs[0], outs[0])),
        refused("pre", lambda outs: (outs[0].sum(),)),
        refused("tensor", 7),
    ]


@live
def test_hooks_of_several_outputs(xp: Any) -> Any:
    """Each output of a node has its own hooks; outputs without a gradient run none."""
    x, log = leaf(xp, 1.0, 2.0, 3.0), []
    a, b, c = x.unbind(0)
    traced(log, a=a, b=b, c=c)
    b.retain_grad()
    a.grad_fn.register_prehook(lambda grads: log.append([None if g is None else g.item() for g in grads]))
    (a * 2 + b * 3).backward()
    return log, b.grad, x.grad


@live
def test_hooks_under_create_graph_are_recorded(xp: Any) -> Any:
    """What a hook computes under ``create_graph`` is differentiated; otherwise it is not recorded."""
    x, modes = leaf(xp, 3.0), []
    y = x * x
    y.register_hook(lambda grad: modes.append((xp.is_grad_enabled(), grad.requires_grad)) or grad * x)
    (g,) = xp.autograd.grad(y * 2, x, create_graph=True)
    second = xp.autograd.grad(g, x)
    z = x * x
    z.register_hook(lambda grad: modes.append((xp.is_grad_enabled(), grad.requires_grad)) or grad * x)
    z.backward()
    return g, second, x.grad, modes


@live
def test_a_hook_that_is_registered_during_the_pass(xp: Any) -> Any:
    """A hook put on an upstream tensor from within a later node's hook still runs in the same pass."""
    x, log = leaf(xp, 3.0), []
    y = x * 2
    z = y * 3
    z.register_hook(lambda grad: y.register_hook(lambda g: log.append("late")) and None)
    z.backward()
    return log


@live
def test_post_accumulate_hooks(xp: Any) -> Any:
    """They see the leaf with its new ``.grad``, may clear it, and serve leaves only."""
    x, log = leaf(xp, 3.0), []

    def step(t: Any) -> None:
        log.append(t.grad.item())
        t.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (x * x).backward()
    handle.remove()
    (x * x).backward()
    return log, x.grad, attempt(lambda: (x * 2).register_post_accumulate_grad_hook(step))


@live
def test_post_accumulate_hooks_return_nothing(xp: Any) -> Any:
    """What they return is refused, unless it is the leaf itself; the next hook would see it."""
    seen = []

    def returning(result: Any) -> Any:
        x, log = leaf(xp, 3.0), []
        x.register_post_accumulate_grad_hook(lambda t: t if result == "itself" else result)
        x.register_post_accumulate_grad_hook(lambda t: log.append(t is x))
        return attempt((x * 2).backward), log, x.grad

    for result in (None, "itself", 0, "text", (1,), xp.tensor(1.0), xp.ones(7)):
        seen.append(returning(result))
    return seen


@live
def test_hooks_on_no_gradient(xp: Any) -> Any:
    """An output that no gradient reached has its hooks called with None, which they cannot replace."""

    def hooked(hook: Any) -> Any:
        x, log = leaf(xp, 1.0, 2.0), []
        a, b = x.unbind(0)
        b.register_hook(lambda grad: log.append(grad) or hook(grad))
        return attempt(a.backward), log, x.grad

    return hooked(lambda grad: None), hooked(lambda grad: 3.0), hooked(lambda grad: xp.tensor(1.0))


@live
def test_post_accumulate_hooks_with_inputs(xp: Any) -> Any:
    """They run for those leaves only that the pass is restricted to."""
    x, z, log = leaf(xp, 3.0), leaf(xp, 4.0), []
    for name, t in (("x", x), ("z", z)):
        t.register_post_accumulate_grad_hook(lambda t, name=name: log.append(name))
    (x * z).backward(inputs=[z])
    xp.autograd.grad(x * z, [x])
    return log, x.grad, z.grad


@live
def test_hooks_are_refused_where_no_gradient_comes(xp: Any) -> Any:
    """A tensor that requires no gradient takes no hooks."""
    x = leaf(xp, 1.0, requires_grad=False)
    hook = lambda *args: None  # noqa: E731
    return [
        attempt(lambda n=n: getattr(x, n)(hook)) for n in ("register_hook", "register_post_accumulate_grad_hook")
    ] + [attempt(x.retain_grad)]


@live
def test_retain_grad(xp: Any) -> Any:
    """A retained gradient accumulates over passes, is the last hook's, and is no alias of a leaf's."""
    x = leaf(xp, 3.0, 4.0)
    y = x + 1
    flags = [y.retains_grad, x.retains_grad]
    y.retain_grad()
    x.retain_grad()
    flags += [y.retains_grad, x.retains_grad]
    y.register_hook(lambda grad: grad * 10)
    for _ in range(2):
        y.backward(xp.ones(2), retain_graph=True)
    y.grad.mul_(100)
    return flags, y.grad, x.grad


@live
def test_retain_grad_of_a_tensor_that_died(xp: Any) -> Any:
    """The node's reference to the tensor is weak: a dead one is passed over."""
    x = leaf(xp, 3.0)
    y = x * x
    y.retain_grad()
    z = y * 2
    del y
    z.backward()
    return x.grad


@live
def test_capture_and_hooks(xp: Any) -> Any:
    """``grad`` captures an inner tensor before its hooks if the pass goes on from it, and after them if it ends there."""
    x = leaf(xp, 3.0)

    def program(inputs: Any, prehook: bool) -> Any:
        h = x * 3
        h.register_hook(lambda grad: grad * 10)
        if prehook:
            h.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))
        return xp.autograd.grad(h * 1, [h, x] if inputs == "both" else [h])

    return [program(inputs, pre) for inputs in ("both", "inner") for pre in (False, True)]


@live
def test_a_pass_within_a_hook(xp: Any) -> Any:
    """A hook may run another pass; it must switch grad mode on to build a graph."""
    x, z = leaf(xp, 3.0), leaf(xp, 4.0)

    def inner(grad: Any) -> None:
        with xp.enable_grad():
            (z * z).backward()

    y = x * x
    y.register_hook(inner)
    (y * 2).backward()
    failed = x * x
    failed.register_hook(lambda grad: (z * z).backward())
    return x.grad, z.grad, attempt(failed.backward)


# partial passes -------------------------------------------------------------------------------------------------------


@live
def test_inputs_restrict_the_pass(xp: Any) -> Any:
    """``inputs`` fills those tensors only, leaves and inner ones alike, and runs no more than leads to them."""
    a, b = leaf(xp, 2.0), leaf(xp, 3.0)
    log: list[str] = []
    y, other = a * b, b * 7
    z = y * other
    traced(log, a=a, b=b, y=y, other=other)
    z.backward(inputs=[y, a], retain_graph=True)
    before = (a.grad, b.grad, y.grad)
    z.backward(inputs=b)
    return before, log, a.grad, b.grad


@live
def test_grad_frees_what_it_ran_only(xp: Any) -> Any:
    """A partial pass frees the nodes that it ran; the rest of the graph can still be run."""
    a, b = leaf(xp, 2.0), leaf(xp, 3.0)
    y, w = a.exp(), b.exp()
    z = y + w
    return (
        xp.autograd.grad(z, a),
        attempt(lambda: xp.autograd.grad(z, a)),
        xp.autograd.grad(z, b),
        xp.autograd.grad(y, y),
    )


@live
def test_unused_inputs(xp: Any) -> Any:
    """An input outside the graph is an error, or None, or zeros, as asked."""
    x, z = leaf(xp, 2.0), leaf(xp, 3.0, 4.0)
    y = x * 2
    return [
        attempt(lambda: xp.autograd.grad(y, [x, z], retain_graph=True)),
        xp.autograd.grad(y, [z, x], retain_graph=True, allow_unused=True),
        xp.autograd.grad(y, [z, x], materialize_grads=True),
    ]


@live
def test_an_input_beyond_another(xp: Any) -> Any:
    """Inputs that lie on the way to one another each get their whole gradient."""
    x = leaf(xp, 2.0)
    a = x * 3
    b = a * a
    c = b + a
    return xp.autograd.grad(c, [c, b, a, x, x])


# what is freed --------------------------------------------------------------------------------------------------------


@live
def test_a_second_pass(xp: Any) -> Any:
    """Nodes that saved something can run once, unless the graph is retained; those that saved nothing run again."""
    x = leaf(xp, 2.0)
    saving, plain = x.exp(), x + x
    kept = x.sin()
    kept.backward(retain_graph=True)
    kept.backward()
    saving.backward()
    plain.backward()
    return [attempt(saving.backward), attempt(plain.backward), attempt(kept.backward), x.grad]


@live
def test_an_aborted_pass_has_freed_what_it_ran(xp: Any) -> Any:
    """After an error the nodes that ran are freed, the others are not."""
    x = leaf(xp, 2.0)
    y = x.exp()
    z = y.sin()
    handle = y.register_hook(lambda grad: 1 / 0)
    first = attempt(z.backward)
    handle.remove()
    return first, attempt(z.backward), attempt(y.backward), x.grad, xp.is_grad_enabled()


@live
def test_saved_values_of_a_node(xp: Any) -> Any:
    """``_saved_*`` reads what a node saved, until it is freed; a node that saved none has no such attribute."""
    x, z = leaf(xp, 2.0), leaf(xp, 3.0)
    y = x.exp() * z
    node = y.grad_fn
    seen = [node._saved_self, node._saved_other, attempt(lambda: node._saved_foo)]
    y.backward()
    return seen, attempt(lambda: node._saved_self), attempt(lambda: (x + z).grad_fn._saved_self)


def test_reference_counting_alone_frees_a_graph() -> None:
    """Graphs, run or not, hold no cycles: with the collector off, all nodes go with the last reference."""
    gc.collect()
    gc.disable()
    try:
        refs = [ref for run in (False, True) for create in (False, True) for ref in _graph(run, create)]
        alive = [r() for r in refs if r() is not None]
        assert alive == []
        assert gc.collect() == 0
    finally:
        gc.enable()


def _graph(run: bool, create: bool) -> list[weakref.ref[Any]]:
    """Weak references to all nodes and tensors of a graph that then goes out of scope."""
    x = refgrad.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    hidden = (x @ x).exp()
    base = hidden * 1
    base[0].mul_(2)
    top = base.max(0).values
    y = refgrad.log_softmax(top, 0).tanh().sum() * x.std()
    hidden.register_hook(lambda grad: grad * 2)
    hidden.retain_grad()
    tensors = [x, hidden, base, top, y]
    if run:
        (grad,) = refgrad.autograd.grad(y, x, create_graph=create)
        tensors.append(grad)
    if run and not create:
        (x * 2).sum().backward()
    nodes = [node for t in tensors[1:] if t.grad_fn is not None for node in _nodes(t.grad_fn)]
    return [weakref.ref(thing) for thing in (*tensors, *nodes)]


def _nodes(root: Any) -> list[Any]:
    found, stack = {root}, [root]
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is not None and node not in found:
                found.add(node)
                stack.append(node)
    return list(found)


@live
def test_what_keeps_what_alive(xp: Any) -> Any:
    """A graph keeps leaves and saved tensors alive, and nothing that no rule needs."""
    x = leaf(xp, 2.0)
    plain, saved = x + 1, x.sin()
    refs = [weakref.ref(plain), weakref.ref(saved)]
    y = plain * 2 + saved * saved
    node = y.grad_fn
    del plain, saved, y
    alive = [r() is not None for r in refs]
    leaf_ref = weakref.ref(x)
    del x
    return alive, leaf_ref() is not None, node.name()


def test_accumulators_live_with_their_graphs() -> None:
    """A leaf has one AccumulateGrad at a time, which lives as long as a graph uses it."""
    x = refgrad.tensor(1.0, requires_grad=True)
    a, b = x * 2, x * 3
    first = a.grad_fn.next_functions[0][0]
    assert first is b.grad_fn.next_functions[0][0]
    assert first.variable is x
    ref = weakref.ref(first)
    del a, b, first
    assert ref() is None


# errors and threads ---------------------------------------------------------------------------------------------------


@primitive()
def broken(input: Any, /) -> Any:
    """A forward that works, with a rule that does not."""
    return np.negative(input)


@broken.defvjp
def _(grad: Any) -> Any:
    raise ArithmeticError("the rule failed")


del PRIMITIVES["broken"]  # not for those who go through all ops


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("enabled", [False, True])
def test_an_error_in_a_rule_leaves_the_modes_as_before(create_graph: bool, enabled: bool) -> None:
    """An exception in a rule passes through, and grad mode and NumPy's error state are those from before."""
    x = refgrad.tensor([1.0, 2.0], requires_grad=True)
    y = broken(x * 2)  # type: ignore[operator]
    before = np.geterr()
    with refgrad.set_grad_enabled(enabled), pytest.raises(ArithmeticError, match="the rule failed"):
        y.backward(refgrad.ones(2), create_graph=create_graph)
    with refgrad.set_grad_enabled(enabled):
        assert refgrad.is_grad_enabled() is enabled
    assert np.geterr() == before
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


@live
def test_interrupts_pass_through(xp: Any) -> Any:
    """A KeyboardInterrupt in a hook ends the pass and leaves nothing stuck."""
    x = leaf(xp, 2.0)
    y = x * x

    def stop(grad: Any) -> None:
        raise KeyboardInterrupt("stop")

    y.register_hook(stop)
    first = attempt(y.backward)
    (x * 3).backward()
    return first, x.grad, xp.is_grad_enabled()


def test_threads_on_separate_graphs() -> None:
    """Sixty-four threads, each on a graph of its own, get the gradients that one thread gets."""
    wrong: list[int] = []

    def work(seed: int) -> None:
        data = np.random.default_rng(seed).uniform(0.5, 1.5, (3, 4))
        x = refgrad.tensor(data, requires_grad=True)
        for _ in range(5):
            x.grad = None
            y = x
            for _ in range(20):
                y = (y * x).sin() + y
            with refgrad.no_grad():
                y.detach().sum()
            (y.exp()).sum().backward()
        results[seed] = x.grad.numpy()

    results: dict[int, Any] = {}
    threads = [threading.Thread(target=work, args=(i,)) for i in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parallel = dict(results)
    for i in (0, 17, 63):
        work(i)
        if not np.array_equal(parallel[i], results[i]):
            wrong.append(i)
    assert len(parallel) == 64
    assert wrong == []


def test_threads_on_one_leaf() -> None:
    """Threads that share a leaf and run separate passes each get its gradient from ``grad``."""
    x = refgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    results: list[Any] = []

    def work() -> None:
        results.append(refgrad.autograd.grad((x * x * x).sum(), x)[0].tolist())

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[3.0, 12.0, 27.0]] * 16


def test_rules_run_on_bare_arrays_unless_recorded() -> None:
    """An ordinary pass gives rules arrays, a recorded one tensors."""
    seen: list[type] = []

    @primitive()
    def spied(input: Any, /) -> Any:
        """Negative."""
        return np.negative(input)

    def rule(grad: Any, input: Any) -> Any:
        seen.extend((type(grad), type(input)))
        return ops.neg(grad)

    spied.defvjp(rule)
    del PRIMITIVES["spied"]
    x = refgrad.tensor([1.0, 2.0], requires_grad=True)
    refgrad.autograd.grad(spied(x), x, refgrad.ones(2))
    refgrad.autograd.grad(spied(x), x, refgrad.ones(2), create_graph=True)
    assert seen == [np.ndarray] * 2 + [refgrad.Tensor] * 2


@pytest.mark.parametrize("name", ["exp", "square", "neg", "sum"])
@pytest.mark.parametrize("spoil", ["free", "write"])
def test_what_no_gradient_reaches_is_looked_at(name: str, spoil: str) -> None:
    """A node that gets no gradient still refuses saved tensors that are freed, or were written to."""

    @live
    def scene(xp: Any) -> Any:
        class First(xp.autograd.Function):  # type: ignore[name-defined,misc]
            @staticmethod
            def forward(ctx: Any, input: Any, other: Any) -> Any:
                return input.clone()

            @staticmethod
            def backward(ctx: Any, grad: Any) -> Any:
                return grad, None

        a, b = leaf(xp, 2.0), leaf(xp, 1.0)
        inner = a + 0
        other = getattr(xp, name)(inner)
        if spoil == "free":
            other.backward()
        with xp.no_grad():
            inner.mul_(2), other.mul_(2)
        return attempt(First.apply(b, other).backward), a.grad, b.grad

    scene()


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3,)])
def test_a_gradient_can_be_written_into(shape: tuple[int, ...]) -> None:
    """The gradient of a sum lies in one number's memory, which may be written."""

    @live
    def scene(xp: Any) -> Any:
        input = xp.ones(shape, requires_grad=True)
        (grad,) = xp.autograd.grad(xp.sum(input), input)
        return grad.fill_(2.0).clone(), grad.zero_()

    scene()
