"""What backward frees, what retain_graph keeps, and which graphs need neither."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
FREED = "Trying to backward through the graph a second time"


@behaviour("RET-20", source="the tutorial; torch 2.13.0")
def test_second_backward(xp, check):
    """A second backward through x * x is an error, and adds nothing."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    y.backward()
    with check.raises("Exception", ""):
        y.backward()
    check.equal(x.grad, 4.0)


@behaviour("RET-01", source=SOURCE, level="should", profile="namespace")
def test_text(xp, check):
    """The error names the second backward and offers retain_graph=True."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    y.backward()
    for text in (
        FREED,
        "(or directly access saved tensors after they have already been freed)",
        "Specify retain_graph=True if you need to backward through the graph a second time",
    ):
        with check.raises("RuntimeError", text):
            y.backward()


@behaviour("RET-03", source="the tutorial; torch 2.13.0")
def test_retain_graph(xp, check):
    """With retain_graph=True backward can be called again; the last call without it frees the graph."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    y.backward(retain_graph=True)
    check.equal(x.grad, 4.0)
    y.backward()
    check.equal(x.grad, 8.0)
    with check.raises("Exception", ""):
        y.backward()


@behaviour("TUT-11", source="the tutorial")
def test_several_roots(xp, check):
    """Two roots over one intermediate: the first backward with retain_graph, the second without."""
    x = xp.tensor(2.0, requires_grad=True)
    h = x**2
    first, second = h * 3, h**2
    first.backward(retain_graph=True)
    check.equal(x.grad, 12.0)
    second.backward()
    check.equal(x.grad, 44.0)


REPEATABLE = {
    "add_scalar": lambda xp, x: x + 2,
    "sub": lambda xp, x: x - 1,
    "neg": lambda xp, x: -x,
    "sum": lambda xp, x: x.sum(),
    "mean": lambda xp, x: x.mean(),
    "view": lambda xp, x: x.view(1),
    "t": lambda xp, x: x.view(1, 1).t(),
    "clone": lambda xp, x: x.clone(),
    "expand": lambda xp, x: x.expand(1, 1),
    "select": lambda xp, x: x[0],
    "cat": lambda xp, x: xp.cat([x]),
    "double": lambda xp, x: x.double(),
    "cumsum": lambda xp, x: x.cumsum(0),
    "floor": lambda xp, x: x.floor(),
    "flip": lambda xp, x: x.flip(0),
}
SAVING = {
    "mul_scalar": lambda xp, x: x * 2,
    "div_scalar": lambda xp, x: x / 2,
    "square": lambda xp, x: x**2,
    "scalar_base": lambda xp, x: 2**x,
    "exp": lambda xp, x: x.exp(),
    "mul_constant": lambda xp, x: x * xp.ones(1),
    "div_constant": lambda xp, x: x / xp.ones(1),
    "relu": lambda xp, x: x.relu(),
    "abs": lambda xp, x: x.abs(),
    "index": lambda xp, x: x[[0]],
    "where": lambda xp, x: xp.where(xp.tensor([True]), x, x),
    "clamp": lambda xp, x: x.clamp(0, 9),
    "max": lambda xp, x: x.max(),
    "max_dim": lambda xp, x: x.max(0)[0],
    "softmax": lambda xp, x: x.softmax(0),
    "std": lambda xp, x: xp.cat([x, x * 0]).std(),
    "matmul": lambda xp, x: x @ xp.ones(1),
    "sort": lambda xp, x: x.sort()[0],
}


@behaviour("RET-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", REPEATABLE.values(), ids=REPEATABLE)
def test_nothing_saved(xp, check, fn):
    """A graph whose ops saved no tensor goes backward any number of times."""
    x = xp.tensor([2.0], requires_grad=True)
    y = fn(xp, x)
    y.backward()
    once = x.grad.item()
    y.backward()
    check.equal(x.grad, [2 * once])


@behaviour("RET-21", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("fn", SAVING.values(), ids=SAVING)
def test_something_saved(xp, check, fn):
    """A graph whose op saved a tensor goes backward once."""
    y = fn(xp, xp.tensor([2.0], requires_grad=True))
    y.backward()
    with check.raises("RuntimeError", FREED):
        y.backward()


@behaviour("RET-04", source=SOURCE, profile="namespace")
def test_shared_part(xp, check):
    """Two losses over one intermediate: an error where it had saved something, none where it had not."""
    x = xp.tensor(0.0, requires_grad=True)
    saving, plain = x.exp(), x + 1
    (saving + 1).backward()
    with check.raises("RuntimeError", FREED):
        (saving + 1).backward()
    (plain + 1).backward()
    (plain + 1).backward()
    check.equal(x.grad, 3.0)


@behaviour("RET-05", source=SOURCE, level="should", profile="namespace")
def test_grad_frees_too(xp, check):
    """autograd.grad frees the graph as backward does."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    xp.autograd.grad(y, x)
    with check.raises("RuntimeError", FREED):
        y.backward()


@behaviour("RET-22", source=SOURCE, profile="namespace")
def test_grad_retains_too(xp, check):
    """autograd.grad takes retain_graph as backward does."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * x
    for _ in range(2):
        check.equal(xp.autograd.grad(y, x, retain_graph=True)[0], 4.0)
    y.backward()
    check.equal(x.grad, 4.0)


@behaviour("RET-08", source=SOURCE, profile="namespace")
def test_no_rollback(xp, check):
    """Leaves reached before the freed node keep what they got: there is no rollback."""
    x, z = xp.tensor(1.0, requires_grad=True), xp.tensor(0.0, requires_grad=True)
    h = z.exp()
    h.backward()
    with check.raises("RuntimeError", FREED):
        (h + 0 + x * 1).backward()
    check.equal(x.grad, 1.0)
    check.equal(z.grad, 1.0)


@behaviour("RET-12", source=SOURCE, profile="namespace")
def test_create_graph_without_retaining(xp, check):
    """create_graph=True with retain_graph=False frees the forward graph; the gradient's graph is its own."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**3
    (grad,) = xp.autograd.grad(y, x, create_graph=True, retain_graph=False)
    check.equal(xp.autograd.grad(grad, x)[0], 12.0)
    with check.raises("RuntimeError", FREED):
        xp.autograd.grad(y, x)


@behaviour("BWD-45", source=SOURCE, profile="namespace")
def test_create_graph_retains(xp, check):
    """retain_graph defaults to create_graph's value."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**3
    xp.autograd.grad(y, x, create_graph=True)
    y.backward()
    check.equal(x.grad, 12.0)


@behaviour("RET-15", source=SOURCE)
def test_sum_three_times(xp, check):
    """A sum goes backward three times: sizes are never freed."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.sum()
    for _ in range(3):
        y.backward()
    check.equal(x.grad, [3.0, 3.0])


@behaviour("RET-16", source=SOURCE)
def test_carried_over_state(xp, check):
    """A recurrent state carried over without detach makes the second step's backward an error; detached it is none."""
    w, h = xp.tensor(0.5, requires_grad=True), xp.tensor(1.0)
    h = (h * w) ** 2
    h.backward()
    detached = (h.detach() * w) ** 2
    attached = (h * w) ** 2
    detached.backward()
    with check.raises("Exception", ""):
        attached.backward()
    check.close(w.grad, 1.0 + 2 * 0.25**2 * 0.5)


@behaviour("RET-17", source=SOURCE, level="should", profile="namespace")
def test_retained_but_updated(xp, check):
    """... and with retain_graph and a weight updated in place it is the version error instead."""
    w, h = xp.tensor(0.5, requires_grad=True), xp.tensor(1.0)
    with check.raises("RuntimeError", "is at version 2; expected version 1 instead"):
        for _ in range(3):
            h = (h * w).tanh()
            h.backward(retain_graph=True)
            with xp.no_grad():
                w -= 0.1


@behaviour("RET-18", source=SOURCE, profile="namespace")
def test_raises_before_accumulating(xp, check):
    """Where the first node was freed, the error comes before any gradient is added."""
    x = xp.tensor(-1.0, requires_grad=True)
    y = (x + 1).exp()
    y.backward()
    with check.raises("RuntimeError", FREED):
        y.backward()
    check.equal(x.grad, 1.0)


@behaviour("RET-23", source="the tutorial")
def test_fresh_graph(xp, check):
    """Computing the output again makes a new graph: no retain_graph is needed."""
    x = xp.tensor(2.0, requires_grad=True)
    for _ in range(2):
        (x * x).backward()
    check.equal(x.grad, 8.0)


@behaviour("RET-19", source=SOURCE, profile="namespace")
def test_raises_half_way(xp, check):
    """Where a later node was freed the ones above it run first: a leaf beside it is accumulated once more."""
    x, z = xp.tensor(0.0, requires_grad=True), xp.tensor(0.0, requires_grad=True)
    y = x.exp() + z
    y.backward()
    with check.raises("RuntimeError", FREED):
        y.backward()
    check.equal(x.grad, 1.0)
    check.equal(z.grad, 2.0)
