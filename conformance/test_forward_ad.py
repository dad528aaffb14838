"""torch.autograd.forward_ad: dual tensors, and what becomes of their tangents."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@pytest.fixture
def fw(xp):
    return xp.autograd.forward_ad


def dual(xp, value=2.0, tangent=1.0):
    return xp.autograd.forward_ad.make_dual(xp.tensor(value), xp.tensor(tangent))


def tangent_of(xp, tensor):
    return xp.autograd.forward_ad.unpack_dual(tensor).tangent


@behaviour("FWD-01", source=SOURCE, profile="namespace")
def test_tangent_propagates(xp, fw, check):
    """A dual tensor carries its tangent through a computation: the derivative along it comes out beside the value."""
    with fw.dual_level():
        primal, tangent = fw.unpack_dual(dual(xp) ** 3)
    check.equal(primal, 8.0)
    check.equal(tangent, 12.0)


@behaviour("FWD-03", source=SOURCE, profile="namespace")
def test_plain_tensor_has_none(xp, fw, check):
    """A tensor that is not dual has the tangent None, within a level and outside."""
    with fw.dual_level():
        check.none(tangent_of(xp, xp.tensor(2.0)))
    check.none(tangent_of(xp, xp.tensor(2.0)))


@behaviour("FWD-04", source=SOURCE, level="should", profile="namespace")
def test_nested_levels(xp, fw, check):
    """A level within a level is an error, and the outer one goes on."""
    with fw.dual_level():
        with check.raises("RuntimeError", "Nested forward mode AD is not supported at the moment"):
            fw.enter_dual_level()
        check.equal(tangent_of(xp, dual(xp) * 3), 3.0)


@behaviour("FWD-05", source=SOURCE, level="should", profile="namespace")
def test_shape_mismatch(xp, fw, check):
    """A tangent of another shape than the tensor's is an error."""
    with (
        fw.dual_level(),
        check.raises("RuntimeError", "forward gradient that has a different size than that of the original"),
    ):
        fw.make_dual(xp.ones(2), xp.ones(1))


@behaviour("FWD-06", source=SOURCE, profile="namespace")
def test_tangent_of_another_type(xp, fw):
    """A tangent of another floating type is taken as it is."""
    with fw.dual_level():
        pair = fw.make_dual(xp.tensor([2.0]), xp.tensor([1.0], dtype=xp.float64))
        assert tangent_of(xp, pair).dtype == xp.float64


@behaviour("FWD-07", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("part", ["primal", "tangent"])
def test_integers(xp, fw, check, part):
    """An integer primal or tangent is a ValueError."""
    parts = {"primal": xp.tensor([2.0]), "tangent": xp.tensor([1.0])} | {part: xp.tensor([1])}
    with fw.dual_level(), check.raises("ValueError", f"Expected {part} to be floating point or complex, but got"):
        fw.make_dual(parts["primal"], parts["tangent"])


@behaviour("FWD-08", source=SOURCE, profile="namespace")
def test_level_ends(xp, fw, check):
    """At the end of a level all its tangents are gone, for a later level too."""
    with fw.dual_level():
        y = dual(xp) * 3
        check.equal(tangent_of(xp, y), 3.0)
    check.none(tangent_of(xp, y))
    with fw.dual_level():
        check.none(tangent_of(xp, y))


CONSTANTS = {
    "constant": lambda xp, d: xp.tensor(3.0) * 2,
    "detach": lambda xp, d: d.detach(),
    "comparison": lambda xp, d: d > 0,
    "cast to integer": lambda xp, d: d.long(),
    "argmax": lambda xp, d: d.argmax(),
}


@behaviour("FWD-09", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fn", CONSTANTS.values(), ids=CONSTANTS)
def test_no_tangent(xp, fw, check, fn):
    """What does not depend on a dual tensor in a differentiable way has the tangent None, not zeros."""
    with fw.dual_level():
        check.none(tangent_of(xp, fn(xp, dual(xp))))


@behaviour("FWD-10", source=SOURCE, profile="namespace")
def test_no_grad(xp, fw, check):
    """no_grad does not stop forward mode."""
    with fw.dual_level():
        d = dual(xp)
        with xp.no_grad():
            check.equal(tangent_of(xp, d * 3), 3.0)


@behaviour("FWD-11", source=SOURCE, profile="namespace")
def test_inference_mode(xp, fw, check):
    """inference_mode does stop forward mode."""
    with fw.dual_level():
        d = dual(xp)
        with xp.inference_mode():
            check.none(tangent_of(xp, d * 3))


@behaviour("FWD-12", source=SOURCE, profile="namespace")
def test_inplace(xp, fw, check):
    """An in-place op on a dual tensor updates its tangent by the value before the write."""
    with fw.dual_level():
        y = dual(xp) * 1
        y.mul_(y.clone())
        check.equal(y, 4.0)
        check.equal(tangent_of(xp, y), 4.0)


@behaviour("FWD-13", source=SOURCE, profile="namespace")
def test_write_into_a_view(xp, fw, check):
    """A dual tensor written into a part of a plain one makes the whole dual, with zeros elsewhere."""
    with fw.dual_level():
        base = xp.zeros(2)
        base[0:1] = dual(xp, [2.0], [1.0])
        check.equal(base, [2.0, 0.0])
        check.equal(tangent_of(xp, base), [1.0, 0.0])


@behaviour("FWD-14", source=SOURCE, level="should", profile="namespace")
def test_printing(xp, fw, check):
    """Printing a dual tensor shows its tangent."""
    with fw.dual_level():
        check.text(repr(dual(xp, [2.0], [1.0])), "tensor([2.], tangent=tensor([1.]))")
        check.text(repr(dual(xp)), "tensor(2., tangent=1.0)")


@behaviour("FWD-15", source=SOURCE, profile="namespace")
def test_shares_memory(xp, fw, check):
    """A dual tensor is a view of its primal: a write into it shows there."""
    with fw.dual_level():
        primal = xp.tensor([2.0])
        d = fw.make_dual(primal, xp.tensor([1.0]))
        assert d is not primal
        assert d.data_ptr() == primal.data_ptr()
        d.add_(1)
        check.equal(primal, [3.0])


@behaviour("FWD-17", source=SOURCE, level="may", profile="namespace")
def test_switched_off(xp, fw, check):
    """Forward mode can be switched off inside a level."""
    with fw.dual_level():
        d = dual(xp)
        with fw._set_fwd_grad_enabled(False):
            primal, tangent = fw.unpack_dual(d * 3)
        check.equal(primal, 6.0)
        check.none(tangent)


@behaviour("FWD-18", source=SOURCE, profile="namespace")
def test_forward_over_reverse(xp, fw, check):
    """The gradient of a dual tensor is dual: its tangent is a product with the Hessian."""
    with fw.dual_level():
        d = fw.make_dual(xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([1.0, 10.0]))
        (grad,) = xp.autograd.grad((d**3).sum(), d)
        check.equal(grad, [3.0, 12.0])
        check.equal(tangent_of(xp, grad), [6.0, 120.0])


@behaviour("FWD-32", source=SOURCE, profile="namespace")
def test_forward_over_reverse_of_a_saved_result(xp, fw, check):
    """Forward over reverse goes through the results that ops save, also after an in-place op."""
    with fw.dual_level():
        d = fw.make_dual(xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True), xp.ones(2, dtype=xp.float64))
        y = (d * 1).exp_()
        (grad,) = xp.autograd.grad(y.sum(), d)
        check.close(tangent_of(xp, grad), np.exp([1.0, 2.0]))


@behaviour("FWD-19", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("name", "expected"), [("floor", 0.0), ("round", 0.0), ("sign", 0.0), ("max", 1.0), ("neg", -1.0)]
)
def test_zero_tangents(xp, fw, check, name, expected):
    """An op that is flat has a tangent of zeros."""
    with fw.dual_level():
        check.equal(tangent_of(xp, getattr(dual(xp, 2.5), name)()), expected)


@behaviour("FWD-20", source=SOURCE, level="should", profile="namespace")
def test_out(xp, fw, check):
    """out= with a dual tensor is an error."""
    with fw.dual_level():
        d = dual(xp, [2.0], [1.0])
        with check.raises("NotImplementedError", "it is an out= function"):
            xp.mul(d, 2, out=xp.empty(1))


@behaviour("FWD-22", source=SOURCE, profile="namespace")
def test_values_out(xp, fw):
    """item() and numpy() of a dual tensor give the value, without a word of the tangent."""
    with fw.dual_level():
        d = dual(xp, [2.0], [1.0])
        assert d.item() == 2.0
        assert d.cpu().numpy().tolist() == [2.0]


@behaviour("FWD-23", source=SOURCE, level="should", profile="namespace")
def test_dual_of_a_dual(xp, fw, check):
    """A tensor that is dual already cannot be made dual again."""
    with fw.dual_level():
        d = dual(xp)
        with check.raises("RuntimeError", "already has a forward gradient at the same level"):
            fw.make_dual(d, xp.tensor(7.0))
        check.equal(tangent_of(xp, d), 1.0)


@behaviour("FWD-24", source=SOURCE, level="should", profile="namespace")
def test_exit_without_a_level(xp, fw, check):
    """exit_dual_level outside a level is an error."""
    with check.raises("RuntimeError", "Dual level must be a positive number"):
        fw.exit_dual_level()


@behaviour("FWD-33", source=SOURCE, level="should", profile="namespace")
def test_dual_without_a_level(xp, fw, check):
    """make_dual outside a level is an error."""
    with check.raises("RuntimeError", "Trying to create a dual Tensor for forward AD but no level exists"):
        dual(xp)


@behaviour("FWD-26", source=SOURCE, profile="namespace")
def test_write_through_a_view(xp, fw, check):
    """A write through a view of a dual tensor changes values and tangents alike, here and in the base."""
    with fw.dual_level():
        y = dual(xp, [2.0, 3.0], [1.0, 1.0]) * 1
        y[0].mul_(3)
        check.equal(y, [6.0, 3.0])
        check.equal(tangent_of(xp, y), [3.0, 1.0])


@behaviour("FWD-34", source=SOURCE, profile="namespace")
def test_view_made_before(xp, fw, check):
    """A view made before its base became dual shows the base's tangent."""
    with fw.dual_level():
        base = xp.zeros(2)
        view = base[1]
        base.copy_(dual(xp, [2.0, 3.0], [5.0, 7.0]))
        check.equal(tangent_of(xp, view), 7.0)


def double(xp, jvp):
    """The Function 2 x, with a tangent of its own."""

    class Double(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    Double.jvp = staticmethod(lambda ctx, t: jvp(xp, t))
    return Double.apply


@behaviour("FWD-35", source=SOURCE, profile="namespace")
def test_function(xp, fw, check):
    """A custom Function's jvp decides the tangent."""
    with fw.dual_level():
        y = double(xp, lambda xp, t: t * 7)(dual(xp, [3.0, 4.0], [1.0, 1.0]))
        check.equal(y, [6.0, 8.0])
        check.equal(tangent_of(xp, y), [7.0, 7.0])


@behaviour("FWD-30", source=SOURCE, profile="namespace")
def test_reverse_over_forward(xp, fw, check):
    """The tangent is recorded: it can be differentiated backward."""
    x = xp.tensor(2.0, requires_grad=True)
    with fw.dual_level():
        tangent = tangent_of(xp, fw.make_dual(x, xp.tensor(1.0)) ** 3)
        assert tangent.requires_grad
        check.equal(xp.autograd.grad(tangent, x)[0], 12.0)


@behaviour("FWD-36", source=SOURCE, profile="namespace")
def test_tangent_requires_grad(xp, fw, check):
    """A product with the Jacobian is linear in the tangent, and differentiable for it."""
    with fw.dual_level():
        v = xp.tensor([1.0, 10.0], requires_grad=True)
        tangent = tangent_of(xp, fw.make_dual(xp.tensor([1.0, 2.0]), v) ** 2)
        check.equal(xp.autograd.grad(tangent.sum(), v)[0], [2.0, 4.0])


@behaviour("FWD-37", source=SOURCE, profile="namespace")
def test_unpacked_primal(xp, fw, check):
    """unpack_dual gives the tensor without its tangent: what is computed from it is plain."""
    with fw.dual_level():
        primal, _ = fw.unpack_dual(dual(xp))
        check.none(tangent_of(xp, primal))
        check.none(tangent_of(xp, primal * 3))


@behaviour("FWD-38", source=SOURCE, profile="namespace")
def test_zeroed(xp, fw, check):
    """zero_ and fill_ of a dual tensor make its tangent zeros, not None."""
    with fw.dual_level():
        check.equal(tangent_of(xp, dual(xp, [2.0], [1.0]).clone().zero_()), [0.0])
        check.equal(tangent_of(xp, dual(xp, [2.0], [1.0]).clone().fill_(3)), [0.0])


@behaviour("FWD-39", source=SOURCE, profile="namespace")
def test_decorator(xp, fw, check):
    """dual_level decorates a function."""

    @fw.dual_level()
    def derivative(x):
        return tangent_of(xp, fw.make_dual(x, xp.ones_like(x)) ** 2)

    check.equal(derivative(xp.tensor(3.0)), 6.0)
