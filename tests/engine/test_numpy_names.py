"""NumPy's names of ``dim`` and ``keepdim``, held against PyTorch's."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, live

REDUCTIONS = "sum mean prod amax amin std var logsumexp any all argmax argmin count_nonzero nansum".split()
ALONG = "cumsum cumprod softmax log_softmax sort argsort unbind squeeze unsqueeze diff".split()


@live
def test_axis_of_a_function(xp: Any) -> Any:
    """axis is dim, in functions and in methods."""
    x = xp.arange(6.0).view(2, 3)
    names = REDUCTIONS + ALONG
    return {name: [getattr(xp, name)(x, axis=0), getattr(x, name)(axis=1)] for name in names if name != "squeeze"}


@live
def test_keepdims(xp: Any) -> Any:
    """keepdims is keepdim."""
    x = xp.arange(6.0).view(2, 3)
    return [getattr(x, name)(axis=1, keepdims=True) for name in REDUCTIONS if name not in ("count_nonzero",)]


@live
def test_axis_of_several(xp: Any) -> Any:
    """Joining and selecting take axis too."""
    x, first = xp.arange(6.0).view(2, 3), xp.tensor([0])
    joined = [xp.cat([x, x], axis=1), xp.stack([x, x], axis=1)]
    return [*joined, x.index_select(axis=0, index=first), x.max(axis=1), x.topk(1, axis=0), x.chunk(2, axis=0)]


@live
def test_unknown(xp: Any) -> Any:
    """A name that neither has is refused."""
    return attempt(lambda: xp.zeros(2).cumsum(axes=0)).kind
