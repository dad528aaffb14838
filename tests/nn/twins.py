"""A program run on refgrad and on PyTorch: it must work on both, and show the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import refgrad
from tests.engine.live import Raised, observe, same

Scene = Callable[[Any], Any]


def observed(scene: Scene) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the scene shows on refgrad, and on PyTorch."""
    torch = pytest.importorskip("torch")
    return observe(refgrad, scene), observe(torch, scene)


def agree(scene: Scene) -> None:
    """The scene works on both and shows the same, warnings included."""
    mine, theirs = observed(scene)
    assert not isinstance(theirs["outcome"], Raised), f"PyTorch refuses: {theirs}"
    assert same(mine, theirs), f"\n  refgrad: {mine}\n  torch:   {theirs}"


def refuse(scene: Scene) -> None:
    """The scene fails on both, with the same class and text."""
    mine, theirs = observed(scene)
    assert isinstance(theirs["outcome"], Raised), f"PyTorch allows: {theirs}"
    assert mine["outcome"] == theirs["outcome"], f"\n  refgrad: {mine}\n  torch:   {theirs}"


def same_bits(fill: Callable[[Any], Any]) -> None:
    """``fill(xp)`` gives arrays of the same bits, and leaves the generators in step, from the same seed."""
    torch = pytest.importorskip("torch")
    arrays = []
    for xp in (refgrad, torch):
        xp.manual_seed(7)
        tensors = (*fill(xp), xp.rand(3))
        arrays.append([np.array(t.detach().numpy()) for t in tensors])
    for mine, theirs in zip(*arrays, strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.shape == theirs.shape
        assert mine.tobytes() == theirs.tobytes(), f"\n  refgrad: {mine}\n  torch:   {theirs}"


def grads(module: Any, *inputs: Any) -> list[Any]:
    """The gradients of the inputs that require one, and of the parameters."""
    return [x.grad for x in inputs if x.requires_grad] + [p.grad for p in module.parameters()]


def through(make: Callable[[Any], Any], *inputs: Callable[[Any], Any]) -> Scene:
    """A scene: make the module from a seed, run it on the inputs, backward from a weighted sum of what it gives."""

    def scene(xp: Any) -> Any:
        xp.manual_seed(3)
        module = make(xp)
        tensors = [each(xp) for each in inputs]
        result = module(*tensors)
        (result * xp.arange(1.0, result.numel() + 1).reshape(result.shape)).sum().backward()
        return [repr(module), result, grads(module, *tensors), module.state_dict()]

    return scene
