"""Fit a line by gradient descent: the tutorial's program, on refgrad instead of torch.

Run it: ``python examples/linear_regression.py [FOLDER]``; the two plots are saved in FOLDER (default: here).
Needs matplotlib: ``pip install "refgrad[examples]"``.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no window: the plots are files
import matplotlib.pyplot as plt

import refgrad as torch


def train(epochs=100, learning_rate=0.05):
    """Fit ``y = w * x + b`` to noisy points; give the points, the parameters and the losses."""
    torch.manual_seed(42)
    x = torch.randn(100, 1)
    y = 3 * x + 2 + 0.1 * torch.randn(100, 1)
    w = torch.randn(1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    losses = []
    for epoch in range(epochs):
        loss = ((x * w + b - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
            b -= learning_rate * b.grad
            w.grad.zero_()
            b.grad.zero_()
        losses.append(loss.item())
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3d}  loss {loss.item():.6f}  w {w.item():.4f}  b {b.item():.4f}")
    return x, y, w, b, losses


def plot(folder, x, y, w, b, losses):
    """Save the losses and the fitted line as pictures."""
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.semilogy(range(1, len(losses) + 1), losses)
    axes.set(title="Mean squared error", xlabel="epoch", ylabel="loss")
    axes.grid(alpha=0.3)
    figure.savefig(folder / "loss.png", dpi=120)

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.scatter(x.numpy(), y.numpy(), s=12, label="data")
    line = torch.linspace(x.min().item(), x.max().item(), 2)
    axes.plot(line.numpy(), (w * line + b).detach().numpy(), color="C1", label=f"{w.item():.2f} x + {b.item():.2f}")
    axes.set(title="The fitted line", xlabel="x", ylabel="y")
    axes.legend()
    figure.savefig(folder / "fit.png", dpi=120)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    plot(folder, *train())
    print(f"saved {folder / 'loss.png'} and {folder / 'fit.png'}")
