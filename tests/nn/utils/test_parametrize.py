"""Parameters that are functions of others, side by side with PyTorch."""

import copy

import pytest

from tests.nn.twins import agree, refuse


def data(xp, *shape):
    count = 1
    for size in shape:
        count *= size
    return xp.arange(float(count)).reshape(shape).mul(1.7).sin()


def linear(xp, *sizes):
    xp.manual_seed(2)
    return xp.nn.Linear(*(sizes or (3, 3)))


def symmetric(xp):
    class Symmetric(xp.nn.Module):
        def forward(self, X):
            return X.triu() + X.triu(1).transpose(-1, -2)

        def right_inverse(self, X):
            return X.triu()

    return Symmetric()


def doubled(xp, *, inverse=True):
    class Doubled(xp.nn.Module):
        def forward(self, X):
            return 2 * X

    if inverse:
        Doubled.right_inverse = lambda self, X: X / 2
    return Doubled()


def split(xp):
    class Split(xp.nn.Module):
        def forward(self, first, second):
            return first + second

        def right_inverse(self, X):
            return X.detach() * 0.25, X.detach() * 0.75

    return Split()


def shown(xp, module, *shape):
    """How the module prints, what it gives and all gradients, and its state."""
    result = module(data(xp, *(shape or (2, 3))))
    result.pow(2).sum().backward()
    return repr(module), result, {n: p.grad for n, p in module.named_parameters()}, module.state_dict()


def test_one():
    """The tensor is the function of its original, which is what trains; assigning goes backward through the function."""

    def scene(xp):
        P = xp.nn.utils.parametrize
        module = linear(xp)
        kept = module.weight
        returned = P.register_parametrization(module, "weight", symmetric(xp))
        before = shown(xp, module), returned is module, module.parametrizations.weight.original is kept
        module.weight = data(xp, 3, 3)
        names = P.is_parametrized(module), P.is_parametrized(module, "bias"), P.type_before_parametrizations(module)
        return before, module.weight, kept, names[:2], names[2].__name__, type(module).__name__

    agree(scene)


@pytest.mark.parametrize("leave", [True, False])
def test_two_and_none(leave):
    """A second function is applied to the first's result; taking them off leaves the value, or the original."""

    def scene(xp):
        P = xp.nn.utils.parametrize
        module = linear(xp)
        P.register_parametrization(module, "weight", symmetric(xp))
        P.register_parametrization(module, "weight", doubled(xp))
        module.weight = data(xp, 3, 3)
        told = shown(xp, module)
        P.remove_parametrizations(module, "weight", leave_parametrized=leave)
        return told, repr(module), module.weight, list(module.state_dict()), type(module) is xp.nn.Linear

    agree(scene)


def test_several_originals():
    """A right inverse may give several tensors, each a parameter then."""

    def scene(xp):
        P = xp.nn.utils.parametrize
        module = linear(xp)
        P.register_parametrization(module, "weight", split(xp))
        told = shown(xp, module)
        module.weight = xp.ones(3, 3)
        after = module.state_dict()
        other = linear(xp)
        P.transfer_parametrizations_and_params(module, other)
        P.remove_parametrizations(module, "weight")
        return told, after, other.state_dict(), module.weight

    agree(scene)


def test_cached():
    """Inside ``cached`` a tensor is computed once."""

    def scene(xp):
        P, calls = xp.nn.utils.parametrize, []

        class Counted(xp.nn.Module):
            def forward(self, X):
                calls.append(1)
                return X

        module = linear(xp)
        P.register_parametrization(module, "weight", Counted(), unsafe=True)
        _ = module.weight, module.weight
        with P.cached():
            with P.cached():
                first = module.weight
            same = first is module.weight
        return len(calls), same, module.weight is first

    agree(scene)


def test_copied():
    """A copy has parameters and a class of its own; pickling is refused."""

    def scene(xp):
        module = linear(xp)
        xp.nn.utils.parametrize.register_parametrization(module, "weight", doubled(xp))
        other = copy.deepcopy(module)
        other.weight = xp.zeros(3, 3)
        return module.weight, other.weight, repr(other)

    agree(scene)
    refuse(
        lambda xp: xp.nn.utils.parametrize.register_parametrization(linear(xp), "weight", doubled(xp)).__getstate__()
    )


def test_buffer():
    """A buffer can be a function of another buffer."""

    def scene(xp):
        module = xp.nn.BatchNorm1d(3).eval()
        xp.nn.utils.parametrize.register_parametrization(module, "running_mean", doubled(xp))
        return module.running_mean, module.state_dict()

    agree(scene)


def reshaped(xp):
    class Reshaped(xp.nn.Module):
        def forward(self, X):
            return X[:2]

    return Reshaped()


def typed(xp):
    class Typed(xp.nn.Module):
        def forward(self, X):
            return X.double()

    return Typed()


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp, P: P.register_parametrization(linear(xp), "gain", doubled(xp)),
        lambda xp, P: P.register_parametrization(linear(xp), "weight", reshaped(xp)),
        lambda xp, P: P.register_parametrization(linear(xp), "weight", typed(xp)),
        lambda xp, P: [m := P.register_parametrization(linear(xp), "weight", doubled(xp)),
                       P.register_parametrization(m, "weight", reshaped(xp))],
        lambda xp, P: [m := P.register_parametrization(linear(xp), "weight", doubled(xp)),
                       P.register_parametrization(m, "weight", typed(xp))],
        lambda xp, P: setattr(P.register_parametrization(linear(xp), "weight", doubled(xp, inverse=False)), "weight",
                              xp.ones(3, 3)),
        lambda xp, P: P.remove_parametrizations(linear(xp), "weight"),
        lambda xp, P: P.remove_parametrizations(P.register_parametrization(linear(xp), "weight", split(xp)), "weight",
                                                leave_parametrized=False),
        lambda xp, P: P.ParametrizationList([], xp.ones(2)),
    ],
)  # fmt: skip
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(lambda xp: scene(xp, xp.nn.utils.parametrize))
