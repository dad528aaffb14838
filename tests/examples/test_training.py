"""The examples that train networks: the same text on refgrad and on PyTorch, with the same numbers."""

import importlib.util
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def losses(name, monkeypatch, *options):
    """What an example's training loses, step by step."""
    monkeypatch.setattr(sys, "argv", [name, *options])
    spec = importlib.util.spec_from_file_location(f"{name}_{len(options)}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.train(50)


@pytest.mark.parametrize("name", ["gpt", "lenet", "lstm"])
def test_training_as_in_pytorch(name, monkeypatch):
    """Fifty steps from one seed lose what they lose on PyTorch: the same draws, layers, gradients and updates."""
    pytest.importorskip("torch")
    mine, theirs = losses(name, monkeypatch), losses(name, monkeypatch, "--torch")
    assert len(mine) == len(theirs) == 50
    assert mine == pytest.approx(theirs, abs=1e-4)
    assert mine[-1] < 0.8 * mine[0]
