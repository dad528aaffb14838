"""Nodes and edges as objects: what they show, in which order they run, and edges as roots and inputs."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


def edge(xp, tensor):
    return xp.autograd.graph.get_gradient_edge(tensor)


@behaviour("GRAPH-10", source=SOURCE, profile="namespace")
def test_instances_of_node(xp):
    """All nodes are instances of autograd.graph.Node, AccumulateGrad too."""
    node = (leaf(xp, 1.0) * 2).grad_fn
    assert isinstance(node, xp.autograd.graph.Node)
    assert isinstance(node.next_functions[0][0], xp.autograd.graph.Node)


@behaviour("GRAPH-11", source=SOURCE, level="should", profile="namespace")
def test_metadata(xp):
    """metadata is a dict of the node's own, empty at first, that lasts as long as the node."""
    y = leaf(xp, 1.0) * 2
    assert y.grad_fn.metadata == {}
    y.grad_fn.metadata["a"] = 1
    assert y.grad_fn.metadata == {"a": 1}


@behaviour("GRAPH-14", source=SOURCE, level="may", profile="namespace")
def test_saved_input(xp):
    """A saved input is the very object that was given."""
    x = leaf(xp, 2.0)
    assert (x * x).grad_fn._saved_self is x


@behaviour("GRAPH-14", source=SOURCE, level="may", profile="namespace")
def test_saved_result(xp):
    """A saved result is a new object with the result's memory and its node."""
    y = leaf(xp, 2.0, 3.0).exp()
    saved = y.grad_fn._saved_result
    assert saved is not y
    assert saved.grad_fn is y.grad_fn
    assert saved.data_ptr() == y.data_ptr()


@behaviour("GRAPH-15", source=SOURCE, level="may", profile="namespace")
def test_saved_numbers(xp):
    """Saved values that are no tensors can be read after backward too."""
    y = leaf(xp, 2.0, 3.0) ** 3
    s = y.sum()
    s.backward()
    assert y.grad_fn._saved_exponent == 3
    assert tuple(s.grad_fn._saved_self_sym_sizes) == (2,)


@behaviour("GRAPH-17", source=SOURCE, level="should", profile="namespace")
def test_gradient_edge(xp):
    """A tensor's gradient edge is its AccumulateGrad, or the node that made it with the number of the output."""
    x = leaf(xp, 1.0, 2.0)
    second = x.unbind()[1]
    node, nr = edge(xp, x)[:2]
    assert (node.name(), nr) == ("torch::autograd::AccumulateGrad", 0)
    node, nr = edge(xp, second)[:2]
    assert node is second.grad_fn
    assert nr == 1


@behaviour("GRAPH-17", source=SOURCE, level="should", profile="namespace")
def test_no_gradient_edge(xp, check):
    """A tensor that does not require grad has no gradient edge."""
    with check.raises(
        "RuntimeError", "It is not possible to get the gradient edge for a Tensor that does not require gradients"
    ):
        edge(xp, xp.ones(1))


@behaviour("GRAPH-19", source=SOURCE, level="may", profile="namespace")
def test_sequence_numbers(xp):
    """A node's sequence number is larger than those of nodes made before; AccumulateGrad has the largest there is."""
    a = leaf(xp, 1.0) * 2
    b = a * 2
    assert b.grad_fn._sequence_nr() > a.grad_fn._sequence_nr()
    assert a.grad_fn.next_functions[0][0]._sequence_nr() == 2**64 - 1


def order_of_execution(xp, join):
    order = []

    def noted(name, tensor):
        tensor.grad_fn.register_prehook(lambda grads: order.append(name))
        return tensor

    x = leaf(xp, 1.0)
    a, b = noted("a", x * 2), noted("b", x * 3)
    c = noted("c", b * 1)
    d = noted("d", a * 1)
    noted("e", join(c, d)).backward()
    return order


@behaviour("GRAPH-20", source=SOURCE, profile="namespace")
def test_order(xp):
    """backward runs nodes in the reverse of the order they were made in, whatever the shape of the graph."""
    assert order_of_execution(xp, lambda c, d: c + d) == ["e", "d", "c", "b", "a"]


@behaviour("GRAPH-21", source=SOURCE, profile="namespace")
def test_order_of_arguments(xp):
    """The order of an op's arguments does not change the order of execution."""
    assert order_of_execution(xp, lambda c, d: d + c) == ["e", "d", "c", "b", "a"]


@behaviour("GRAPH-24", source=SOURCE, level="may", profile="namespace")
def test_call_a_node(xp, check):
    """A node can be called: it runs its formula, recorded where grad mode is on."""
    result = (leaf(xp, 3.0) ** 2).grad_fn(xp.tensor(1.0))
    check.close(result, 6.0)
    assert result.requires_grad


@behaviour("GRAPH-24", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize("count", [0, 2])
def test_call_with_a_wrong_number(xp, check, count):
    """A node takes one gradient an output."""
    node = (leaf(xp, 3.0) ** 2).grad_fn
    with check.raises("TypeError", f"expected 1 arguments, got {count} instead"):
        node(*[xp.tensor(1.0)] * count)


@behaviour("GRAPH-25", source=SOURCE, level="may", profile="namespace")
def test_nodes_are_not_made_by_hand(xp, check):
    """A node's class cannot be called."""
    kind = type((leaf(xp, 1.0) * 2).grad_fn)
    with check.raises("TypeError", "cannot create 'MulBackward0' instances"):
        kind()


@behaviour("GRAPH-30", source=SOURCE)
def test_pythons_max(xp):
    """Python's max() of two tensors gives one of them: it is a comparison and leaves no node."""
    a, b = leaf(xp, 1.0), leaf(xp, 2.0)
    assert max(a, b) is b


@behaviour("GRAPH-33", source=SOURCE, level="may", profile="namespace")
def test_accumulate_grad_dies_with_its_graph(xp):
    """AccumulateGrad lives as long as a graph that uses it; a hook on it is gone with it."""
    x, calls = leaf(xp, 1.0), []

    def register(y):
        y.grad_fn.next_functions[0][0].register_hook(lambda *grads: calls.append(1))

    register(x * 2)
    (x * 2).backward()
    assert calls == []
    y = x * 2
    register(y)
    y.backward()
    assert calls == [1]


# edges as roots and inputs


@behaviour("BWD-47", source=SOURCE, torch=">=2.5", profile="namespace")
def test_edge_as_root(xp, check):
    """A gradient edge may be a root of backward."""
    x = leaf(xp, 2.0)
    root = edge(xp, x * 3)
    xp.autograd.backward(root, xp.tensor(2.0))
    check.close(x.grad, 6.0)


@behaviour("BWD-48", source=SOURCE, torch=">=2.5", profile="namespace")
def test_edge_as_root_of_one_element(xp, check):
    """A gradient edge of an output with one element needs no gradient given."""
    x = leaf(xp, 2.0)
    root = edge(xp, x * 3)
    xp.autograd.backward(root)
    check.close(x.grad, 3.0)


@behaviour("BWD-47", source=SOURCE, torch=">=2.5", profile="namespace")
def test_edges_in_grad(xp, check):
    """autograd.grad takes gradient edges for outputs and for inputs."""
    x = leaf(xp, 2.0)
    y = x * 3
    z = y * y
    check.close(xp.autograd.grad(z, edge(xp, y), retain_graph=True)[0], 12.0)
    check.close(xp.autograd.grad(edge(xp, y), edge(xp, x), xp.tensor(1.0))[0], 3.0)


@behaviour("BWD-47", source=SOURCE, torch=">=2.5", level="should", profile="namespace")
def test_edge_of_another_shape(xp, check):
    """The gradient given for an edge must have the shape of its output."""
    root = edge(xp, leaf(xp, 1.0, 2.0) * 3)
    with check.raises("RuntimeError", "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"):
        xp.autograd.backward(root, xp.ones(3))


@behaviour("EX-21", source=SOURCE, profile="namespace")
def test_walk(xp):
    """next_functions leads to the leaves; a shared node is met as one and the same object."""
    x = leaf(xp, 2.0)
    h = x * 2
    seen, stack = [], [(h + h).grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.append(node)
        stack.extend(reversed([target for target, _ in node.next_functions]))
    assert [node.name() for node in seen] == ["AddBackward0", "MulBackward0", "torch::autograd::AccumulateGrad"]
