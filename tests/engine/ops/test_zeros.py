"""The sign of a zero, side by side with PyTorch: 1 / 0 tells, and a later division shows it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.live import live


def signs(xp: Any, results: list[Any]) -> list[Any]:
    return [xp.signbit(each) for each in results]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_bounds(dtype: str) -> None:
    """Of two zeros a bound that is a number leaves the input's."""

    def scene(xp: Any) -> Any:
        zeros = xp.tensor([0.0, -0.0, 0.0, -0.0, 1.0], dtype=getattr(xp, dtype))
        functional = xp.nn.functional
        bounds = (0.0, -0.0)
        return signs(
            xp,
            [
                *(xp.clamp(zeros, min=bound) for bound in bounds),
                *(xp.clamp(zeros, max=bound) for bound in bounds),
                *(xp.clamp(zeros, bound, 1.0) for bound in bounds),
                *(xp.clamp_min(zeros, bound) for bound in bounds),
                *(xp.clamp_max(zeros, bound) for bound in bounds),
                xp.relu(zeros),
                functional.relu6(zeros),
                functional.hardtanh(zeros, 0.0, 1.0),
                functional.softshrink(zeros),
                functional.softshrink(zeros - 0.25),
                functional.hardshrink(zeros),
            ],
        )

    live(scene)()


@pytest.mark.parametrize("name", ["cumsum", "logcumsumexp", "cumprod"])
def test_of_running_sums(name: str) -> None:
    """A running sum starts at 0, so that it is never -0; of a number it is the number."""

    def scene(xp: Any) -> Any:
        running = getattr(xp, name)
        whole, number = xp.tensor([[-0.0, 0.0], [-0.0, -0.0]]), xp.tensor(-0.0, dtype=xp.float64)
        return signs(xp, [running(whole, 0), running(whole, 1), running(number, 0)])

    live(scene)()


@live
def test_of_a_column(xp: Any) -> Any:
    """The sign of a reflection does not hang on the sign of a zero."""
    columns = [xp.tensor([[zero], [1.0]]) for zero in (0.0, -0.0)]
    return [xp.linalg.qr(each) for each in columns], [xp.geqrf(each)[1] for each in columns]


@live
def test_of_complex_sums(xp: Any) -> Any:
    """The other of a complex sum is multiplied by 1, or -1, which shows in a zero's sign and beside an infinite part."""
    input = xp.tensor([complex(-0.0, -0.0), 0j, 1 + 2j, 3j])
    other = xp.tensor([complex(-0.0, -0.0), complex(1, -0.0), complex(float("inf"), 0), 1j])
    found = [input + other, input - other, xp.rsub(input, other), xp.sub(input, other, alpha=2), other - input]
    found += [input.clone().add_(other), input.clone().sub_(other), input - float("inf"), float("inf") - input]
    return found, [signs(xp, [xp.real(each), xp.imag(each)]) for each in found]
