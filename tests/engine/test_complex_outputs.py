"""Ops that PyTorch differentiates for real outputs only."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, live


@live
def test_refused(xp: Any) -> Any:
    """A complex output is refused where a gradient would be wanted of it, and only there."""
    ops = (
        xp.nn.functional.silu,
        xp.nan_to_num,
        lambda x: xp.slice_scatter(x, xp.zeros(1, dtype=x.dtype)),
        xp.view_as_complex_copy,
    )
    found = []
    for op in ops:
        data = xp.tensor([1 + 2j]) if op is not ops[-1] else xp.tensor([[1.0, 2.0]])
        found.append(op(data))
        found.append(attempt(lambda op=op, data=data: op(data.requires_grad_())))
        with xp.no_grad():
            found.append(op(data))
    return found
