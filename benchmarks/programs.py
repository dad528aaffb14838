"""The programs, in PyTorch's words: each is a function of ``T`` (torch, refgrad or candle) and a size.

``build(T, n)`` makes the data and gives a function that runs the program once and returns what it computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Run = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the sizes it is measured at, and a small size that tests use."""

    name: str
    build: Callable[[Any, int], Run]
    sizes: tuple[int, ...]
    small: int
    unit: str  # what a size counts
    grows: bool = False  # whether its growth with size is looked at

    @property
    def quick(self) -> tuple[int, ...]:
        """The sizes of a quick run: those that take at most some 10 ms, and one at least."""
        return tuple(n for n in self.sizes if not self.grows or n <= 10_000) or self.sizes[:1]


def scalar_chain(T: Any, n: int) -> Run:
    """``n`` multiplications and ``n`` additions of 0-d tensors, each with a parameter."""

    def run() -> Any:
        w = T.tensor(0.999, requires_grad=True)
        b = T.tensor(0.001, requires_grad=True)
        y = T.tensor(1.0)
        for _ in range(n):
            y = y * w + b
        y.backward()
        return y, w.grad, b.grad

    return run


def line_data() -> tuple[Any, Any]:
    """100 noisy points of ``y = 2 x + 1``, as columns."""
    rng = np.random.default_rng(42)
    x = rng.random((100, 1), dtype=np.float32)
    return x, 2 * x + 1 + np.float32(0.1) * rng.standard_normal((100, 1), dtype=np.float32)


def linear_regression(T: Any, epochs: int) -> Run:
    """The program of ``examples/linear_regression.py``, without its prints and plots."""
    x, y = map(T.tensor, line_data())

    def run() -> Any:
        w = T.tensor([0.3], requires_grad=True)
        b = T.tensor([0.0], requires_grad=True)
        losses = []
        for _ in range(epochs):
            loss = ((w * x + b - y) ** 2).mean()
            loss.backward()
            with T.no_grad():
                w -= 0.1 * w.grad
                b -= 0.1 * b.grad
                w.grad.zero_()
                b.grad.zero_()
            losses.append(loss.item())
        return losses, w, b

    return run


def xor_data() -> tuple[Any, ...]:
    """The four points, their labels, and the parameters of a 2-8-1 net."""
    rng = np.random.default_rng(0)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([[0], [1], [1], [0]], np.float32)
    w1 = rng.standard_normal((2, 8), dtype=np.float32)
    w2 = rng.standard_normal((8, 1), dtype=np.float32)
    return x, y, w1, np.zeros(8, np.float32), w2, np.zeros(1, np.float32)


def xor(T: Any, epochs: int) -> Run:
    """A net of two layers learns exclusive or; no ``nn.Module``, no optimizer."""
    x, y, *start = map(T.tensor, xor_data())

    def run() -> Any:
        w1, b1, w2, b2 = parameters = [p.clone().requires_grad_() for p in start]
        losses = []
        for _ in range(epochs):
            hidden = T.tanh(x @ w1 + b1)
            output = T.sigmoid(hidden @ w2 + b2)
            loss = ((output - y) ** 2).mean()
            loss.backward()
            with T.no_grad():
                for p in parameters:
                    p -= 0.5 * p.grad
                    p.grad.zero_()
            losses.append(loss.item())
        return losses, parameters

    return run


def mlp_data(batch: int) -> tuple[Any, ...]:
    """Images, labels, and the parameters of a 784-256-10 net."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((batch, 784), dtype=np.float32)
    w1 = rng.standard_normal((784, 256), dtype=np.float32) / np.float32(28)
    w2 = rng.standard_normal((256, 10), dtype=np.float32) / np.float32(16)
    return x, rng.integers(0, 10, batch), w1, np.zeros(256, np.float32), w2, np.zeros(10, np.float32)


def mlp(T: Any, batch: int) -> Run:
    """One training step of a 784-256-10 net: forward, cross entropy, backward, gradient descent."""
    x, labels, *start = map(T.tensor, mlp_data(batch))
    w1, b1, w2, b2 = parameters = [p.requires_grad_() for p in start]

    def run() -> Any:
        hidden = T.relu(x @ w1 + b1)
        loss = T.nn.functional.cross_entropy(hidden @ w2 + b2, labels)
        loss.backward()
        with T.no_grad():
            for p in parameters:
                p -= 0.01 * p.grad
                p.grad = None
        return loss.item(), parameters

    return run


def elementwise_data(n: int) -> Any:
    """``n`` float32 between -1 and 1."""
    return np.random.default_rng(2).uniform(-1, 1, n).astype(np.float32)


def elementwise(T: Any, n: int) -> Run:
    """Six element-wise operations on ``n`` float32, a sum, and back."""
    x = T.tensor(elementwise_data(n)).requires_grad_()

    def run() -> Any:
        x.grad = None
        y = T.sin(x * 2.0 + 1.0)
        y = T.tanh(T.exp(y) * x).sum()
        y.backward()
        return y, x.grad

    return run


def third_derivative(T: Any, n: int) -> Run:
    """The ``n``-th derivative of sine at 0.5, by ``n`` calls of ``autograd.grad``."""

    def run() -> Any:
        x = T.tensor(0.5, requires_grad=True)
        y = T.sin(x)
        for _ in range(n):
            (y,) = T.autograd.grad(y, x, create_graph=True)
        return y

    return run


def hessian(T: Any, n: int) -> Run:
    """The Hessian of the ``n``-dimensional Rosenbrock function, row by row."""
    start = np.linspace(-1, 1, n)

    def run() -> Any:
        x = T.tensor(start, requires_grad=True)
        value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        (slope,) = T.autograd.grad(value, x, create_graph=True)
        return [T.autograd.grad(slope[i], x, retain_graph=True)[0] for i in range(n)]

    return run


def long_chain(T: Any, n: int) -> Run:
    """A chain of ``n`` nodes, forward and back, then freed."""

    def run() -> Any:
        x = T.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(n):
            y = y * 1.0
        y.backward()
        return y, x.grad

    return run


def wide(T: Any, n: int) -> Run:
    """One leaf of 10 elements used ``n`` times, the results stacked and summed."""
    start = np.linspace(0, 1, 10, dtype=np.float32)

    def run() -> Any:
        x = T.tensor(start, requires_grad=True)
        y = T.stack([x * 0.5 for _ in range(n)]).sum()
        y.backward()
        return y, x.grad

    return run


PROGRAMS = {
    program.name: program
    for program in (
        Program("scalar_chain", scalar_chain, (500,), 5, "multiplications and additions"),
        Program("linear_regression", linear_regression, (100,), 3, "epochs"),
        Program("xor", xor, (100,), 3, "epochs"),
        Program("mlp", mlp, (64,), 4, "images a batch"),
        Program("elementwise", elementwise, (10**2, 10**3, 10**4, 10**5, 10**6, 10**7), 7, "elements", grows=True),
        Program("third_derivative", third_derivative, (3,), 3, "derivatives"),
        Program("hessian", hessian, (50,), 4, "dimensions"),
        Program("long_chain", long_chain, (10**4, 10**5, 10**6), 10, "nodes", grows=True),
        Program("wide", wide, (10_000,), 10, "uses"),
    )
}
