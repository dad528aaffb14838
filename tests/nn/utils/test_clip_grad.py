"""Gradients cut to size, side by side with PyTorch."""

import math

import pytest

from tests.nn.twins import agree, refuse


def parameters(xp):
    """Three parameters, the second without a gradient."""
    held = [xp.nn.Parameter(xp.ones(2)), xp.nn.Parameter(xp.ones(1)), xp.nn.Parameter(xp.ones(2, 2))]
    held[0].grad, held[2].grad = xp.tensor([3.0, -4.0]), xp.tensor([[0.0, 1.0], [-2.0, 5.0]])
    return held


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.0, math.inf, 0.5])
@pytest.mark.parametrize("max_norm", [1.0, 100.0])
def test_norm(norm_type, max_norm):
    """All gradients together are scaled to the norm asked for, the same objects; the norm before is given."""

    def scene(xp):
        held = parameters(xp)
        before = [p.grad for p in held]
        total = xp.nn.utils.clip_grad_norm_(held, max_norm, norm_type)
        return total, [p.grad for p in held], [p.grad is g for p, g in zip(held, before)]

    agree(scene)


@pytest.mark.parametrize("given", [lambda held: held[0], iter, tuple], ids=["lone", "iterator", "tuple"])
def test_what_is_given(given):
    """One parameter, an iterator and a sequence are all taken."""

    def scene(xp):
        held = parameters(xp)
        xp.nn.utils.clip_grad_norm_(given(held), 1.0)
        return [p.grad for p in held]

    agree(scene)


def test_nothing():
    """Without gradients the norm is 0; an empty generator is warned of."""

    def scene(xp):
        clip = xp.nn.utils.clip_grad_norm_
        return clip([], 1.0), clip([xp.nn.Parameter(xp.ones(1))], 1.0), clip((p for p in ()), 1.0)

    agree(scene)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_not_finite(value):
    """A norm that is not finite is refused if asked, and scaled by if not."""

    def scene(xp, **options):
        held = parameters(xp)
        held[0].grad[0] = value
        return xp.nn.utils.clip_grad_norm_(held, 1.0, **options), [p.grad for p in held]

    agree(scene)
    refuse(lambda xp: scene(xp, error_if_nonfinite=True))


def test_value():
    """clip_grad_value_ cuts each element, in place."""

    def scene(xp):
        held = parameters(xp)
        before = [p.grad for p in held]
        return (
            xp.nn.utils.clip_grad_value_(held, 2),
            [p.grad for p in held],
            [p.grad is g for p, g in zip(held, before)],
        )

    agree(scene)


def test_in_two_steps():
    """The norm may be had first and the gradients cut later."""

    def scene(xp):
        held = parameters(xp)
        utils = xp.nn.utils
        total = utils.get_total_norm([p.grad for p in held if p.grad is not None])
        utils.clip_grads_with_norm_(held, 1.0, total)
        return total, [p.grad for p in held]

    agree(scene)
