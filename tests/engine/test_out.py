"""``out=``: results put into tensors that are there, as PyTorch puts them."""

from __future__ import annotations

from typing import Any

from tests.engine.live import attempt, leaf, live


@live
def test_types_and_shapes(xp: Any) -> Any:
    """A result is cast to the type of ``out``, where it can be; another shape is made to fit, with a warning."""
    ones = xp.ones(2)
    targets = {
        "same": xp.empty(2),
        "wider": xp.empty(2, dtype=xp.float64),
        "integers": xp.empty(2, dtype=xp.int64),
        "empty": xp.empty(0),
        "larger": xp.empty(3),
        "transposed": xp.empty(2, 2).t()[0],
        "expanded": xp.empty(1).expand(2),
    }
    return {name: attempt(lambda t=target: xp.add(ones, 1, out=t)) for name, target in targets.items()}


@live
def test_what_requires_grad(xp: Any) -> Any:
    """Nothing that requires grad may take part while grad mode is on."""
    x, target = leaf(xp, 1.0, 2.0), xp.ones(2, requires_grad=True)
    refused = [
        attempt(lambda: xp.mul(x, x, out=xp.empty(2))),
        attempt(lambda: xp.exp(xp.ones(2), out=target)),
        attempt(lambda: xp.sub(xp.ones(2), 1, out=x * 1)),
    ]
    with xp.no_grad():
        xp.exp(x, out=target)
    return refused, target, target._version


@live
def test_of_itself(xp: Any) -> Any:
    """An operand may be the target."""
    x = xp.tensor([1.0, 2.0])
    result = xp.maximum(x, xp.tensor([1.5, 1.5]), out=x)
    return result is x, x, x._version
