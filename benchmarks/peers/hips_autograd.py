"""HIPS autograd: functions of arrays, and ``grad`` of them."""

from __future__ import annotations

from typing import Any

import autograd.numpy as np
from autograd import elementwise_grad, hessian, value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.programs import Run, elementwise_data, line_data, mlp_data, xor_data


def scalar_chain(n: int) -> Run:
    def chain(w: Any, b: Any) -> Any:
        y = 1.0
        for _ in range(n):
            y = y * w + b
        return y

    differentiated = value_and_grad(chain, (0, 1))

    def run() -> Any:
        value, grads = differentiated(0.999, 0.001)
        return value, *grads

    return run


def linear_regression(epochs: int) -> Run:
    x, y = line_data()

    def loss(w: Any, b: Any) -> Any:
        return np.mean((w * x + b - y) ** 2)

    differentiated = value_and_grad(loss, (0, 1))

    def run() -> Any:
        w, b = np.array([0.3], np.float32), np.zeros(1, np.float32)
        losses = []
        for _ in range(epochs):
            value, (w_grad, b_grad) = differentiated(w, b)
            w -= 0.1 * w_grad
            b -= 0.1 * b_grad
            losses.append(value.item())
        return losses, w, b

    return run


def xor(epochs: int) -> Run:
    x, y, *start = xor_data()

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        hidden = np.tanh(np.dot(x, w1) + b1)
        output = 1 / (1 + np.exp(-(np.dot(hidden, w2) + b2)))
        return np.mean((output - y) ** 2)

    differentiated = value_and_grad(loss, (0, 1, 2, 3))

    def run() -> Any:
        parameters = [p.copy() for p in start]
        losses = []
        for _ in range(epochs):
            value, grads = differentiated(*parameters)
            for p, g in zip(parameters, grads):
                p -= 0.5 * g
            losses.append(value.item())
        return losses, parameters

    return run


def mlp(batch: int) -> Run:
    x, labels, *parameters = mlp_data(batch)
    rows = np.arange(batch)

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        logits = np.dot(np.maximum(np.dot(x, w1) + b1, 0), w2) + b2
        return np.mean(logsumexp(logits, axis=1) - logits[rows, labels])

    differentiated = value_and_grad(loss, (0, 1, 2, 3))

    def run() -> Any:
        value, grads = differentiated(*parameters)
        for p, g in zip(parameters, grads):
            p -= 0.01 * g
        return value.item(), parameters

    return run


def elementwise(n: int) -> Run:
    x = elementwise_data(n)

    def total(x: Any) -> Any:
        return np.sum(np.tanh(np.exp(np.sin(x * 2.0 + 1.0)) * x))

    differentiated = value_and_grad(total)
    return lambda: differentiated(x)


def third_derivative(n: int) -> Run:
    function = np.sin
    for _ in range(n):
        function = elementwise_grad(function)
    return lambda: function(0.5)


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def hessian_of_rosenbrock(n: int) -> Run:
    start = np.linspace(-1, 1, n)
    second = hessian(rosenbrock)
    return lambda: second(start)


def long_chain(n: int) -> Run:
    def chain(y: Any) -> Any:
        for _ in range(n):
            y = y * 1.0
        return y

    differentiated = value_and_grad(chain)
    return lambda: differentiated(1.0)


def wide(n: int) -> Run:
    start = np.linspace(0, 1, 10, dtype=np.float32)

    def total(x: Any) -> Any:
        return np.sum(np.stack([x * 0.5 for _ in range(n)]))

    differentiated = value_and_grad(total)
    return lambda: differentiated(start)


PROGRAMS = {
    "scalar_chain": scalar_chain,
    "linear_regression": linear_regression,
    "xor": xor,
    "mlp": mlp,
    "elementwise": elementwise,
    "third_derivative": third_derivative,
    "hessian": hessian_of_rosenbrock,
    "long_chain": long_chain,
    "wide": wide,
}
