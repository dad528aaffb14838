"""Nodes: their names, edges, saved values, hooks and lifetime."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import refgrad
from refgrad.engine.graph import (
    AccumulateGrad,
    Node,
    RemovableHandle,
    SavedResult,
    accumulator,
    add_hook,
    bare_node,
    gradient_edge,
    version_error,
)
from tests.engine.live import attempt, leaf, live

_PROGRAMS = {
    "add": lambda xp, x: x + 1, "sub": lambda xp, x: 1 - x, "mul": lambda xp, x: x * x, "div": lambda xp, x: 1 / x,
    "pow": lambda xp, x: x**2, "matmul": lambda xp, x: x @ x, "sum": lambda xp, x: x.sum(), "sum of a dim": lambda xp, x: x.sum(0),
    "mean": lambda xp, x: x.mean(), "exp": lambda xp, x: x.exp(), "log": lambda xp, x: x.log(), "relu": lambda xp, x: x.relu(),
    "max": lambda xp, x: x.max(), "max of a dim": lambda xp, x: x.max(0).values, "item": lambda xp, x: x[0],
    "slice": lambda xp, x: x[:, 1:], "mask": lambda xp, x: x[x > 0], "t": lambda xp, x: x.t(), "view": lambda xp, x: x.view(-1),
    "reshape of a copy": lambda xp, x: x.t().reshape(-1), "cat": lambda xp, x: xp.cat([x, x]), "stack": lambda xp, x: xp.stack([x, x]),
    "unbind": lambda xp, x: x.unbind(0)[1], "clone": lambda xp, x: x.clone(), "to": lambda xp, x: x.double(),
    "where": lambda xp, x: xp.where(x > 0, x, 0), "clamp": lambda xp, x: x.clamp(0, 1), "write": lambda xp, x: (x * 1).add_(1),
    "write through a view": lambda xp, x: _assigned(x * 1), "copy": lambda xp, x: xp.zeros(2, 2).copy_(x), "abs": lambda xp, x: abs(x),
    "softmax": lambda xp, x: x.softmax(0), "norm": lambda xp, x: x.norm(), "var": lambda xp, x: x.var(), "neg": lambda xp, x: -x,
    "detach": lambda xp, x: x.detach(), "expand": lambda xp, x: x.expand(3, 2, 2), "square": lambda xp, x: x.square(),
}  # fmt: skip


def _assigned(y: Any) -> Any:
    y[0] = y[1]
    return y


@pytest.mark.parametrize("name", _PROGRAMS)
def test_nodes_and_edges(name: str) -> None:
    """The graph of an op has PyTorch's nodes, edges and output numbers, down to the leaves."""

    def scene(xp: Any) -> Any:
        x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
        y = _PROGRAMS[name](xp, x)
        return y, y.output_nr, y.is_leaf, _tree(y.grad_fn)

    live(scene)()


def _tree(node: Any) -> Any:
    if node is None:
        return None
    return node.name(), type(node).__name__, [(_tree(below), nr) for below, nr in node.next_functions]


@live
def test_a_leaf_has_no_node(xp: Any) -> Any:
    """Leaves have no grad_fn; their accumulators are reached through the edges of their uses, one a leaf."""
    x = leaf(xp, 1.0, 2.0)
    node = (x * x).grad_fn
    (a, _), (b, _) = node.next_functions
    return x.grad_fn, x.is_leaf, a is b, a.variable is x, a.name(), a.next_functions


@live
def test_a_node_is_the_same_object(xp: Any) -> Any:
    """``grad_fn`` gives the same node each time, hashable and comparable by identity."""
    y = leaf(xp, 1.0) * 2
    return y.grad_fn is y.grad_fn, y.grad_fn == y.grad_fn, len({y.grad_fn, y.grad_fn}), y.grad_fn == (y * 1).grad_fn


@live
def test_repr_of_nodes(xp: Any) -> Any:
    """A node shows its name and address."""
    x = leaf(xp, 1.0)
    y = x * 2
    return repr(y.grad_fn), repr(y.grad_fn.next_functions[0][0]), attempt(lambda: y.grad_fn.nothing)


@live
def test_metadata(xp: Any) -> Any:
    """Each node has a dictionary for notes, its own."""
    x = leaf(xp, 1.0)
    y, z = x * 2, x * 3
    y.grad_fn.metadata["note"] = 1
    return y.grad_fn.metadata, z.grad_fn.metadata


@live
def test_sequence_numbers_grow(xp: Any) -> Any:
    """Later nodes have higher numbers; an accumulator has the highest of all."""
    x = leaf(xp, 1.0)
    y = x * 2
    z = y + 1
    last = y.grad_fn.next_functions[0][0]._sequence_nr()
    return z.grad_fn._sequence_nr() - y.grad_fn._sequence_nr(), last


@live
def test_a_node_cannot_be_made(xp: Any) -> Any:
    """Nodes come from operations only."""
    kind = type((leaf(xp, 1.0) * 2).grad_fn)
    return attempt(lambda: kind())


@live
def test_a_node_called_by_hand(xp: Any) -> Any:
    """A node can be called with gradients of its outputs, and counts them."""
    x, z = leaf(xp, 2.0), leaf(xp, 3.0)
    node = (x * z).grad_fn
    grads = node(xp.tensor(10.0))
    return [g.detach() for g in grads]


@live
def test_setting_what_cannot_be_set(xp: Any) -> Any:
    """The graph's attributes of a tensor are read-only."""
    y = leaf(xp, 1.0) * 2
    names = ("grad_fn", "is_leaf", "output_nr", "_version", "retains_grad")
    return [attempt(lambda n=n: setattr(y, n, None)) for n in names]


@live
def test_gradients_go_where_the_tensor_is_now(xp: Any) -> Any:
    """A node keeps the edges of its making: what happens to the tensor later changes nothing for it."""
    x = leaf(xp, 2.0)
    y = x * 3
    z = y * 5
    y.mul_(7)
    w = y * 11
    (z + w).backward()
    return x.grad


# the parts ------------------------------------------------------------------------------------------------------------


def test_hooks_of_a_table_go_by_handle() -> None:
    """A handle takes out its own hook only, and once."""
    table: dict[int, Any] = {}
    first, second = add_hook(table, "a"), add_hook(table, "b")
    assert list(table.values()) == ["a", "b"]
    assert isinstance(first, RemovableHandle)
    first.remove()
    first.remove()
    assert list(table.values()) == ["b"]
    with second:
        pass
    assert table == {}


def test_an_accumulator_is_made_on_demand() -> None:
    """A leaf's accumulator exists while someone holds it, and is then made again."""
    x = refgrad.ones(2, requires_grad=True)
    node = accumulator(x)
    assert isinstance(node, AccumulateGrad)
    assert accumulator(x) is node
    assert gradient_edge(x) == (node, 0)
    ref = weakref.ref(node)
    del node
    assert ref() is None
    y = x * 2
    assert gradient_edge(y) == (y.grad_fn, 0)
    assert gradient_edge(x.unbind(0)[1])[1] == 1


def test_edges_tell_output_numbers() -> None:
    """An edge to an output other than the first carries its number."""
    x = refgrad.ones(3, requires_grad=True)
    parts = x.unbind(0)
    y = parts[2] * parts[0]
    assert [(node.name(), nr) for node, nr in y.grad_fn.next_functions] == [
        ("UnbindBackward0", 2),
        ("UnbindBackward0", 0),
    ]


def test_a_bare_node_is_numbered() -> None:
    """Nodes are numbered in the order of their making."""
    first, second = bare_node(AccumulateGrad), bare_node(AccumulateGrad)
    assert second.sequence_nr == first.sequence_nr + 1
    assert first.hooks is None


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("pow", "Pow"),
        ("sum of a dim", "Sum1"),
        ("copy", "torch::autograd::CopyBackwards"),
        ("write through a view", "torch::autograd::CopySlices"),
    ],
)
def test_titles(name: str, title: str) -> None:
    """Error messages name a node without ``Backward0``, and the nodes made by hand in full."""
    node = _PROGRAMS[name](refgrad, leaf(refgrad, [[1.0, 2.0], [3.0, 4.0]])).grad_fn
    assert isinstance(node, Node)
    assert node.title() == title


def test_the_error_of_a_version() -> None:
    """A stale saved value is reported with type, shape, maker and both versions."""
    x = refgrad.ones(2, 3, requires_grad=True, dtype=refgrad.float64)
    y = x.exp()
    saved = SavedResult(y.detach().numpy(), [4], 0)
    text = str(version_error(saved, 2, y.grad_fn))
    assert "[torch.DoubleTensor [2, 3]], which is output 0 of Exp, is at version 4; expected version 2 instead" in text


def test_dropping_the_output_keeps_the_graph_through_its_node() -> None:
    """A node alone keeps its part of the graph alive, and lets go of it at its end."""
    gc.disable()
    try:
        x = refgrad.ones(2, requires_grad=True)
        y = x.exp()
        inner = weakref.ref(y.grad_fn)
        z = (y * y).sum()
        node = z.grad_fn
        del y, z
        assert inner() is not None
        del node
        assert inner() is None
    finally:
        gc.enable()
