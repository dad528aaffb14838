"""Which ops save what for backward, found by changing it in place: only what was saved makes backward fail."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"


def table(saving, plain):
    return [(name, True) for name in saving.split()] + [(name, False) for name in plain.split()]


FUNCTIONS = {
    "softmax": lambda xp, x: x.softmax(0),
    "log_softmax": lambda xp, x: x.log_softmax(0),
    "add": lambda xp, x: x + 1,
    "mul": lambda xp, x: x * 2,
    "pow": lambda xp, x: x**2,
    "clamp": lambda xp, x: x.clamp(0, 1),
    "cumsum": lambda xp, x: x.cumsum(0),
    "logsumexp": lambda xp, x: x.logsumexp(0),
    "index": lambda xp, x: x[[0, 1]],
    "double": lambda xp, x: x.double(),
    "where": lambda xp, x: xp.where(xp.tensor([True, False]), x, x),
}
RESULTS = table(
    "exp sigmoid tanh relu sqrt rsqrt reciprocal softmax log_softmax tan expm1 prod norm std logsumexp",
    "sin cos log abs neg add mul pow square clamp sinh cosh atan cumsum floor sign round mean",
)
INPUTS = table(
    "sin cos log abs pow square clamp prod norm max std logsumexp atan log1p",
    "exp sigmoid tanh relu sqrt rsqrt reciprocal softmax tan neg add mul sum mean cumsum floor sign double index where",
)


def apply(xp, name, x):
    return FUNCTIONS[name](xp, x) if name in FUNCTIONS else getattr(xp, name)(x)


def go_backward(check, root, fails):
    if fails:
        with check.raises("RuntimeError", MODIFIED):
            root.sum().backward()
    else:
        root.sum().backward()


@behaviour("INP-11", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("name", "saves"), RESULTS, ids=[name for name, _ in RESULTS])
def test_which_save_their_result(xp, check, name, saves):
    """Changing a result in place is an error at backward for just the ops that saved it."""
    y = apply(xp, name, xp.tensor([0.3, 0.7], requires_grad=True))
    y.mul_(2)
    go_backward(check, y, saves)


@behaviour("INP-12", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("name", "saves"), INPUTS, ids=[name for name, _ in INPUTS])
def test_which_save_their_input(xp, check, name, saves):
    """Changing an input in place is an error at backward for just the ops that saved it."""
    h = xp.tensor([0.3, 0.7], requires_grad=True) * 1
    y = apply(xp, name, h)
    h.mul_(2)
    go_backward(check, y, saves)


@behaviour("INP-13", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("requires_grad", [True, False], ids=["needed", "not_needed"])
def test_product_saves_what_it_needs(xp, check, requires_grad):
    """h * w keeps h only if w requires grad: changing h afterwards is an error only then."""
    h = xp.tensor([1.0, 2.0], requires_grad=True) * 1
    y = h * xp.ones(2, requires_grad=requires_grad)
    h.add_(1)
    go_backward(check, y, requires_grad)
