"""Record the goldens: ``python -m conformance.record`` writes what the installed torch answers into ``goldens/``."""

import json
from pathlib import Path

from refgrad.harness.adapters import facade
from refgrad.harness.registry import load

GOLDENS = Path(__file__).parent / "goldens"


def linear_regression(xp):
    """The tutorial's program: fit y = 3 x + 2 to 100 noisy points by gradient descent, from seed 42."""
    xp.manual_seed(42)
    x = xp.randn(100, 1)
    y = 3 * x + 2 + 0.1 * xp.randn(100, 1)
    w = xp.randn(1, requires_grad=True)
    b = xp.zeros(1, requires_grad=True)
    start, losses = w.tolist(), []
    for _ in range(100):
        loss = ((x * w + b - y) ** 2).mean()
        loss.backward()
        with xp.no_grad():
            w -= 0.05 * w.grad
            b -= 0.05 * b.grad
        w.grad.zero_()
        b.grad.zero_()
        losses.append(loss.item())
    return {"x": x.tolist(), "y": y.tolist(), "start": start, "losses": losses, "w": w.tolist(), "b": b.tolist()}


def main():
    backend = load("torch")
    folder = GOLDENS / f"torch-{'.'.join(backend.version.split('.')[:2])}"
    folder.mkdir(parents=True, exist_ok=True)
    golden = {"recorded_from": f"{backend.name} {backend.version}", **linear_regression(facade(backend))}
    (folder / "linear_regression.json").write_text(json.dumps(golden) + "\n")
    print(f"{folder / 'linear_regression.json'}: loss {golden['losses'][0]:.4f} -> {golden['losses'][-1]:.6f}")


if __name__ == "__main__":
    main()
