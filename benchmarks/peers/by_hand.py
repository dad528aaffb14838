"""Hand-written NumPy: forward and backward as one would write them with no library, where that makes sense."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.programs import Run, elementwise_data, line_data, mlp_data, xor_data


def linear_regression(epochs: int) -> Run:
    x, y = line_data()

    def run() -> Any:
        w, b = np.array([0.3], np.float32), np.zeros(1, np.float32)
        losses = []
        for _ in range(epochs):
            error = w * x + b - y
            losses.append((error**2).mean().item())
            grad = error * np.float32(2 / 100)
            w -= 0.1 * (grad * x).sum()
            b -= 0.1 * grad.sum()
        return losses, w, b

    return run


def xor(epochs: int) -> Run:
    x, y, *start = xor_data()

    def run() -> Any:
        w1, b1, w2, b2 = parameters = [p.copy() for p in start]
        losses = []
        for _ in range(epochs):
            hidden = np.tanh(x @ w1 + b1)
            output = 1 / (1 + np.exp(-(hidden @ w2 + b2)))
            error = output - y
            losses.append((error**2).mean().item())
            grad = error * np.float32(0.5) * output * (1 - output)
            inner = (grad @ w2.T) * (1 - hidden * hidden)
            for p, g in zip(parameters, (x.T @ inner, inner.sum(0), hidden.T @ grad, grad.sum(0))):
                p -= 0.5 * g
        return losses, parameters

    return run


def mlp(batch: int) -> Run:
    x, labels, *parameters = mlp_data(batch)
    w1, b1, w2, b2 = parameters
    rows = np.arange(batch)

    def run() -> Any:
        hidden = np.maximum(x @ w1 + b1, 0)
        logits = hidden @ w2 + b2
        logits -= logits.max(1, keepdims=True)
        grad = np.exp(logits)
        total = grad.sum(1, keepdims=True)
        loss = (np.log(total[:, 0]) - logits[rows, labels]).mean().item()
        grad /= total
        grad[rows, labels] -= 1
        grad /= batch
        inner = (grad @ w2.T) * (hidden > 0)
        for p, g in zip(parameters, (x.T @ inner, inner.sum(0), hidden.T @ grad, grad.sum(0))):
            p -= 0.01 * g
        return loss, parameters

    return run


def elementwise(n: int) -> Run:
    x = elementwise_data(n)

    def run() -> Any:
        inner = x * 2.0 + 1.0
        e = np.exp(np.sin(inner))
        t = np.tanh(e * x)
        grad = 1 - t * t
        return t.sum(), grad * e + grad * x * e * np.cos(inner) * 2.0

    return run


PROGRAMS = {"linear_regression": linear_regression, "xor": xor, "mlp": mlp, "elementwise": elementwise}
