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


def gradients(calculus, fn, *inputs):
    """The gradients of the sum of ``fn`` with respect to each input."""
    return calculus.vjp(fn, tuple(np.array(x) for x in inputs))[1]


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
    check.equal(gradients(calculus, fn, [1.0, 3.0], [1.0, 2.0]), [first, second])


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
    check.close(grads, [[d_base], [d_exponent]])


@behaviour("ISS-17", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_leaks_through_where(calculus, check):
    """A branch that where did not choose still makes nan where its own derivative is infinite: 0 * inf."""
    fn = lambda xp, x: xp.where(x > 0, xp.sqrt(x), x).sum()  # noqa: E731
    check.equal(calculus.vjp(fn, (np.array([-1.0, 4.0]),))[1][0], np.array([NAN, 0.25]))


@behaviour("SG-01", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize("name", ["abs", "sign", "sgn"])
def test_around_0(calculus, check, name):
    """abs has gradient 0 at either zero and the sign elsewhere; sign and sgn have none anywhere."""
    (grad,) = gradients(calculus, lambda xp, x: getattr(xp, name)(x), [0.0, -0.0, -2.0, 3.0])
    check.equal(grad, [0.0, 0.0, -1.0, 1.0] if name == "abs" else [0.0] * 4)


CLAMPS = {
    "both": (lambda xp, x: x.clamp(0, 1), [-0.1, 0.0, 0.5, 1.0, 1.1], [0.0, 1.0, 1.0, 1.0, 0.0]),
    "min": (lambda xp, x: x.clamp(min=0.0), [-1.0, 0.0, 1.0], [0.0, 1.0, 1.0]),
    "max": (lambda xp, x: x.clamp(max=1.0), [0.0, 1.0, 2.0], [1.0, 1.0, 0.0]),
    "min_above_max": (lambda xp, x: x.clamp(1, 0), [0.5], [0.0]),
    "clamp_min": (lambda xp, x: xp.clamp_min(x, 0.0), [0.0], [1.0]),
}


@behaviour("SG-03", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "expected"), CLAMPS.values(), ids=CLAMPS)
def test_clamp(calculus, check, fn, x, expected):
    """clamp passes the gradient inside its bounds and at them, and nothing outside."""
    check.equal(gradients(calculus, fn, x)[0], expected)


@behaviour("SG-04", source=SOURCE, level="may", profile="core")
def test_clamp_to_tensors(calculus, check):
    """clamp's bounds get the gradient where they take the input's place; at a bound the input keeps it."""
    found = gradients(calculus, lambda xp, x, a, b: xp.clamp(x, a, b), [-1.0, 0.0, 0.5, 1.0, 2.0], [0.0] * 5, [1.0] * 5)
    check.equal(found, [[0.0, 1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])


@behaviour("SG-12", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(
    ("exponent", "expected"), [(0, 0.0), (1, 1.0), (2, 0.0), (0.5, INF), (-1, -INF), (1.5, 0.0)], ids=str
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_power_of_0(calculus, check, exponent, expected):
    """x ** number at 0: the limit of the derivative, and 0 for the exponent 0."""
    check.equal(gradients(calculus, lambda xp, x: x**exponent, [0.0])[0], [expected])


@behaviour("SG-25", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc", "frac"])
def test_steps(calculus, check, name):
    """Rounding has gradient 0 everywhere, at its jumps too; frac has 1."""
    (grad,) = gradients(calculus, lambda xp, x: getattr(xp, name)(x), [1.5, 2.0])
    check.equal(grad, [1.0, 1.0] if name == "frac" else [0.0, 0.0])


@behaviour("SG-38", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("x", "grad_x", "grad_y"), [(0.0, INF, NAN), (1.0, INF, -INF)], ids=["0/0", "1/0"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_division_by_0(calculus, check, x, grad_x, grad_y):
    """x / 0 has the gradients that the formulas give: 1 / 0 for x, -x / 0 / 0 for the divisor."""
    check.equal(gradients(calculus, lambda xp, x, y: x / y, [x], [0.0]), [[grad_x], [grad_y]])


CHAINS = {
    "sqrt_of_a_product": (lambda xp, x: xp.sqrt(x * 0), [1.0], [NAN]),
    "sqrt_of_a_square": (lambda xp, x: xp.sqrt(x**2), [0.0], [NAN]),
    "root_of_the_sum_of_squares": (lambda xp, x: xp.sqrt((x**2).sum()), [0.0, 0.0], [NAN, NAN]),
    "norm": (lambda xp, x: x.norm(), [0.0, 0.0], [0.0, 0.0]),
    "quotient": (lambda xp, x: x / x, [0.0], [NAN]),
    "x_log_x": (lambda xp, x: x * xp.log(x), [0.0], [NAN]),
}


@behaviour("SG-11", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "expected"), CHAINS.values(), ids=CHAINS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_0_times_infinity(calculus, check, fn, x, expected):
    """Where a chain multiplies 0 by an infinite derivative the gradient is nan; norm, one op, has 0."""
    check.equal(gradients(calculus, fn, x)[0], expected)


ENDS = {
    "logit": (lambda xp, x: xp.logit(x), [0.0, 1.0], [INF, INF]),
    "logit_eps": (lambda xp, x: xp.logit(x, 1e-3), [0.0, 1.0], [0.0, 0.0]),
    "log_of_a_negative": (lambda xp, x: xp.log(x), [-2.0], [-0.5]),
    "sqrt_of_a_negative": (lambda xp, x: xp.sqrt(x), [-1.0], [NAN]),
    "fractional_power_of_a_negative": (lambda xp, x: x**0.5, [-1.0], [NAN]),
}


@behaviour("SG-44", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "expected"), ENDS.values(), ids=ENDS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_outside_the_domain(calculus, check, fn, x, expected):
    """At the ends of its domain and beyond, a function's gradient is what its formula gives."""
    check.equal(gradients(calculus, fn, x)[0], expected)


ZEROS = {
    "neg": (lambda xp, x: -x * 0, [1.0]),
    "quotient": (lambda xp, x: 0 / x, [2.0]),
    "negative_zero": (lambda xp, x: x * -0.0, [1.0]),
}


@behaviour("SG-43", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x"), ZEROS.values(), ids=ZEROS)
def test_zero_of_either_sign(calculus, check, fn, x):
    """A gradient of zero may be a negative one: zeros are compared by value."""
    check.equal(gradients(calculus, fn, x)[0], [0.0])


@behaviour("SG-19", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_xlogy(calculus, check):
    """xlogy(0, 0) has gradient 0 for the factor and nan for the logarithm's argument."""
    check.equal(gradients(calculus, lambda xp, x, y: xp.xlogy(x, y), [0.0], [0.0]), [[0.0], [NAN]])


@behaviour("SG-19", source=SOURCE, level="may", profile="namespace")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_special_logarithms(calculus, check):
    """xlog1py(0, -1) has gradient 0 and nan, as xlogy; entr has an infinite one at 0."""
    check.equal(gradients(calculus, lambda xp, x, y: xp.special.xlog1py(x, y), [0.0], [-1.0]), [[0.0], [NAN]])
    check.equal(gradients(calculus, lambda xp, x: xp.special.entr(x), [0.0])[0], [INF])


@behaviour("SG-24", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_copysign(calculus, check):
    """copysign passes the gradient on by the sign that it gave, 0 at 0, and nothing to the one that lent the sign."""
    found = gradients(calculus, lambda xp, x, y: xp.copysign(x, y), [0.0, 2.0, -2.0], [1.0, -1.0, -1.0])
    check.equal(found, [[0.0, -1.0, 1.0], [0.0, 0.0, 0.0]])


@behaviour("SG-24", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_hypot(calculus, check):
    """hypot's gradients are the sides over the hypotenuse, nan at (0, 0)."""
    found = gradients(calculus, lambda xp, x, y: xp.hypot(x, y), [3.0, 0.0], [4.0, 0.0])
    check.close(found, [[0.6, NAN], [0.8, NAN]])
