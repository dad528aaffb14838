"""Orthogonal matrices, norms and fused layers, side by side with PyTorch."""

import warnings

import pytest

from tests.nn.twins import agree, refuse
from tests.nn.utils.test_parametrize import data, linear, shown


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4), (4, 2)], ids=str)
@pytest.mark.parametrize("orthogonal_map", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("use_trivialization", [True, False])
def test_orthogonal(sizes, orthogonal_map, use_trivialization):
    """The weight is orthogonal, and what is learned starts where PyTorch's does."""

    def scene(xp):
        module = linear(xp, *sizes).double()
        xp.nn.utils.parametrizations.orthogonal(module, "weight", orthogonal_map, use_trivialization=use_trivialization)
        result = module(data(xp, 2, sizes[0]).double())
        result.pow(3).sum().backward()
        return repr(module), result, [p.grad for p in module.parameters()], module.state_dict()

    agree(scene)


def test_orthogonal_assigned():
    """Assigning an orthogonal matrix gives that matrix, by the base or by reflections; another is made orthogonal."""

    def scene(xp):
        Q = xp.linalg.qr(data(xp, 3, 3).double() + xp.eye(3))[0]
        found = []
        for options in ({}, {"orthogonal_map": "householder", "use_trivialization": False}):
            module = xp.nn.utils.parametrizations.orthogonal(linear(xp).double(), **options)
            module.weight = Q
            found.append(module.weight)
        module = xp.nn.utils.parametrizations.orthogonal(linear(xp).double())
        module.weight = Q + 1
        return found, module.weight

    agree(scene)


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim):
    """Lengths and directions are parameters; a state of the older form loads too."""

    def scene(xp):
        module = xp.nn.utils.parametrizations.weight_norm(linear(xp), dim=dim)
        told = shown(xp, module)
        old = {"bias": xp.zeros(3), "weight_g": xp.ones_like(module.parametrizations.weight.original0),
               "weight_v": data(xp, 3, 3)}  # fmt: skip
        module.load_state_dict(old)
        return told, module.weight.detach(), module.state_dict()

    agree(scene)


def test_weight_norm_of_a_convolution():
    """Of a transposed convolution too, along its outputs."""

    def scene(xp):
        xp.manual_seed(2)
        module = xp.nn.utils.parametrizations.weight_norm(xp.nn.ConvTranspose1d(2, 3, 2), dim=1)
        return shown(xp, module, 1, 2, 4)

    agree(scene)


@pytest.mark.parametrize("make", [lambda nn: nn.Linear(4, 3), lambda nn: nn.ConvTranspose1d(4, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_spectral_norm(make, training):
    """The weight over its largest singular value, which each call in training finds better."""

    def scene(xp):
        xp.manual_seed(2)
        module = xp.nn.utils.parametrizations.spectral_norm(make(xp.nn)).train(training)
        shape = (2, 4) if isinstance(module, xp.nn.Linear) else (1, 4, 5)
        return [shown(xp, module, *shape) for _ in range(2)]

    agree(scene)


def test_spectral_norm_of_a_vector():
    """A vector is divided by its norm."""
    agree(lambda xp: xp.nn.utils.parametrizations.spectral_norm(linear(xp), "bias").bias)


def test_hooks():
    """The older forms keep their parameters' names, and can be taken off."""

    def scene(xp):
        xp.manual_seed(2)
        utils, told = xp.nn.utils, []
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for norm, remove in (
                (utils.weight_norm, utils.remove_weight_norm),
                (utils.spectral_norm, utils.remove_spectral_norm),
            ):
                module = norm(xp.nn.Linear(3, 2))
                told += [shown(xp, module), shown(xp, module), module.weight.detach(), shown(xp, module.eval())]
                remove(module)
                told += [repr(module), sorted(module.state_dict()), module.weight, module(data(xp, 2, 3))]
        return told, [(each.category.__name__, str(each.message)) for each in seen]

    agree(scene)


@pytest.mark.parametrize("bias", [True, False])
def test_fusion(bias):
    """A convolution or a linear map does the work of the batch normalization behind it."""

    def scene(xp):
        xp.manual_seed(2)
        utils, nn = xp.nn.utils, xp.nn
        found = []
        for layer, norm, fuse, x in (
            (nn.Conv1d(2, 3, 2, bias=bias), nn.BatchNorm1d(3), utils.fuse_conv_bn_eval, data(xp, 2, 2, 4)),
            (nn.Linear(4, 3, bias=bias), nn.BatchNorm1d(3), utils.fuse_linear_bn_eval, data(xp, 5, 4)),
        ):
            norm(layer(x))  # running statistics
            fused = fuse(layer.eval(), norm.eval())
            found += [fused(x), norm(layer(x)), fused.state_dict()]
        return found

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp, u: u.parametrizations.orthogonal(linear(xp), "bias"),
        lambda xp, u: u.parametrizations.orthogonal(linear(xp), "gain"),
        lambda xp, u: u.parametrizations.orthogonal(linear(xp), orthogonal_map="givens"),
        lambda xp, u: setattr(u.parametrizations.orthogonal(linear(xp)), "weight", xp.ones(2, 3)),
        lambda xp, u: setattr(u.parametrizations.orthogonal(linear(xp), use_trivialization=False), "weight", xp.eye(3)),
        lambda xp, u: u.parametrizations.spectral_norm(linear(xp), n_power_iterations=0),
        lambda xp, u: u.parametrizations.spectral_norm(linear(xp), dim=3),
        lambda xp, u: u.parametrizations.spectral_norm(linear(xp), "gain"),
        lambda xp, u: u.spectral_norm(u.spectral_norm(linear(xp))),
        lambda xp, u: u.spectral_norm(linear(xp), n_power_iterations=0),
        lambda xp, u: u.remove_spectral_norm(linear(xp)),
        lambda xp, u: u.remove_weight_norm(linear(xp)),
        lambda xp, u: u.fuse_conv_bn_eval(xp.nn.Conv1d(2, 3, 2), xp.nn.BatchNorm1d(3)),
        lambda xp, u: u.fuse_linear_bn_eval(xp.nn.Linear(2, 3).eval(), xp.nn.BatchNorm1d(4).eval()),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(lambda xp: scene(xp, xp.nn.utils))
