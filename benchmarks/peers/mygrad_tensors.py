"""mygrad: tensors over NumPy arrays, first derivatives only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.programs import Run, elementwise_data, line_data, mlp_data, xor_data


def unguarded(build: Callable[[int], Run]) -> Callable[[int], Run]:
    """The program with mygrad's memory guard off while it runs, and only then: its manual's advice for speed."""
    return lambda n: mg.mem_guard_off(build(n))


def scalar_chain(n: int) -> Run:
    def run() -> Any:
        w, b = mg.tensor(0.999, dtype=np.float32), mg.tensor(0.001, dtype=np.float32)
        y = mg.tensor(1.0, dtype=np.float32, constant=True)
        for _ in range(n):
            y = y * w + b
        y.backward()
        return y, w.grad, b.grad

    return run


def linear_regression(epochs: int) -> Run:
    x, y = line_data()

    def run() -> Any:
        w, b = mg.tensor([0.3], dtype=np.float32), mg.zeros(1, dtype=np.float32)
        losses = []
        for _ in range(epochs):
            loss = ((w * x + b - y) ** 2).mean()
            loss.backward()
            w.data -= 0.1 * w.grad
            b.data -= 0.1 * b.grad
            losses.append(loss.item())
        return losses, w, b

    return run


def xor(epochs: int) -> Run:
    x, y, *start = xor_data()

    def run() -> Any:
        w1, b1, w2, b2 = parameters = [mg.tensor(p) for p in start]
        losses = []
        for _ in range(epochs):
            hidden = mg.tanh(mg.matmul(x, w1) + b1)
            output = sigmoid(mg.matmul(hidden, w2) + b2)
            loss = ((output - y) ** 2).mean()
            loss.backward()
            for p in parameters:
                p.data -= 0.5 * p.grad
            losses.append(loss.item())
        return losses, parameters

    return run


def mlp(batch: int) -> Run:
    x, labels, *start = mlp_data(batch)
    w1, b1, w2, b2 = parameters = [mg.tensor(p) for p in start]

    def run() -> Any:
        hidden = mg.maximum(mg.matmul(x, w1) + b1, 0)
        loss = softmax_crossentropy(mg.matmul(hidden, w2) + b2, labels)
        loss.backward()
        for p in parameters:
            p.data -= 0.01 * p.grad
        return loss.item(), parameters

    return run


def elementwise(n: int) -> Run:
    x = mg.tensor(elementwise_data(n))

    def run() -> Any:
        y = mg.tanh(mg.exp(mg.sin(x * 2.0 + 1.0)) * x).sum()
        y.backward()
        return y, x.grad

    return run


def long_chain(n: int) -> Run:
    def run() -> Any:
        x = y = mg.tensor(1.0, dtype=np.float32)
        for _ in range(n):
            y = y * 1.0
        y.backward()
        return y, x.grad

    return run


def wide(n: int) -> Run:
    start = np.linspace(0, 1, 10, dtype=np.float32)

    def run() -> Any:
        x = mg.tensor(start)
        y = mg.stack([x * 0.5 for _ in range(n)]).sum()
        y.backward()
        return y, x.grad

    return run


PROGRAMS = {
    "scalar_chain": unguarded(scalar_chain),
    "linear_regression": unguarded(linear_regression),
    "xor": unguarded(xor),
    "mlp": unguarded(mlp),
    "elementwise": unguarded(elementwise),
    "long_chain": unguarded(long_chain),
    "wide": unguarded(wide),
}
