"""Random draws: PyTorch's numbers, its nodes, and gradients that are zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import refgrad
from tests.engine.ops.parity import Array
from tests.engine.ops.rows import Call, Row, as_in_pytorch, floats, whole

torch = pytest.importorskip("torch")
if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
    pytest.skip("torch's bits differ without AVX2", allow_module_level=True)
SIZES = [(), (1,), (7,), (16,), (33,), (5, 20)]
CHANCES = Array(np.linspace(0.05, 0.95, 20).reshape(4, 5))


def seeded(seed: int, call: Call) -> Call:
    """The call, after the default generator was seeded."""

    def run(xp: Any, *tensors: Any) -> Any:
        xp.manual_seed(seed)
        return call(xp, *tensors)

    return run


def fill(name: str, *args: Any, **kwargs: Any) -> Call:
    return lambda xp, x: getattr(x * 1, name)(*args, **kwargs)


def draw(name: str, *args: Any, **kwargs: Any) -> Call:
    return lambda xp, *tensors: getattr(xp, name)(*tensors, *args, **kwargs)


FILLS: dict[str, Call] = {
    "uniform_": fill("uniform_"), "uniform_ range": fill("uniform_", -2.0, 3.0), "normal_": fill("normal_"), "normal_ shifted": fill("normal_", 2.0, 0.5),
    "exponential_": fill("exponential_", 1.5), "cauchy_": fill("cauchy_", 0.5, 2.0), "log_normal_": fill("log_normal_", 0.2, 0.7), "geometric_": fill("geometric_", 0.3),
    "random_": fill("random_"), "random_ below": fill("random_", 9), "random_ between": fill("random_", -3, 9), "bernoulli_": fill("bernoulli_", 0.3),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", FILLS)
def test_fills_as_in_pytorch(name: str, size: tuple[int, ...], dtype: str) -> None:
    """A fill gives PyTorch's numbers bit for bit, its node, and gradient 0."""
    for seed in (0, 1234):
        row = (seeded(seed, FILLS[name]), Array(np.ones(size), dtype))
        as_in_pytorch(torch, row, forward=False)
        mine, theirs = (row[0](xp, row[1].make(xp)).detach().numpy() for xp in (refgrad, torch))
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("name", ["geometric_", "random_", "random_ below", "random_ between", "bernoulli_"])
def test_fills_of_integers_as_in_pytorch(name: str) -> None:
    """Integers are filled with PyTorch's numbers."""
    as_in_pytorch(torch, (seeded(5, FILLS[name]), whole(np.ones((3, 4)))))


X, COLUMN = floats(2, 3), Array([[0.5], [2.0]])
DRAWS: dict[str, Row] = {
    "bernoulli": (draw("bernoulli"), CHANCES), "bernoulli number": (draw("bernoulli", 0.3), CHANCES), "bernoulli single": (draw("bernoulli"), Array(CHANCES.values, "float32")), "bernoulli wrong": (draw("bernoulli"), Array([1.5])),
    "bernoulli method": (lambda xp, p: p.bernoulli(), CHANCES), "bernoulli_ tensor": (lambda xp, x, p: (x * 1).bernoulli_(p), Array(np.ones((4, 5))), CHANCES), "poisson": (draw("poisson"), Array(np.linspace(0, 9.9, 12))),
    "poisson large": (draw("poisson"), Array(np.linspace(10, 500, 20))), "poisson single": (draw("poisson"), Array([0.5, 3.0, 20.0], "float32")), "poisson negative": (draw("poisson"), Array([-1.0])), "poisson integers": (draw("poisson"), whole([1])),
    "normal means": (draw("normal", 0.5), X), "normal both": (draw("normal"), X, COLUMN), "normal spreads": (lambda xp, s: xp.normal(1.0, s), COLUMN), "normal size": (lambda xp: xp.normal(1.0, 2.0, (3, 4)),), "normal typed": (lambda xp: xp.normal(1.0, 2.0, (20,), dtype=xp.float64),),
    "normal negative": (draw("normal", -1.0), X), "normal negative spreads": (draw("normal"), X, Array([-1.0])), "normal misfit": (draw("normal"), X, floats(2, seed=2)), "normal many": (draw("normal"), floats(40), Array(np.linspace(0.1, 3, 40))),
    "multinomial": (draw("multinomial", 3), CHANCES), "multinomial one": (draw("multinomial", 1), CHANCES), "multinomial again": (draw("multinomial", 30, True), CHANCES), "multinomial single": (draw("multinomial", 9, replacement=True), Array([0.2, 3.0, 1.0], "float32")),
    "multinomial many": (draw("multinomial", 9), Array([0.2, 3.0])), "multinomial none": (draw("multinomial", 0), CHANCES), "multinomial negative": (draw("multinomial", 1), Array([1.0, -1.0])), "multinomial zero": (draw("multinomial", 1), Array([0.0, 0.0])), "multinomial zeros": (draw("multinomial", 2), Array([0.0, 1.0])),
    "multinomial integers": (draw("multinomial", 1), whole([1, 2])), "multinomial box": (draw("multinomial", 1), floats(1, 1, 1)), "rand": (lambda xp: xp.rand(3, 4),), "randn_like": (draw("randn_like"), X), "rand_like": (draw("rand_like"), X), "rand_like integers": (draw("rand_like"), whole([1])), "randint_like": (draw("randint_like", 9), X), "randint_like range": (draw("randint_like", -4, 9), whole([[1, 2]])),
    "rand_like typed": (lambda xp, x: xp.rand_like(x, dtype=xp.float32), X), "randperm": (lambda xp: xp.randperm(9),), "randint": (lambda xp: xp.randint(2, 9, (5,)),), "randint empty": (lambda xp: xp.randint(2, 1, (5,)),),
    **{f"{name} {value}": (fill(name, *value), X) for name, value in (("geometric_", (1.5,)), ("geometric_", (0.0,)), ("cauchy_", (0.0, -1.0)), ("log_normal_", (0.0, -1.0)), ("exponential_", (-1.0,)), ("uniform_", (2.0, 1.0)), ("normal_", (0.0, -1.0)))},
    "uniform_ leaf": (lambda xp, x: x.uniform_(), X), "cauchy_ integers": (fill("cauchy_"), whole([1])), "log_normal_ integers": (fill("log_normal_"), whole([1])), "normal_ strided": (lambda xp, x: (x * 1).t().normal_(), floats(8, 9)),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_draws_as_in_pytorch(name: str) -> None:
    """A draw gives PyTorch's numbers, its node and gradient, or its error."""
    call, *inputs = DRAWS[name]
    for seed in (0, 42):
        as_in_pytorch(torch, (seeded(seed, call), *inputs), forward=False)


def test_a_generator_of_one_s_own() -> None:
    """A call with a generator draws from it, and leaves the default one alone."""
    for xp in (refgrad, torch):
        xp.manual_seed(3)
    before = refgrad.get_rng_state().tolist()
    mine = refgrad.empty(5).log_normal_(generator=refgrad.Generator().manual_seed(7))
    theirs = torch.empty(5).log_normal_(generator=torch.Generator().manual_seed(7))
    assert mine.tolist() == theirs.tolist()
    assert refgrad.get_rng_state().tolist() == before
