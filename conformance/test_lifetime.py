"""What the graph keeps alive and for how long, in which order it runs, and how its sums round."""

import gc
import weakref

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("RET-09", source=SOURCE, level="may", profile="namespace")
def test_backward_frees_saved_tensors(xp):
    """A saved intermediate dies at backward, though the graph's root lives."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    h = x.exp()
    y = (h * h).sum()
    alive = weakref.ref(h)
    del h
    assert alive() is not None
    y.backward()
    gc.collect()
    assert alive() is None


@behaviour("RET-10", source=SOURCE, level="may", profile="namespace")
def test_retain_graph_keeps_them(xp):
    """With retain_graph=True a saved intermediate lives as long as the root."""
    x = xp.tensor([2.0, 3.0], requires_grad=True)
    h = x.exp()
    y = (h * h).sum()
    alive = weakref.ref(h)
    del h
    y.backward(retain_graph=True)
    assert alive() is not None
    del y
    gc.collect()
    assert alive() is None


@behaviour("DEEP-07", source=SOURCE, level="may", profile="namespace")
def test_unsaved_intermediate(xp):
    """An intermediate that no op saved dies with its name."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x + 1
    z = y + 2
    alive = weakref.ref(y)
    del y
    gc.collect()
    assert alive() is None
    assert z.requires_grad


@behaviour("GRAPH-32", source=SOURCE, level="may", profile="namespace")
def test_no_global_tape(xp):
    """A result that nobody uses dies at once, its part of the graph with it: there is no global tape."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    h = x.exp()
    alive = weakref.ref(h)
    y = h * h
    del h, y
    gc.collect()
    assert alive() is None


@behaviour("DEEP-10", source=SOURCE, level="may", profile="namespace")
def test_graph_keeps_its_leaves(xp):
    """A leaf without a name lives on in the graph, and its accumulator knows it."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    alive = weakref.ref(x)
    del x
    assert alive() is not None
    assert y.grad_fn.next_functions[0][0].variable is alive()


@behaviour("DEEP-02", source=SOURCE)
def test_deep_graph_dropped(xp, check):
    """A chain of 20,000 products can be dropped without backward: destruction does not recurse."""
    x = xp.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    del y
    (x * 2).backward()
    check.equal(x.grad, 2.0)


@behaviour("DEEP-05", source=SOURCE)
def test_wide_graph(xp, check):
    """2,000 uses of one tensor add up."""
    x, total = xp.tensor(1.0, requires_grad=True), 0
    for k in range(2_000):
        total = total + x * k
    total.backward()
    check.equal(x.grad, 1_999_000.0)


@behaviour("EX-18", source=SOURCE, level="may", profile="namespace")
def test_order_of_the_sum(xp, check):
    """Contributions are added from the latest use to the earliest, as float32 rounding shows: 1 + -1e8 + 1e8 is 0."""
    x = xp.tensor(1.0, requires_grad=True)
    a, b, c = x * 1e8, x * -1e8, x * 1.0
    (a + b + c).backward()
    check.equal(x.grad, 0.0)


@behaviour("EX-19", source=SOURCE, level="may", profile="namespace")
def test_rounding_of_the_sum(xp, check):
    """Contributions to a float16 tensor are added in float16: 3,000 ones make 2048."""
    x = xp.tensor(0.0, dtype=xp.float16, requires_grad=True)
    xp.stack([x * 1 for _ in range(3_000)]).sum().backward()
    check.equal(x.grad, 2048.0)


@behaviour("EX-15", source=SOURCE, level="should", profile="namespace")
def test_used_under_no_grad_only(xp, check):
    """Where a tensor's only use was under no_grad, the error speaks of the output: it does not require grad."""
    x = xp.tensor(2.0, requires_grad=True)
    with xp.no_grad():
        y = x * 2
    with check.raises("RuntimeError", "element 0 of tensors does not require grad and does not have a grad_fn"):
        xp.autograd.grad(y, x)


@behaviour("EX-16", source=SOURCE, profile="namespace")
def test_constant_switched_on_after_use(xp, check):
    """A constant told to require grad after it was used gets no gradient from that use."""
    x = xp.tensor(2.0, requires_grad=True)
    c = xp.tensor(3.0)
    y = x * c
    c.requires_grad_()
    y.backward()
    check.none(c.grad)
    check.equal(x.grad, 3.0)
