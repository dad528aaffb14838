"""Arguments of types that an op does not take, or of too few: refused where PyTorch refuses them, in its words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.live import attempt, live

LOSSES = [
    "mse_loss", "smooth_l1_loss", "huber_loss", "kl_div", "hinge_embedding_loss", "soft_margin_loss", "binary_cross_entropy",
]  # fmt: skip
CALLS = {
    "cosine_similarity": lambda xp, a: xp.nn.functional.cosine_similarity(a["float"], a["complex"], dim=0),
    "lerp": lambda xp, a: xp.lerp(a["float"], a["float"]),
    "masked_fill": lambda xp, a: xp.masked_fill(a["float"], a["bool"]),
    "tensordot": lambda xp, a: xp.tensordot(a["float"], a["float"]),
    "tensordot of numbers": lambda xp, a: xp.tensordot(a["number"], a["number"]),
    "mv": lambda xp, a: xp.mv(a["number"], a["float"]),
    "vdot": lambda xp, a: xp.vdot(a["bool"], a["bool"]),
    "with logits": lambda xp, a: xp.nn.functional.binary_cross_entropy_with_logits(a["int"], a["float"]),
    "with bool logits": lambda xp, a: xp.nn.functional.binary_cross_entropy_with_logits(a["bool"], a["float"]),
}


def arguments(xp: Any) -> dict[str, Any]:
    return {
        "float": xp.tensor([0.25, 0.5]),
        "double": xp.tensor([0.75, 0.5], dtype=xp.float64),
        "int": xp.tensor([1, -1]),
        "bool": xp.tensor([True, False]),
        "complex": xp.tensor([1j, 0.5]),
        "number": xp.tensor(1.0),
    }


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    """A loss of every pair of types."""

    def scene(xp: Any) -> Any:
        given = list(arguments(xp).items())[:-1]
        loss = getattr(xp.nn.functional, name)
        named = {} if name == "huber_loss" else {"reduction": "sum"}
        return {
            f"{one}, {other}": attempt(lambda x=x, y=y: loss(x, y, **named)) for one, x in given for other, y in given
        }

    live(scene)()


@pytest.mark.parametrize("name", CALLS)
def test_calls(name: str) -> None:
    """A call with a type, a shape or a number of arguments that is not taken."""

    def scene(xp: Any) -> Any:
        found = attempt(lambda: CALLS[name](xp, arguments(xp)))
        return found.kind, found.text.split("\n")[0]

    live(scene)()
