"""Gradient bugs that PyTorch's users reported, as PyTorch behaves now; where it still does harm the test says so."""

import math

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

MODIFIED = "has been modified by an inplace operation"


def source(*numbers):
    return ", ".join(f"pytorch#{number}" for number in numbers) + "; torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


def function(xp, forward, backward):
    """A custom Function of two plain functions."""
    kind = type("F", (xp.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})
    return kind.apply


@behaviour("ISS-01", source=source(31258, 26546), profile="namespace")
def test_view_made_in_a_function(xp, check):
    """Writing into a view that a custom Function made is an error; left alone, it has the custom backward."""
    x = xp.ones(2, 1, requires_grad=True)
    y = function(xp, lambda ctx, x: (x * 1).view(-1), lambda ctx, grad: (grad * 7).view(2, 1))(x)
    with check.raises("RuntimeError", "This view was created inside a custom Function"):
        y.mul_(2)
    y.sum().backward()
    check.close(x.grad, [[7.0], [7.0]])


@behaviour("ISS-02", source=source(49824, 36608), profile="namespace")
def test_view_of_an_output_of_unbind(xp, check):
    """Writing into a view of one of unbind's outputs is an error: the restriction is inherited."""
    b = leaf(xp, 1.0, 2.0).clone().view(2, 1).unbind(0)
    with check.raises("RuntimeError", "This view is the output of a function that returns multiple views."):
        b[0].view_as(b[0]).mul_(2)


@behaviour("ISS-03", source=source(8874), level="may", profile="namespace")
@pytest.mark.parametrize("touched", [False, True], ids=["untouched", "touched"])
def test_retained_grad_of_a_view(xp, check, touched):
    """retain_grad() on a view whose base was written to since gives None, in silence."""
    base = leaf(xp, 1.0, 1.0, 1.0, 1.0).clone()
    window = base[2:]
    y = window[1]
    window.retain_grad()
    if touched:
        base[0] += 0
    y.backward()
    if touched:
        check.none(window.grad)
    else:
        check.close(window.grad, [0.0, 1.0])


@behaviour("ISS-04", source=source(81417, 178315), level="may", profile="namespace")
def test_writing_into_a_gradient(xp, check):
    """A backward that writes into its gradient changes its sibling's, and the caller's own tensor."""

    def backward(ctx, grad):
        grad += 1
        return grad

    a, b, given = xp.ones(1, requires_grad=True), xp.ones(1, requires_grad=True), xp.ones(1)
    (b * 1 + function(xp, lambda ctx, x: x * 1, backward)(a)).backward(given)
    check.close(a.grad, [2.0])
    check.close(b.grad, [2.0])
    check.close(given, [2.0])


@behaviour("ISS-05", source=source(76185, 104040, 58509), profile="namespace")
def test_saved_intermediate(xp):
    """A custom Function that keeps an intermediate passes gradcheck; gradgradcheck finds its second derivative "
    "wrong."""

    def forward(ctx, x):
        ctx.double, ctx.x = x * 2, x
        return x * 6

    apply = function(xp, forward, lambda ctx, grad: grad * 3 * ctx.double / ctx.x)
    x = xp.tensor([0.3, 0.5, 0.8], dtype=xp.float64, requires_grad=True)
    assert xp.autograd.gradcheck(apply, x)
    assert not xp.autograd.gradgradcheck(apply, x, raise_exception=False)


@behaviour("ISS-08", source=source(56734), level="may")
def test_maximum_at_a_tie(xp, check):
    """The gradient of an elementwise maximum is split evenly at a tie."""
    x, y = leaf(xp, 1.0), leaf(xp, 1.0)
    xp.maximum(x, y).backward()
    check.close(x.grad, 0.5)
    check.close(y.grad, 0.5)


@behaviour("ISS-09", source=source(30303), profile="namespace")
def test_expanded_leaf(xp, check):
    """A product with an expanded leaf gives each row its own gradient."""
    x = xp.tensor([[0.2, 0.7]]).expand(2, -1).requires_grad_()
    w = xp.tensor([[1.0, 2.0], [3.0, 4.0]])
    (x.reshape(2, 2) @ w).backward(xp.eye(2))
    check.close(x.grad, [[1.0, 3.0], [2.0, 4.0]])


@behaviour("ISS-10", source=source(15223), profile="namespace")
def test_broadcast_against_nothing(xp, check):
    """Broadcasting against a dimension of size 0 gives zero gradients in the operand's shape."""
    b = xp.ones(4, requires_grad=True)
    (xp.ones(4, 0) + b.unsqueeze(1)).sum().backward()
    check.close(b.grad, [0.0] * 4)


@behaviour("ISS-11", source=source(913))
def test_operand_of_lower_rank(xp, check):
    """The gradient of a broadcast operand has its own shape, whatever its rank."""
    a = xp.tensor(np.ones((5, 2, 1)).tolist(), requires_grad=True)
    b = xp.tensor(np.ones((2, 3)).tolist(), requires_grad=True)
    (a + b).sum().backward()
    check.close(a.grad, np.full((5, 2, 1), 3.0, np.float32))
    check.close(b.grad, np.full((2, 3), 5.0, np.float32))


@behaviour("ISS-12", source=source(1631, 1528), profile="namespace")
def test_gather_twice(xp, check):
    """Gradients of an element that was gathered twice add up."""
    x = xp.tensor([0.1], requires_grad=True)
    x.gather(0, xp.tensor([0, 0])).backward(xp.tensor([0.2, 0.3]))
    check.close(x.grad, [0.5])


@behaviour("ISS-13", source=source(473, 146299, 162242), level="may", profile="namespace")
def test_scatter_to_one_place(xp, check):
    """All sources of one destination get its gradient, though one value only has survived: documented, and wrong."""
    v = leaf(xp, 1.0, 2.0)
    xp.zeros(2).scatter(0, xp.tensor([0, 0]), v).sum().backward()
    check.close(v.grad, [1.0, 1.0])


@behaviour("ISS-15", source=source(27134, 8940, 95180), profile="namespace")
def test_power_of_zero(xp, check):
    """The derivative of 0 ** y by y is 0, not NaN."""
    y = xp.ones(2, requires_grad=True)
    (xp.tensor([0.0, 2.0]) ** y).sum().backward()
    check.close(y.grad, [0.0, 2 * math.log(2)])


@behaviour("ISS-15", source=source(27134, 8940, 95180), level="may", profile="namespace")
def test_power_of_zero_twice(xp, check):
    """The second derivative of 0 ** y at y = 0 is NaN."""
    y = xp.tensor([0.0], requires_grad=True)
    (first,) = xp.autograd.grad(xp.tensor(0.0).pow(y), y, create_graph=True)
    check.close(first, [0.0])
    check.close(xp.autograd.grad(first, y)[0], [math.nan])


@behaviour("ISS-16", source=source(2421), profile="namespace")
def test_norm_at_zero(xp, check):
    """The gradient of the norm at zero is zero; its second derivative there is NaN."""
    x = xp.zeros(2, requires_grad=True)
    (first,) = xp.autograd.grad(x.norm(), x, create_graph=True)
    check.close(first, [0.0, 0.0])
    check.close(xp.autograd.grad(first.sum(), x)[0], [math.nan, math.nan])


@behaviour("ISS-17", source=source(4132, 52248, 64305, 23156, 17455), profile="namespace")
@pytest.mark.parametrize(
    ("masked", "expected"),
    [
        (lambda xp, x, zero_one, keep: (x / zero_one)[keep], [math.nan, 1.0]),
        (lambda xp, x, zero_one, keep: (x**2 / zero_one).masked_fill(~keep, 0.0), [math.nan, 2.0]),
    ],
    ids=["index", "masked_fill"],
)
def test_mask_after_the_bad_op(xp, check, masked, expected):
    """A mask laid on after an infinite derivative does not help: zero times infinity is NaN in backward."""
    x = leaf(xp, 1.0, 1.0)
    masked(xp, x, xp.tensor([0.0, 1.0]), xp.tensor([False, True])).sum().backward()
    check.close(x.grad, expected)


@behaviour("ISS-20", source=source(35802, 85849), profile="namespace")
def test_hook_on_an_input(xp):
    """The hook of a tensor that autograd.grad asks for is called."""
    x, calls = leaf(xp, 2.0), []
    x.register_hook(lambda g: calls.append(1))
    xp.autograd.grad(x * 5, x)
    assert calls == [1]


@behaviour("ISS-23", source=source(78961), profile="namespace")
def test_no_grad_in_forward_mode(xp, check):
    """no_grad inside a function hides it from reverse mode and not from forward mode: the two disagree."""

    def minus_square(x):
        with xp.no_grad():
            c = x**2
        return x - c

    check.close(xp.func.jvp(minus_square, (xp.tensor(3.0),), (xp.tensor(1.0),))[1], -5.0)
    check.close(xp.func.grad(minus_square)(xp.tensor(3.0)), 1.0)


@behaviour("ISS-24", source=source(67800), profile="namespace")
def test_tangent_through_a_transposed_view(xp, check):
    """Writing a dual number into a transposed view gives its base the tangent in the base's own order."""
    base = xp.ones(2, 2)
    v = base.t()
    forward_ad = xp.autograd.forward_ad
    with forward_ad.dual_level():
        v.mul_(forward_ad.make_dual(xp.ones(2, 2), xp.arange(4.0).view(2, 2)))
        v *= 2
        primal, tangent = forward_ad.unpack_dual(base)
    check.close(primal, [[2.0, 2.0], [2.0, 2.0]])
    check.close(tangent, [[0.0, 4.0], [2.0, 6.0]])


@behaviour("ISS-25", source=source(10858), profile="namespace")
def test_decorated_within_no_grad(xp):
    """A function decorated with no_grad does not switch grad mode on when it ends."""

    @xp.no_grad()
    def nothing():
        return 0

    with xp.no_grad():
        nothing()
        assert not xp.is_grad_enabled()


@behaviour("ISS-28", source=source(90209), profile="namespace")
@pytest.mark.parametrize("requires_grad", [True, False], ids=["required", "not_required"])
def test_mark_dirty_identity(xp, requires_grad):
    """A custom Function that marks its input dirty and returns it gives back that very object."""

    def forward(ctx, x):
        y = x.relu_()
        ctx.mark_dirty(y)
        return y

    x = xp.ones(1, requires_grad=requires_grad).clone()
    assert function(xp, forward, lambda ctx, grad: grad)(x) is x


@behaviour("ISS-29", source=source(5871, 30454), profile="namespace")
def test_changed_without_mark_dirty(xp, check):
    """A custom Function that changes an input in place without saying so still has its backward called."""

    def forward(ctx, a, b):
        a[1:2] += b
        return a

    a, b = leaf(xp, 1.0, 1.0), xp.ones(1, requires_grad=True)
    function(xp, forward, lambda ctx, grad: (grad, grad[1:2]))(a + 1, b).sum().backward()
    check.close(a.grad, [1.0, 1.0])
    check.close(b.grad, [1.0])


@behaviour("ISS-30", source=source(92750), level="should", profile="namespace")
def test_complex_scalar(xp, check):
    """backward of a complex scalar needs a gradient given."""
    y = (xp.ones(1, dtype=xp.float64, requires_grad=True) * 0.5j).sum()
    with check.raises(
        "RuntimeError", "grad can be implicitly created only for real scalar outputs but got torch.complex128"
    ):
        y.backward()


@behaviour("ISS-31", source=source(60180, 41857), profile="namespace")
def test_complex_convention(xp, check):
    """The gradient of a real function of z points uphill: for |z| ** 2 it is 2 z, the conjugate of JAX's."""
    z = xp.tensor(3 + 4j, requires_grad=True)
    (z.real**2 + z.imag**2).backward()
    check.close(z.grad, np.complex64(6 + 8j))


@behaviour("ISS-09", source=source(30303), profile="namespace")
def test_expanded_leaf_in_einsum(xp, check):
    """einsum with an expanded leaf gives each row its own gradient, as the product does."""
    x = xp.tensor([[0.2, 0.7]]).expand(2, -1).requires_grad_()
    xp.einsum("ix,xy->iy", x, xp.tensor([[1.0, 2.0], [3.0, 4.0]])).backward(xp.eye(2))
    check.close(x.grad, [[1.0, 3.0], [2.0, 4.0]])


@behaviour("ISS-13", source=source(473, 146299, 162242), level="may", profile="namespace")
def test_duplicates_in_index_copy(xp, check):
    """index_copy with one destination twice gives both sources its gradient, though one of them was overwritten."""
    source = leaf(xp, 1.0, 2.0)
    xp.zeros(2).index_copy(0, xp.tensor([0, 0]), source).sum().backward()
    check.close(source.grad, [1.0, 1.0])


@behaviour("ISS-34", source=source(69997), profile="namespace")
def test_strided_cdist(xp, check):
    """cdist of inputs with gaps in memory has the gradient of their copies."""
    x, y = xp.arange(12.0).view(2, 2, 3)[:, 0], xp.ones(4, 2, 3)[:, 1]
    grads = []
    for copy in (lambda t: t, lambda t: t.contiguous()):
        a = copy(x).detach().requires_grad_()
        xp.cdist(a, copy(y)).sum().backward()
        grads.append(a.grad)
    check.close(*grads)


@behaviour("ISS-32", source=source(9391), profile="namespace")
def test_sigmoid_saves_its_result(xp, check):
    """Writing into sigmoid's result is an error in backward, for it was saved."""
    y = leaf(xp, 1.0, 2.0).sigmoid()
    y[1] = 2
    with check.raises("RuntimeError", MODIFIED):
        y.sum().backward()


@behaviour("ISS-32", source=source(9391), profile="namespace")
def test_sigmoid_written_out(xp, check):
    """Writing into the result of a sigmoid written out is none: the division saved its operands only."""
    x = leaf(xp, 1.0, 2.0)
    y = 1 / ((-x).exp() + 1)
    y[1] = 2
    y.sum().backward()
    check.close(x.grad, [0.19661193, 0.0])


@behaviour("ISS-35", source=source(117366, 117552), profile="namespace")
def test_retained_grad_of_a_base(xp, check):
    """After a write through a view the base's retained .grad is that of its new value."""
    x = leaf(xp, 1.0, 2.0)
    b = x * 1
    b.retain_grad()
    b[0].mul_(10)
    b.sum().backward()
    check.close(b.grad, [1.0, 1.0])
    check.close(x.grad, [10.0, 1.0])
