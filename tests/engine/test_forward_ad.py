"""Forward mode beside PyTorch's: tangents of ops, views, writes and custom Functions, and the two modes inside each other."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import refgrad
from refgrad.engine.modes import modes
from tests.engine.live import attempt, live


@pytest.fixture(autouse=True, scope="module")
def _warned() -> None:
    """PyTorch's first dual tensor loads its decompositions, which warn of something else."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings(), torch.autograd.forward_ad.dual_level():
        warnings.simplefilter("ignore")
        torch.autograd.forward_ad.make_dual(torch.ones(1), torch.ones(1))


def unpacked(xp: Any, tensor: Any) -> Any:
    """A dual tensor's parts, out of any graph."""
    return [None if part is None else part.detach() for part in xp.autograd.forward_ad.unpack_dual(tensor)]


def dual(xp: Any, *values: float, tangent: Any = None, **options: Any) -> Any:
    primal = xp.tensor(list(values), dtype=xp.float64, **options)
    direction = xp.arange(1.0, len(values) + 1, dtype=xp.float64) if tangent is None else tangent
    return xp.autograd.forward_ad.make_dual(primal, direction)


OPS = {
    "add": lambda xp, d: d + 1,
    "broadcast": lambda xp, d: d[:1] * xp.ones(3, dtype=xp.float64) + d.sum(),
    "promoted": lambda xp, d: d.float() * d + xp.tensor([1, 2, 3]),
    "rsub": lambda xp, d: 2 - d,
    "div": lambda xp, d: 1 / d + d / d.sum(),
    "pow": lambda xp, d: d**d + d**-2 + 2**d,
    "reductions": lambda xp, d: xp.stack([d.mean(), d.prod(), d.std(), d.max(), d.norm(), d.logsumexp(0)]),
    "sort": lambda xp, d: d.sort(descending=True).values,
    "max": lambda xp, d: d.max(0).values,
    "matmul": lambda xp, d: d.outer(d) @ d,
    "softmax": lambda xp, d: d.softmax(0) + d.log_softmax(0),
    "cat": lambda xp, d: xp.cat([d, xp.zeros(1, dtype=xp.float64), d * 2]),
    "where": lambda xp, d: xp.where(d > 1.5, d.exp(), d.sin()),
    "index": lambda xp, d: d[[0, 0, 2]] * d[xp.tensor([True, True, True])],
    "gather": lambda xp, d: d.gather(0, xp.tensor([2, 2, 0])),
    "cumulative": lambda xp, d: d.cumsum(0) * d.cumprod(0) + xp.logcumsumexp(d, 0),
    "views": lambda xp, d: d.view(3, 1).expand(3, 2).t().reshape(-1).flip(0)[1:4],
    "unbind": lambda xp, d: xp.stack([x * y for x, y in zip(d.unbind(), d.split(1))]),
    "clamp": lambda xp, d: d.clamp(1.2, 2.5) + d.relu() + d.abs(),
    "complex": lambda xp, d: (d * 1j).exp().real + (d + 2j).abs(),
    "loss": lambda xp, d: xp.nn.functional.mse_loss(d, d.flip(0)) + xp.nn.functional.softplus(d).sum(),
}


@live
def test_ops(xp: Any) -> Any:
    """Values and tangents of ops of every chapter are PyTorch's."""
    with xp.autograd.forward_ad.dual_level():
        return {name: unpacked(xp, fn(xp, dual(xp, 1.0, 2.0, 3.0))) for name, fn in OPS.items()}


@live
def test_flat(xp: Any) -> Any:
    """Ops that are flat have zeros; those that give no floats have None; those without a derivative are refused."""
    with xp.autograd.forward_ad.dual_level():
        d = dual(xp, 1.0, 2.5)
        flat = [d.floor(), d.round(), d.sign(), d * 0, d.trunc(), xp.zeros_like(d), d.new_zeros(2)]
        discrete = [d > 1, d.argmax(), d.long(), d.isnan(), d.sort().indices]
        return [unpacked(xp, x) for x in flat + discrete], type(attempt(lambda: d // 2)).__name__


@live
def test_writes(xp: Any) -> Any:
    """In-place ops keep tangents in step, through views too."""
    fw = xp.autograd.forward_ad
    with fw.dual_level():
        y = dual(xp, 1.0, 2.0, 3.0) * 1
        y[0].mul_(3)
        y[1:].add_(y[:1].clone())
        y.exp_().mul_(y.detach())
        base = xp.zeros(2, 2, dtype=xp.float64)
        row, column = base[0], base[:, 0]
        row.copy_(dual(xp, 5.0, 6.0))
        filled = dual(xp, 1.0, 2.0).clone().fill_(7)
        zeroed = dual(xp, 1.0, 2.0).clone()
        zeroed[0] = 0
        tensors = [y, base, row, column, filled, zeroed]
        return [unpacked(xp, x) for x in tensors], y._version


@live
def test_write_leaves_the_source(xp: Any) -> Any:
    """A result whose tangent is its input's has a tangent of its own: a write to it does not reach the input."""
    with xp.autograd.forward_ad.dual_level():
        d = dual(xp, 1.0, 2.0)
        results = [d + 1, d.clone(), d - 3, d.reshape(2, 1), d.contiguous()]
        results[0].mul_(5)
        results[1].mul_(5)
        return [unpacked(xp, x) for x in (d, *results)]


@live
def test_layouts(xp: Any) -> Any:
    """A tangent laid out in another way than its tensor is read aright through views."""
    fw = xp.autograd.forward_ad
    with fw.dual_level():
        primal = xp.arange(6.0).view(2, 3).t()
        d = fw.make_dual(primal, xp.arange(6.0).view(3, 2))
        e = xp.arange(6.0).view(2, 3).clone()
        e.copy_(fw.make_dual(xp.ones(3, 2), xp.arange(6.0).view(3, 2)).t())
        return [unpacked(xp, x) for x in (d, d[1], d.t().flatten(), e, e[:, 1], e.as_strided((2,), (2,), 1))]


@live
def test_forward_over_reverse(xp: Any) -> Any:
    """The gradient of a dual tensor is dual, whatever the ops saved, recorded or not."""
    fw = xp.autograd.forward_ad
    found = []
    for fn in (
        xp.exp,
        xp.tanh,
        lambda x: x**3,
        lambda x: (x * 1).sigmoid_(),
        lambda x: x.softmax(0) * x,
        lambda x: 1 / x,
    ):
        for create_graph in (False, True):
            with fw.dual_level():
                d = dual(xp, 0.5, 1.5, requires_grad=True)
                (grad,) = xp.autograd.grad((fn(d) * d).sum(), d, create_graph=create_graph)
                found.append((unpacked(xp, grad), grad.requires_grad))
    return found


@live
def test_backward_of_a_dual(xp: Any) -> Any:
    """A first gradient leaves its tangent behind on its way into .grad; what is added to it does not."""
    fw = xp.autograd.forward_ad
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with fw.dual_level():
        for _ in range(2):
            (fw.make_dual(x, xp.ones(2)) ** 3).sum().backward()
        return unpacked(xp, x.grad)


@live
def test_reverse_over_forward(xp: Any) -> Any:
    """A tangent is recorded, for the primal and for the direction."""
    fw = xp.autograd.forward_ad
    x, v = (xp.tensor([1.0, 2.0], dtype=xp.float64, requires_grad=True) for _ in range(2))
    with fw.dual_level():
        tangent = fw.unpack_dual(fw.make_dual(x, v).sin().prod()).tangent
        return xp.autograd.grad(tangent, [x, v])


@live
def test_no_grad(xp: Any) -> Any:
    """no_grad stops the recording of the tangent, not the tangent."""
    fw = xp.autograd.forward_ad
    with fw.dual_level():
        d = fw.make_dual(xp.tensor([1.0], requires_grad=True), xp.ones(1))
        with xp.no_grad():
            y = d.exp()
        return unpacked(xp, y), y.requires_grad, fw.unpack_dual(y).tangent.requires_grad


@live
def test_interface(xp: Any) -> Any:
    """The parts of a dual tensor, its identity and its printing are PyTorch's."""
    fw = xp.autograd.forward_ad
    level = fw.enter_dual_level()
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    v = xp.ones(2)
    d = fw.make_dual(x, v)
    pair = fw.unpack_dual(d)
    told = [
        type(pair).__name__,
        pair._fields,
        pair.tangent is v,
        d._base is x,
        d.is_leaf,
        repr(d),
        repr(pair.primal)[:20],
    ]
    wrong = attempt(lambda: fw.exit_dual_level(level=3))
    fw.exit_dual_level()
    return level, told, wrong, attempt(lambda: fw.make_dual(x, v)), fw.unpack_dual(d).tangent, repr(d)


@live
def test_no_copies(xp: Any) -> Any:
    """detach and .data leave the tangent behind."""
    with xp.autograd.forward_ad.dual_level():
        d = dual(xp, 1.0, 2.0)
        return [unpacked(xp, x)[1] for x in (d.detach(), d.data, xp.tensor(d.tolist()))]


def test_level_leaves_nothing() -> None:
    """After a level, whatever happened in it, no layer is on."""
    fw = refgrad.autograd.forward_ad
    try:
        with fw.dual_level():
            fw.make_dual(refgrad.ones(2), refgrad.ones(3))
    except RuntimeError:
        assert modes.layers == ()
    else:
        raise AssertionError("another shape must be refused")
    assert modes.state == 1


BESIDE = {  # an op of a dual tensor, and of a weight that requires grad and has no tangent
    "add": lambda xp, d, w: d + w,
    "mul": lambda xp, d, w: d * w,
    "addcmul": lambda xp, d, w: xp.addcmul(d, w, w),
    "linear": lambda xp, d, w: xp.nn.functional.linear(xp.ones(1, 2, dtype=xp.float64), w.outer(w), d),
    "mv": lambda xp, d, w: xp.mv(w.outer(w), d),
    "where": lambda xp, d, w: xp.where(xp.tensor([True, False]), d, w),
    "inf": lambda xp, d, w: d * (w / 0),
    "write": lambda xp, d, w: (d * 1).mul_(w),
}


@live
def test_inputs_without_a_tangent(xp: Any) -> Any:
    """An input without a tangent counts as one of zeros: a tangent depends on all that the op's rule multiplies with."""
    return {name: attempt(lambda: tangent_beside(xp, op)) for name, op in BESIDE.items()}


def tangent_beside(xp: Any, op: Any) -> Any:
    """The tangent of a result, whether and how it is recorded, and its gradient."""
    fwad, w = xp.autograd.forward_ad, xp.tensor([0.5, -0.0], dtype=xp.float64, requires_grad=True)
    with fwad.dual_level():
        direction = xp.tensor([-0.0, 2.0], dtype=xp.float64)
        tangent = fwad.unpack_dual(op(xp, dual(xp, 2.0, 3.0, tangent=direction), w)).tangent
        grad = xp.autograd.grad(tangent.sum(), w)[0] if tangent.requires_grad else None
    return tangent.detach(), tangent.requires_grad, tangent.grad_fn, grad


@live
def test_primals_of_transforms(xp: Any) -> Any:
    """What jvp gives is an alias of what the function gave, as each of its inputs is of the primal."""
    w, one = xp.tensor([1.0, 2.0], requires_grad=True), xp.ones(2)
    output, tangent = xp.func.jvp(lambda x: x * w, (w,), (one,))
    nodes = [output.grad_fn]
    while nodes[-1].next_functions:
        nodes.append(nodes[-1].next_functions[0][0])
    return [node.name() for node in nodes], tangent.grad_fn.name()
