"""What PyTorch chooses where no derivative exists: conventions, which another library may choose otherwise."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
INF, NAN = float("inf"), float("nan")

POINTS = {
    "abs_at_0": (lambda xp, x: abs(x), 0.0, 0.0),
    "relu_at_0": (lambda xp, x: xp.relu(x), 0.0, 0.0),
    "sign_at_0": (lambda xp, x: xp.sign(x), 0.0, 0.0),
    "clamp_at_its_lower_bound": (lambda xp, x: xp.clamp(x, -1.0, 2.0), -1.0, 1.0),
    "clamp_at_its_upper_bound": (lambda xp, x: xp.clamp(x, -1.0, 2.0), 2.0, 1.0),
    "floor_at_an_integer": (lambda xp, x: xp.floor(x), 2.0, 0.0),
    "sqrt_at_0": (lambda xp, x: xp.sqrt(x), 0.0, INF),
    "log_at_0": (lambda xp, x: xp.log(x), 0.0, INF),
    "rsqrt_at_0": (lambda xp, x: xp.rsqrt(x), 0.0, -INF),
    "reciprocal_at_0": (lambda xp, x: 1 / x, 0.0, -INF),
    "pow_half_at_0": (lambda xp, x: x**0.5, 0.0, INF),
    "pow_minus_1_at_0": (lambda xp, x: x**-1, 0.0, -INF),
    "pow_three_halves_at_0": (lambda xp, x: x**1.5, 0.0, 0.0),
    "pow_0_at_0": (lambda xp, x: x**0, 0.0, 0.0),
    "pow_1_at_0": (lambda xp, x: x**1, 0.0, 1.0),
    "sqrt_of_a_square_at_0": (lambda xp, x: xp.sqrt(x**2), 0.0, NAN),
    "sqrt_of_a_negative": (lambda xp, x: xp.sqrt(x), -1.0, NAN),
    "norm_at_0": (lambda xp, x: x.norm(), 0.0, 0.0),
    "log_times_0": (lambda xp, x: xp.log(x) * 0, 0.0, NAN),
}


@behaviour("SG-10", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "expected"), POINTS.values(), ids=POINTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_point(calculus, check, fn, x, expected):
    """At a kink or a pole the gradient is PyTorch's choice."""
    check.equal(calculus.vjp(lambda xp, x: fn(xp, x).sum(), (np.array([x]),))[1][0], np.array([expected]))


TIES = {
    "maximum": (lambda xp, x, y: xp.maximum(x, y), [0.5, 1.0], [0.5, 0.0]),
    "minimum": (lambda xp, x, y: xp.minimum(x, y), [0.5, 0.0], [0.5, 1.0]),
}


@behaviour("SG-05", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "first", "second"), TIES.values(), ids=TIES)
def test_tie_of_two(calculus, check, fn, first, second):
    """Where maximum or minimum ties, each input gets half."""
    _, (grad_x, grad_y) = calculus.vjp(
        lambda xp, x, y: fn(xp, x, y).sum(), (np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    )
    check.equal(grad_x, np.array(first))
    check.equal(grad_y, np.array(second))


REDUCTIONS = {
    "max": (lambda xp, x: x.max(), [0.0, 0.5, 0.5]),
    "min": (lambda xp, x: (-x).min(), [0.0, -0.5, -0.5]),
    "amax": (lambda xp, x: xp.amax(x), [0.0, 0.5, 0.5]),
    "amax_dim": (lambda xp, x: xp.amax(x, dim=0), [0.0, 0.5, 0.5]),
}


@behaviour("SG-06", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "expected"), REDUCTIONS.values(), ids=REDUCTIONS)
def test_tie_in_a_reduction(calculus, check, fn, expected):
    """Where the extremum of a reduction is reached several times, its gradient is divided evenly."""
    check.equal(calculus.vjp(fn, (np.array([1.0, 2.0, 2.0]),))[1][0], np.array(expected))


@behaviour("SG-47", source="mathematics; torch 2.13.0", profile="core")
@pytest.mark.parametrize("fn", [fn for fn, _, _ in TIES.values()], ids=TIES)
def test_ties_conserve(calculus, check, fn):
    """However a tie is split, the two gradients add up to the cotangent."""
    x, g = np.array([1.0, 3.0]), np.array([5.0, -7.0])
    _, (grad_x, grad_y) = calculus.vjp(fn, (x, x), g)
    check.close(grad_x + grad_y, g)


@behaviour("SG-13", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(
    ("base", "exponent", "d_base", "d_exponent"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, 1.0, 0.0),
        (0.0, 2.0, 0.0, 0.0),
        (2.0, 0.0, 0.0, np.log(2)),
        (-2.0, 2.0, -4.0, NAN),
        (0.0, -1.0, -INF, -INF),
        (0.0, 0.5, INF, 0.0),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_pow_at_0(calculus, check, base, exponent, d_base, d_exponent):
    """At base 0 the exponent's gradient is 0 unless the exponent is negative; at a negative base it is nan."""
    _, grads = calculus.vjp(lambda xp, x, y: (x**y).sum(), (np.array([base]), np.array([exponent])))
    check.close(grads[0], np.array([d_base]))
    check.close(grads[1], np.array([d_exponent]))


@behaviour("ISS-17", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_leaks_through_where(calculus, check):
    """A branch that where did not choose still makes nan where its own derivative is infinite: 0 * inf."""
    fn = lambda xp, x: xp.where(x > 0, xp.sqrt(x), x).sum()  # noqa: E731
    check.equal(calculus.vjp(fn, (np.array([-1.0, 4.0]),))[1][0], np.array([NAN, 0.25]))
