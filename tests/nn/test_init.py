"""First values, bit for bit PyTorch's."""

import numpy as np
import pytest

from tests.nn.twins import agree, observed, refuse, same_bits

FILLS = {
    "uniform_": {"a": -1.0, "b": 2.0},
    "normal_": {"mean": 1.0, "std": 0.5},
    "constant_": {"val": 3.0},
    "ones_": {},
    "zeros_": {},
    "eye_": {},
    "kaiming_uniform_": {"a": 5**0.5},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "xavier_uniform_": {"gain": 2.0},
    "xavier_normal_": {},
    "trunc_normal_": {"std": 0.02},
}


@pytest.mark.parametrize("shape", [(3, 4), (8, 40), (1, 1)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(FILLS))
def test_bits(name, dtype, shape):
    """Each function fills with PyTorch's bits and leaves the generator where PyTorch's is."""

    def fill(xp):
        t = xp.empty(*shape, dtype=getattr(xp, dtype), requires_grad=True)
        assert getattr(xp.nn.init, name)(t, **FILLS[name]) is t
        return [t]

    same_bits(fill)


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (-1.0, 0.5), (1.0, 3.0), (-0.1, 0.1)])
def test_truncated(a, b):
    """trunc_normal_ draws again as PyTorch does, from wide bounds and from narrow ones."""
    same_bits(lambda xp: [xp.nn.init.trunc_normal_(xp.empty(50, 40), a=a, b=b)])


def test_windows():
    """For convolutions the window counts into the number of inputs."""
    same_bits(
        lambda xp: [xp.nn.init.kaiming_uniform_(xp.empty(4, 3, 5, 5)), xp.nn.init.xavier_normal_(xp.empty(4, 3, 2))]
    )


def test_generator():
    """A generator that is given is drawn from, and the default one is not."""

    def fill(xp):
        generator = xp.Generator().manual_seed(3)
        return [xp.nn.init.normal_(xp.empty(4, 5), generator=generator)]

    same_bits(fill)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 3, 4)], ids=str)
def test_orthogonal(shape):
    """orthogonal_ gives PyTorch's matrix, to rounding, and orthonormal rows or columns."""

    def scene(xp):
        xp.manual_seed(3)
        return xp.nn.init.orthogonal_(xp.empty(*shape, dtype=xp.float64), gain=2.0)

    agree(scene)
    matrix = observed(scene)[0]["outcome"]["tensor"].reshape(shape[0], -1) / 2
    gram = matrix @ matrix.T if shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gain(name):
    """calculate_gain gives PyTorch's factors."""
    agree(lambda xp: [xp.nn.init.calculate_gain(name), xp.nn.init.calculate_gain("leaky_relu", 0.2)])


def test_nothing_to_fill():
    """A tensor without elements is left alone, with a warning."""
    agree(lambda xp: [xp.nn.init.kaiming_uniform_(xp.empty(0, 3)), xp.nn.init.kaiming_normal_(xp.empty(3, 0))])


def test_bounds_far_from_the_mean():
    """trunc_normal_ warns where hardly any of the distribution is inside."""
    agree(lambda xp: [xp.nn.init.trunc_normal_(xp.empty(3), a=3.0, b=4.0).shape])


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: xp.nn.init.xavier_uniform_(xp.empty(3)),
        lambda xp: xp.nn.init.eye_(xp.empty(3)),
        lambda xp: xp.nn.init.orthogonal_(xp.empty(3)),
        lambda xp: xp.nn.init.kaiming_normal_(xp.empty(3, 3), mode="both"),
        lambda xp: xp.nn.init.calculate_gain("bend"),
        lambda xp: xp.nn.init.calculate_gain("leaky_relu", "steep"),
        lambda xp: xp.nn.init.uniform_(xp.empty(3), 2.0, 1.0),
        lambda xp: xp.nn.init.normal_(xp.empty(3), std=-1.0),
    ],
)
def test_refused(scene):
    """What PyTorch refuses is refused in its words."""
    refuse(scene)
