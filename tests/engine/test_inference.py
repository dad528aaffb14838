"""Inference mode: which tensors are inference tensors, and what may be done with them inside and outside."""

from __future__ import annotations

from typing import Any

import refgrad
from refgrad.engine.modes import modes
from tests.engine.live import attempt, leaf, live


@live
def test_what_is_new(xp: Any) -> Any:
    """New tensors are inference tensors, views of normal ones are not."""
    x, c = leaf(xp, 1.0, 2.0), xp.ones(2)
    with xp.inference_mode():
        made = {
            "op": x * 2,
            "factory": xp.ones(2),
            "like": xp.zeros_like(x),
            "random": xp.rand(2),
            "view": x[:1],
            "same": x.contiguous(),
            "view of constant": c.view(2, 1),
            "detached": x.detach(),
            "clone": c.clone(),
            "copy": c.double(),
            "view of new": (x * 2)[0],
            "in place": c.add_(1),
            "pair": x.max(0).values,
            "unbound": xp.ones(2).unbind()[1],
        }
        inside = {name: (t.is_inference(), t.requires_grad, t.is_leaf) for name, t in made.items()}
    return inside, {name: t.is_inference() for name, t in made.items()}, xp.is_inference(made["op"])


@live
def test_outside(xp: Any) -> Any:
    """Outside, an inference tensor may be read and not written to, saved, or made to require grad."""
    x = leaf(xp, 1.0, 2.0)
    with xp.inference_mode():
        i, plain = xp.ones(2), xp.ones(2)
    uses = {
        "sum": lambda: x + i,
        "product": lambda: x * i,
        "product of constants": lambda: (i * 2).is_inference(),
        "view": lambda: i[:1].is_inference(),
        "detached": lambda: i.detach().is_inference(),
        "data": lambda: i.data.is_inference(),
        "clone": lambda: x * i.clone(),
        "add_": lambda: i.add_(1),
        "zero_": lambda: i.zero_(),
        "mul_ by a leaf": lambda: i.mul_(x),
        "copy_": lambda: i.copy_(plain),
        "normal_": lambda: i.normal_(),
        "t_": lambda: i.t_(),
        "view add_": lambda: i[:1].add_(1),
        "requires_grad_": lambda: i.requires_grad_(),
        "requires_grad_(False)": lambda: i.requires_grad_(False).requires_grad,
        "version": lambda: i._version,
        "read into": lambda: xp.ones(2).copy_(i).is_inference(),
        "grad": lambda: setattr(xp.ones(2, requires_grad=True), "grad", i),
    }
    return {name: attempt(use) for name, use in uses.items()}


@live
def test_inside(xp: Any) -> Any:
    """Inside, an inference tensor may be written to and made to require grad; nothing is recorded."""
    with xp.inference_mode():
        i = xp.ones(2)
        i.add_(1)
        required = xp.ones(2, requires_grad=True)
        with xp.enable_grad():
            recorded = (required * 2).requires_grad
        return i, required.requires_grad, required.is_leaf, recorded, attempt(lambda: i._version)


@live
def test_views_made_inside(xp: Any) -> Any:
    """A view made inside of a tensor that requires grad says so when it, or its base, is written to outside."""
    base = leaf(xp, 1.0, 2.0) * 1
    with xp.inference_mode():
        v, w = base[:1], base[1:]
    through = attempt(lambda: v.mul_(2))
    base.mul_(3)
    return through, attempt(lambda: w.grad_fn), base


@live
def test_backward_inside(xp: Any) -> Any:
    """A pass inside gives inference tensors, to .grad where there was none and from autograd.grad."""
    x, y = leaf(xp, 2.0), leaf(xp, 2.0)
    a, b, c = x**2, y**2, x**3
    (y * 1).backward()
    with xp.inference_mode():
        a.backward()
        b.backward()
        (gradient,) = xp.autograd.grad(c, x)
    return x.grad.is_inference(), y.grad.is_inference(), gradient.is_inference(), x.grad, y.grad, gradient


@live
def test_modes(xp: Any) -> Any:
    """The two modes, inside blocks of each kind."""
    seen: list[Any] = []

    def state() -> None:
        seen.append((xp.is_grad_enabled(), xp.is_inference_mode_enabled()))

    state()
    with xp.inference_mode():
        state()
        with xp.enable_grad():
            state()
        with xp.inference_mode(False):
            state()
            with xp.inference_mode():
                state()
            state()
        state()
    with xp.no_grad(), xp.inference_mode(False):
        state()
    with xp.no_grad(), xp.inference_mode():
        state()
    state()
    return seen


def test_after_an_error() -> None:
    """An error inside leaves the modes as they were outside."""
    try:
        with refgrad.inference_mode():
            raise ValueError
    except ValueError:
        pass
    assert refgrad.is_grad_enabled()
    assert not refgrad.is_inference_mode_enabled()
    assert (refgrad.ones(1, requires_grad=True) * 2).requires_grad


@live
def test_views_of_inference_tensors(xp: Any) -> Any:
    """A view of an inference tensor is none that autograd tracks, whatever its base requires."""
    with xp.inference_mode():
        x = xp.ones((1, 2), requires_grad=True)
        views = [x.squeeze(), x[0], x.detach(), x.view(2), x.transpose(0, 1), x * 1]
        return [(t.requires_grad, t.is_leaf, t._is_view(), t.is_inference()) for t in views]


@live
def test_detached_outside(xp: Any) -> Any:
    """What is detached outside from an inference tensor is one, too, but counts the writes to it; its views do not."""
    with xp.inference_mode():
        i = xp.ones(2)
        inside = i.detach()
    x, found = leaf(xp, 1.0, 2.0), []
    for tensor in (i.detach(), i.data, i[:1].detach(), inside.detach(), inside, i.detach().view(2)):
        written = attempt(lambda tensor=tensor: tensor.add_(0))  # 0: PyTorch refuses too late
        count = attempt(lambda tensor=tensor: tensor._version)
        found.append((tensor.is_inference(), written, count, attempt(lambda tensor=tensor: x[:1] * tensor)))
    return found, i


@live
def test_saved_for_nobody(xp: Any) -> Any:
    """A view made inside of a leaf gets no gradient, and so nothing is saved for its sake: not even an inference tensor."""
    x = leaf(xp, 1.0, 2.0)
    with xp.inference_mode():
        i, view = xp.ones(2), x[:2]
    return [attempt(call) for call in (lambda: i * view, lambda: view * i, lambda: i * x, lambda: xp.outer(i, view))]


@live
def test_one_gradient_for_several(xp: Any) -> Any:
    """What several gradients are computed from is saved for the sake of any, even of one that is not wanted."""
    x = leaf(xp, 2.0, 3.0)
    with xp.inference_mode():
        i, view = xp.ones(2), x[:2]
    calls = (xp.maximum, xp.fmin, xp.atan2, lambda a, b: xp.clamp(a, min=b), xp.div, xp.hypot)
    return [attempt(lambda call=call, pair=pair: call(*pair)) for call in calls for pair in ((i, view), (view, i))]


@live
def test_leaves_of_inference(xp: Any) -> Any:
    """An inference tensor may require grad; outside, an op that sees no other tensor is not recorded."""
    with xp.inference_mode():
        x = xp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        late = xp.ones(2, 2).requires_grad_()
    normal = xp.ones(2, 2)
    made = {
        "op": x.exp(),
        "sum": (x + x).sum(),
        "two": x @ late,
        "number": x * 2,
        "parameter": x.pow(3),
        "normal": x + normal,
        "normal times": x * normal,
        "view": x.view(4),
        "linear": xp.nn.functional.linear(x, late),
        "detached": x.detach(),
    }
    shown = {name: (t.requires_grad, t.is_leaf, t.is_inference(), t._is_view()) for name, t in made.items()}
    return shown, x.clone().requires_grad, attempt(lambda: x.mul_(2)), attempt(lambda: x.sum().backward())


def test_leaves_of_inference_are_forgotten() -> None:
    """Ops are as quick as before once no inference tensor requires grad."""
    with refgrad.inference_mode():
        x = refgrad.ones(2, requires_grad=True)
    assert modes.layers
    del x
    assert not modes.layers
