"""Record the goldens: ``refgrad record`` writes what the installed torch answers into ``goldens/``."""

import json
import warnings
from pathlib import Path

from refgrad.errors import RefgradError
from refgrad.harness import adapters, goldens, op_db
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


def record(spec, names):
    """Ask the torch that ``spec`` means: everything, or the ops in ``names``, which are parted by commas."""
    backend = load(spec)
    if backend.name != "torch":
        raise RefgradError(f"goldens are PyTorch's answers: they are recorded from torch, not from {backend.name}")
    folder = GOLDENS / f"torch-{'.'.join(backend.version.split('.')[:2])}"
    folder.mkdir(parents=True, exist_ok=True)
    if names is None:
        record_program(folder, backend)
    record_ops(folder, backend, None if names is None else names.split(","))


def record_program(folder, backend):
    golden = {"recorded_from": f"{backend.name} {backend.version}", **linear_regression(adapters.facade(backend))}
    (folder / "linear_regression.json").write_text(json.dumps(golden) + "\n")
    print(f"{folder / 'linear_regression.json'}: loss {golden['losses'][0]:.4f} -> {golden['losses'][-1]:.6f}")


def record_ops(folder, backend, names):
    """Ask for all ops, or those named; of the chapters that have them the other answers are kept."""
    calculus = adapters.calculus(backend)
    wanted = {op.id for op in (op_db.ops() if names is None else op_db.find(names))}
    for chapter, ops in op_db.chapters().items():
        if wanted.isdisjoint(op.id for op in ops):
            continue
        path = folder / f"{chapter}.npz"
        kept = {} if names is None else goldens.read(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = {**kept, **goldens.ask(calculus, [op for op in ops if op.id in wanted])}
        known = [(op.id, str(sample)) for op in ops for sample in op.samples]
        goldens.write(path, {key: answers[key] for key in known if key in answers})
        print(f"{path}: {len(ops)} ops, {path.stat().st_size:,} bytes")
