"""A toy library of nine ops that stands in for yours: import your own in its place, and delete this file."""

import itertools
import threading

import numpy as np

__version__ = "1.0"


class Tensor:
    """An array, and what it was computed from: each input with the rule that takes a gradient there."""

    numbers, lock = itertools.count(), threading.Lock()
    __array_ufunc__ = None  # NumPy leaves 2 * x to the tensor

    def __init__(self, data, requires_grad=False, inputs=()):
        self.data, self.grad, self.number = np.asarray(data), None, next(self.numbers)
        self.inputs = [(x, rule) for x, rule in inputs if isinstance(x, Tensor) and x.requires_grad]
        self.requires_grad = requires_grad or bool(self.inputs)

    @property
    def shape(self):
        return self.data.shape

    def numpy(self):
        return self.data

    def detach(self):
        return Tensor(self.data)

    def backward(self, gradient=None):
        gradient = ones_like(self) if gradient is None and self.data.size == 1 else gradient
        if gradient is None or gradient.shape != self.shape or not self.requires_grad:
            raise RuntimeError("backward() needs a gradient of the tensor's shape, and a tensor that requires one")
        for leaf, grad in leaves(self, gradient.data):
            with self.lock:
                leaf.grad = Tensor(grad if leaf.grad is None else leaf.grad.data + grad)

    def __neg__(self):
        return Tensor(-self.data, inputs=[(self, lambda g: -g)])

    def __add__(self, other):
        return Tensor(self.data + raw(other), inputs=[(self, lambda g: g), (other, lambda g: g)])

    def __sub__(self, other):
        return Tensor(self.data - raw(other), inputs=[(self, lambda g: g), (other, lambda g: -g)])

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        rules = [(self, lambda g: g * raw(other)), (other, lambda g: g * self.data)]
        return Tensor(self.data * raw(other), inputs=rules)

    def __truediv__(self, other):
        rules = [(self, lambda g: g / raw(other)), (other, lambda g: -g * self.data / raw(other) ** 2)]
        return Tensor(self.data / raw(other), inputs=rules)

    def __rtruediv__(self, other):
        return self**-1 * other

    def __rpow__(self, base):
        raise NotImplementedError("the exponent must be a number")

    def __pow__(self, exponent):
        if isinstance(exponent, Tensor):
            return exponent.__rpow__(self)
        return Tensor(self.data**exponent, inputs=[(self, lambda g: g * exponent * self.data ** (exponent - 1))])

    def __matmul__(self, other):
        if self.data.ndim != 2 or other.data.ndim != 2:
            raise NotImplementedError("matrices only")
        rules = [(self, lambda g: g @ other.data.T), (other, lambda g: self.data.T @ g)]
        return Tensor(self.data @ other.data, inputs=rules)

    __radd__, __rmul__ = __add__, __mul__


def raw(value):
    return value.data if isinstance(value, Tensor) else value


def leaves(output, grad):
    """Every leaf that ``output`` was computed from, with its gradient: the newest tensors first."""
    waiting = {output: grad}
    while waiting:
        tensor = max(waiting, key=lambda each: each.number)
        grad = fold(waiting.pop(tensor), tensor.shape).astype(tensor.data.dtype)
        if not tensor.inputs:
            yield tensor, grad
        for x, rule in tensor.inputs:
            waiting[x] = waiting.get(x, 0) + rule(grad)


def fold(grad, shape):
    """The gradient of a tensor of ``shape`` that was broadcast."""
    lead = tuple(range(grad.ndim - len(shape)))
    ones = tuple(i for i, n in enumerate(shape, len(lead)) if n == 1 != grad.shape[i])
    return grad.sum(lead + ones).reshape(shape) if lead + ones else grad


def tensor(data, requires_grad=False):
    if np.asarray(data).dtype.kind != "f":
        raise NotImplementedError("numbers other than floats")
    wide = isinstance(data, np.ndarray)  # Python's floats become float32
    return Tensor(np.array(data, None if wide else np.float32), requires_grad)


def ones_like(x):
    return Tensor(np.ones_like(x.data))


def exp(x):
    data = np.exp(x.data)
    return Tensor(data, inputs=[(x, lambda g: g * data)])


def sum(x):
    return Tensor(x.data.sum(), inputs=[(x, lambda g: np.broadcast_to(g, x.shape))])


def vjp(function, *inputs):
    """The output of a function, and the function that takes a gradient of it to one for each input."""
    inputs = [Tensor(x.data, requires_grad=True) for x in inputs]
    output = function(*inputs)

    def pull(gradient):
        found = dict(leaves(output, gradient.data)) if output.requires_grad else {}
        return tuple(Tensor(found[x]) if x in found else None for x in inputs)

    return output, pull
