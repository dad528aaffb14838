"""A small correct tape in NumPy, as a backend: the base that the backends wrong on purpose are made from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

Rule = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class Tensor:
    """An array, and how it was made: each parent with the rule that takes this tensor's gradient to the parent's."""

    data: np.ndarray
    requires_grad: bool = False
    parents: list[tuple["Tensor", Rule]] = field(default_factory=list)
    saves: bool = False
    freed: bool = False
    grad: np.ndarray | None = None

    __array_ufunc__ = None
    recording = True

    @property
    def shape(self):
        return self.data.shape

    @property
    def dtype(self):
        return self.data.dtype

    def __neg__(self):
        return made(-self.data, (self, lambda grad: -grad))

    def __add__(self, other):
        other = lift(other, self)
        return made(self.data + other.data, (self, lambda grad: grad), (other, lambda grad: grad))

    def __sub__(self, other):
        return self + -lift(other, self)

    def __mul__(self, other):
        other = lift(other, self)
        rules = (self, lambda grad: grad * other.data), (other, lambda grad: grad * self.data)
        return made(self.data * other.data, *rules, saves=True)

    def __truediv__(self, other):
        return self * lift(other, self) ** -1

    def __pow__(self, exponent):
        rule = lambda grad: grad * exponent * self.data ** (exponent - 1)  # noqa: E731
        return made(self.data**exponent, (self, rule), saves=True)

    def __matmul__(self, other):
        rules = (self, lambda grad: grad @ other.data.T), (other, lambda grad: self.data.T @ grad)
        return made(self.data @ other.data, *rules, saves=True)

    def __radd__(self, other):
        return lift(other, self) + self

    def __rsub__(self, other):
        return lift(other, self) - self

    def __rmul__(self, other):
        return lift(other, self) * self

    def __rtruediv__(self, other):
        return lift(other, self) / self


def made(data, *parents, saves=False):
    tracked = [(parent, rule) for parent, rule in parents if parent.requires_grad and Tensor.recording]
    return Tensor(np.asarray(data), bool(tracked), tracked, saves)


def lift(value, like):
    return value if isinstance(value, Tensor) else Tensor(np.asarray(value, like.dtype))


def exp(input):
    result = np.exp(input.data)
    return made(result, (input, lambda grad: grad * result), saves=True)


def total(input):
    return made(input.data.sum(), (input, lambda grad: np.broadcast_to(grad, input.shape)))


def to(input, dtype):
    return made(input.data.astype(dtype), (input, lambda grad: grad))


class TinyTape:
    """The right backend; each step of the traversal is a method, so that a subclass can get just that step wrong."""

    name, version, homepage = "tiny", "1.0", "https://example.org/tiny"

    def asarray(self, array):
        return Tensor(np.array(array))

    def to_numpy(self, value):
        return np.array(value.data if isinstance(value, Tensor) else value)

    def ops(self):
        return {"exp": exp, "sum": total, "to": to}

    def leaf(self, array, requires_grad=True):
        return Tensor(np.array(array), requires_grad)

    def grad_of(self, tensor):
        return None if tensor.grad is None else Tensor(tensor.grad)

    def set_grad_of(self, tensor, grad):
        tensor.grad = None if grad is None else grad.data

    def requires_grad(self, tensor):
        return tensor.requires_grad

    def is_leaf(self, tensor):
        return not tensor.parents

    def detach(self, tensor):
        return Tensor(tensor.data)

    @contextmanager
    def no_grad(self):
        before, Tensor.recording = Tensor.recording, False
        try:
            yield
        finally:
            Tensor.recording = before

    def backward(self, tensor, gradient=None, *, retain_graph=False):
        if not tensor.requires_grad or (gradient is None and tensor.data.size != 1):
            raise RuntimeError("nothing to differentiate, or no gradient for a tensor of several elements")
        order = list(topological(tensor))
        if any(node.freed for node in order):
            raise RuntimeError("the graph was freed")
        grads = {id(tensor): np.ones_like(tensor.data) if gradient is None else gradient.data}
        for node in order:
            self.propagate(node, grads)
            node.freed = self.frees(node, retain_graph)

    def propagate(self, node, grads):
        grad = grads.pop(id(node))
        if not node.parents:
            self.accumulate(node, self.cast(grad, node))
        for parent, rule in node.parents:
            grads[id(parent)] = grads.get(id(parent), 0) + self.fit(rule(grad), parent)

    # the steps that can go wrong

    def accumulate(self, leaf, grad):
        leaf.grad = grad if leaf.grad is None else leaf.grad + grad

    def frees(self, node, retain_graph):
        return node.freed or (node.saves and not retain_graph)

    def fit(self, grad, parent):
        """Sum over the dimensions along which the parent was stretched."""
        lead = grad.ndim - parent.data.ndim
        grad = grad.sum(tuple(range(lead)))
        stretched = tuple(dim for dim, size in enumerate(parent.shape) if size == 1 and grad.shape[dim] != 1)
        return grad.sum(stretched, keepdims=True)

    def cast(self, grad, leaf):
        return np.asarray(grad, leaf.dtype)


def topological(root) -> Iterator[Tensor]:
    """Every node before its parents."""
    finished, stack = {}, [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            finished[id(node)] = node
        elif id(node) not in finished:
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    return reversed(finished.values())
