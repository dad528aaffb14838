"""Ops without a derivative: those whose result requires no grad, and those that say so in backward."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp):
    return xp.tensor([1.0, 2.0, 3.0], requires_grad=True)


@behaviour("BC-14", source=SOURCE, level="should", profile="namespace")
def test_floor_divide(xp, check):
    """x // y requires grad, but its backward is an error: the derivative is not implemented."""
    y = xp.tensor(5.0, requires_grad=True) // 2
    assert y.requires_grad
    with check.raises("RuntimeError", "derivative for aten::floor_divide is not implemented"):
        y.backward()


CONSTANT = {
    "argmax": lambda xp, x: x.argmax(),
    "argmin": lambda xp, x: x.argmin(),
    "argsort": lambda xp, x: x.argsort(),
    "nonzero": lambda xp, x: x.nonzero(),
    "comparison": lambda xp, x: x > 1,
    "isnan": lambda xp, x: x.isnan(),
    "signbit": lambda xp, x: xp.signbit(x),
    "logical_not": lambda xp, x: x.logical_not(),
    "one_hot": lambda xp, x: xp.nn.functional.one_hot(x.long()),
    "searchsorted": lambda xp, x: xp.searchsorted(xp.tensor([1.0, 2.0]), x),
    "bucketize": lambda xp, x: xp.bucketize(x, xp.tensor([1.0])),
    "histc": lambda xp, x: x.histc(3),
    "bincount": lambda xp, x: x.long().bincount(),
    "multinomial": lambda xp, x: x.multinomial(1),
}


@behaviour("SG-41", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", CONSTANT.values(), ids=CONSTANT)
def test_constant(xp, fn):
    """Positions, counts, comparisons and draws never require grad."""
    assert not fn(xp, leaf(xp)).requires_grad


REFUSED = {
    "heaviside": (
        lambda xp, x: xp.heaviside(x, x),
        "RuntimeError",
        "derivative for aten::heaviside is not implemented",
    ),
    "igamma": (
        lambda xp, x: xp.igamma(x, x),
        "NotImplementedError",
        "the derivative for 'igamma: input' is not implemented",
    ),
    "unique": (lambda xp, x: x.unique(), "NotImplementedError", "the derivative for '_unique2' is not implemented"),
    "zeta": (
        lambda xp, x: xp.special.zeta(x + 2, x),
        "NotImplementedError",
        "the derivative for 'zeta' is not implemented",
    ),
}


@behaviour("BC-25", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("fn", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_not_implemented(xp, check, fn, error, text):
    """Some functions record a call whose backward is an error that names what is not implemented."""
    y = fn(xp, leaf(xp))
    assert y.requires_grad
    with check.raises(error, text):
        y.sum().backward()


FLAT = {
    "nextafter": (lambda xp, x: xp.nextafter(x, x.detach() + 1), [1.0, 1.0, 1.0]),
    "bernoulli": (lambda xp, x: (x / 10).bernoulli(), [0.0, 0.0, 0.0]),
    "poisson": (lambda xp, x: xp.poisson(x), [0.0, 0.0, 0.0]),
    "mode": (lambda xp, x: x.mode()[0], [1.0, 0.0, 0.0]),
}


@behaviour("BC-25", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "expected"), FLAT.values(), ids=FLAT)
def test_draws_and_neighbours(xp, check, fn, expected):
    """Random draws have gradient 0; nextafter passes its own on."""
    x = leaf(xp)
    fn(xp, x).sum().backward()
    check.equal(x.grad, expected)


@behaviour("FWD-21", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    "fn",
    [
        lambda xp, d: xp.cdist(d, d, p=3.0),
        lambda xp, d: xp.nn.functional.multi_margin_loss(d, xp.tensor([0, 1, 2, 3])),
    ],
    ids=["cdist", "multi_margin_loss"],
)
def test_no_forward_formula(xp, check, fn):
    """An op without a forward-mode formula is an error on a dual tensor."""
    fw = xp.autograd.forward_ad
    with fw.dual_level():
        d = fw.make_dual(xp.eye(4), xp.ones(4, 4))
        with check.raises("NotImplementedError", "Trying to use forward AD with"):
            fn(xp, d)


@behaviour("SG-46", source=SOURCE, level="may", profile="namespace")
def test_gradient_of_zeros(xp, check):
    """A gradient that is zero everywhere takes part in arithmetic, however the library holds it."""
    x = leaf(xp)
    (grad,) = xp.autograd.grad(xp.sgn(x).sum(), x)
    check.equal(grad, [0.0, 0.0, 0.0])
    check.equal(grad + 1, [1.0, 1.0, 1.0])
