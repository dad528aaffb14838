"""The graph: names of its nodes, its edges, what is shared, what is cut."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"

NAMES = {
    "x + y": "AddBackward0",
    "x + 1": "AddBackward0",
    "1 + x": "AddBackward0",
    "x - y": "SubBackward0",
    "x - 1": "SubBackward0",
    "1 - x": "RsubBackward1",
    "x * y": "MulBackward0",
    "2 * x": "MulBackward0",
    "x / y": "DivBackward0",
    "x / 2": "DivBackward0",
    "2 / x": "MulBackward0",
    "-x": "NegBackward0",
    "x ** 2": "PowBackward0",
    "x ** y": "PowBackward1",
    "2 ** x": "PowBackward2",
    "x % 2": "RemainderBackward0",
    "abs(x)": "AbsBackward0",
    "x @ y": "DotBackward0",
    "m @ m": "MmBackward0",
    "m @ x": "MvBackward0",
    "x.sum()": "SumBackward0",
    "x.sum(0)": "SumBackward1",
    "x.mean()": "MeanBackward0",
    "x.mean(0)": "MeanBackward1",
    "x.max()": "MaxBackward1",
    "x.exp()": "ExpBackward0",
    "x.log()": "LogBackward0",
    "x.sqrt()": "SqrtBackward0",
    "x.sin()": "SinBackward0",
    "x.cos()": "CosBackward0",
    "x.tanh()": "TanhBackward0",
    "x.sigmoid()": "SigmoidBackward0",
    "x.relu()": "ReluBackward0",
    "x.softmax(0)": "SoftmaxBackward0",
    "x.log_softmax(0)": "LogSoftmaxBackward0",
    "x.clone()": "CloneBackward0",
    "x.double()": "ToCopyBackward0",
    "x[0]": "SelectBackward0",
    "x[:1]": "SliceBackward0",
    "x[[0]]": "IndexBackward0",
    "x[None]": "UnsqueezeBackward0",
    "m.t()": "TBackward0",
    "m.T": "PermuteBackward0",
    "m.view(4)": "ViewBackward0",
    "m.reshape(4)": "ViewBackward0",
    "m.transpose(0, 1)": "TransposeBackward0",
    "x.expand(3, 2)": "ExpandBackward0",
    "xp.cat([x, y])": "CatBackward0",
    "xp.stack([x, y])": "StackBackward0",
    "xp.where(x > 0, x, y)": "WhereBackward0",
    "xp.maximum(x, y)": "MaximumBackward0",
    "x.clamp(0, 1)": "ClampBackward1",
}


@behaviour("GRAPH-01", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(("expression", "name"), NAMES.items(), ids=NAMES)
def test_name(xp, check, expression, name):
    """grad_fn is named after the op that made the tensor, and the overload that was chosen."""
    x, y = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([3.0, 4.0], requires_grad=True)
    m = xp.ones(2, 2, requires_grad=True)
    check.text(eval(expression, {"x": x, "y": y, "m": m, "xp": xp}).grad_fn.name(), name)  # the id is the expression


@behaviour("GRAPH-36", source=SOURCE, level="should", profile="namespace")
def test_pow_overloads(xp):
    """The suffix of a pow node says which of base and exponent was a tensor."""
    x = xp.tensor(2.0, requires_grad=True)
    results = (x**2, x ** xp.tensor(2.0), x**x, 2**x, xp.pow(xp.tensor(2.0), x))
    assert [y.grad_fn.name()[-1] for y in results] == ["0", "1", "1", "2", "1"]


@behaviour("TUT-03", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
def test_affine(xp):
    """The graph of w * x + b: an AddBackward0 over a MulBackward0 and b's accumulator."""
    x, w, b = (xp.tensor([v], requires_grad=True) for v in (1.0, 2.0, 3.0))
    y = w * x + b
    assert y.grad_fn.name() == "AddBackward0"
    (mul, mul_nr), (accumulate_b, b_nr) = y.grad_fn.next_functions
    assert (mul.name(), mul_nr, b_nr) == ("MulBackward0", 0, 0)
    assert accumulate_b.variable is b
    assert [node.variable is leaf for (node, _), leaf in zip(mul.next_functions, (w, x), strict=True)] == [True, True]


@behaviour("GRAPH-03", source=SOURCE, level="should", profile="namespace")
def test_repr(xp):
    """A node's type is named as the node, and so is its repr."""
    node = (xp.ones(1, requires_grad=True) * 2).grad_fn
    assert type(node).__name__ == "MulBackward0"
    assert repr(node).startswith("<MulBackward0 object at 0x")


@behaviour("GRAPH-04", source=SOURCE, level="should", profile="namespace")
def test_edges(xp):
    """A constant, tensor or number, is an edge to nothing; rsub has one edge only."""
    x = xp.ones(1, requires_grad=True)
    assert [node is None for node, _ in (x * 2).grad_fn.next_functions] == [False, True]
    assert [node is None for node, _ in (x + xp.ones(1)).grad_fn.next_functions] == [False, True]
    assert len((2 - x).grad_fn.next_functions) == 1
    assert type((x * 2).grad_fn.next_functions[0][0]).__name__ == "AccumulateGrad"


@behaviour("GRAPH-06", source=SOURCE, level="should", profile="namespace")
def test_one_accumulator(xp):
    """All uses of a leaf lead to one accumulator."""
    x = xp.ones(1, requires_grad=True)
    a, b = x * 2, x + 1
    assert a.grad_fn.next_functions[0][0] is b.grad_fn.next_functions[0][0]


@behaviour("GRAPH-08", source=SOURCE, level="should", profile="namespace")
def test_edge_to_an_output(xp):
    """An edge names the output that it leads to."""
    a, b = xp.tensor([1.0, 2.0], requires_grad=True).unbind()
    (first, first_nr), (second, second_nr) = (a * b).grad_fn.next_functions
    assert (first_nr, second_nr) == (0, 1)
    assert first is second


@behaviour("GRAPH-09", source=SOURCE, level="should", profile="namespace")
def test_node_identity(xp):
    """grad_fn read twice is the same object."""
    y = xp.ones(1, requires_grad=True) * 2
    assert y.grad_fn is y.grad_fn


@behaviour("GRAPH-12", source=SOURCE, level="may", profile="namespace")
def test_saved_values(xp, check):
    """A product saves only the factors that a needed gradient uses."""
    x, c = xp.tensor([2.0], requires_grad=True), xp.tensor([5.0])
    node = (x * c).grad_fn
    check.none(node._saved_self)
    check.equal(node._saved_other, [5.0])


@behaviour("GRAPH-13", source=SOURCE, level="should", profile="namespace")
def test_saved_values_are_freed(xp, check):
    """A saved value read after backward is an error: it has been freed."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * x
    y.backward()
    with check.raises("RuntimeError", "after they have already been freed"):
        y.grad_fn._saved_self  # noqa: B018


@behaviour("GRAPH-22", source=SOURCE)
@pytest.mark.parametrize(("start", "expected"), [(3.0, 2.0), (-3.0, 5.0)], ids=["positive", "negative"])
def test_control_flow(xp, check, start, expected):
    """Only the branch of Python code that was taken is in the graph."""
    x = xp.tensor(start, requires_grad=True)
    y = x * 2 if x.item() > 0 else x * 5
    y.backward()
    check.equal(x.grad, expected)


@behaviour("GRAPH-37", source=SOURCE)
def test_loop(xp, check):
    """A Python loop unrolls into the graph: x multiplied by itself 4 times has the derivative 5 x ** 4."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x
    for _ in range(4):
        y = y * x
    y.backward()
    check.equal(y, 32.0)
    check.equal(x.grad, 80.0)


@behaviour("GRAPH-23", source=SOURCE, profile="namespace")
def test_no_graph_for_constants(xp, check):
    """A computation on constants has no graph."""
    with xp.enable_grad():
        check.none((xp.ones(1) * 2).grad_fn)


@behaviour("GRAPH-27", source=SOURCE, level="should", profile="namespace")
def test_trivial_ops_add_nodes(xp):
    """Ops that change nothing about a 0-dim tensor still add a node."""
    x = xp.tensor(2.0, requires_grad=True)
    names = [y.grad_fn.name() for y in (x.sum(), x.mean(), x.reshape(()), x.squeeze())]
    assert names == ["SumBackward0", "MeanBackward0", "ViewBackward0", "SqueezeBackward0"]


@behaviour("GRAPH-29", source=SOURCE)
def test_cut_in_the_middle(xp, check):
    """What is computed under no_grad is a constant for what follows."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x * 3
    with xp.no_grad():
        c = y * 10
    (c * x).backward()
    check.equal(x.grad, 60.0)


@behaviour("GRAPH-31", source=SOURCE)
def test_python_sum(xp, check):
    """Python's sum() of tensors is differentiable."""
    a, b = xp.tensor(1.0, requires_grad=True), xp.tensor(2.0, requires_grad=True)
    total = sum([a * 2, b * 3])
    total.backward()
    check.equal(total, 8.0)
    check.equal(a.grad, 2.0)
    check.equal(b.grad, 3.0)


@behaviour("GRAPH-34", source=SOURCE, level="should", profile="namespace")
def test_node_after_in_place(xp):
    """An in-place op gives its tensor a new node, over the old one."""
    y = xp.ones(1, requires_grad=True) * 2
    old = y.grad_fn
    y.add_(1)
    assert y.grad_fn.name() == "AddBackward0"
    assert y.grad_fn.next_functions[0][0] is old


@behaviour("DEEP-01", source=SOURCE)
def test_deep_chain(xp, check):
    """A chain of 20,000 additions goes backward: the traversal does not recurse."""
    x = xp.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 0
    y.backward()
    check.equal(x.grad, 1.0)


@behaviour("DEEP-04", source=SOURCE)
def test_doubling(xp, check):
    """y = y + y, 60 times, takes 60 steps and not 2 ** 60: each node is visited once."""
    x = xp.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    check.equal(x.grad, 2.0**60)


@behaviour("DEEP-11", source=SOURCE, profile="namespace")
def test_node_keeps_the_graph(xp, check):
    """The graph lives as long as something refers to its top, the tensors in between being gone."""
    x = xp.tensor(2.0, requires_grad=True)
    h = x * x
    y = h * x
    del h
    y.backward()
    check.equal(x.grad, 12.0)
