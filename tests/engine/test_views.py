"""Views: what shares memory with what, what a write through one does to the family's graph, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import assume, given, settings

import refgrad
from refgrad.engine.views import Geometry, geometry, is_dense, strided
from tests.engine import family
from tests.engine.live import attempt, facts, leaf, live, same


@settings(max_examples=220, deadline=None)
@given(family.programs(views=3, writes=2, uses=1))
def test_random_families_are_as_in_torch(program: Any) -> None:
    """Any views of views, written through and used, show PyTorch's values, versions, graph, errors and gradients."""
    torch = pytest.importorskip("torch")
    mine, theirs = family.run(refgrad, program), family.run(torch, program)
    wrong = [f"\n  refgrad: {a}\n  torch:   {b}" for a, b in zip(mine, theirs) if not same(a, b)]
    assert not wrong, wrong[0]


@settings(max_examples=80, deadline=None)
@given(family.programs(views=3, writes=2, uses=1))
def test_looking_changes_nothing(program: Any) -> None:
    """What a program computes is the same whether or not its tensors are looked at on the way."""
    start, body, roots, _, twice = program
    # of a constant's views PyTorch itself forgets, until it is asked, that the constant has a history by now
    assume(start[1] != "constant" and not any(name in ("detach", "data") for _, name, *_ in body))
    looked, unseen = (family.run(refgrad, (start, body, roots, watch, twice)) for watch in (True, False))
    assert same(_known(looked[-3:]), _known(unseen[-3:]))


def _known(end: list[Any]) -> Any:
    """The values and gradients at the end of a program."""
    tensors, outcome, grads = end
    return [[t["tensor"] if isinstance(t, dict) else t for _, t in tensors], outcome, grads]


@live
def test_which_ops_give_views(xp: Any) -> Any:
    """A view shares its base's memory and names it; a copy does neither."""
    x = xp.ones(2, 3, requires_grad=True) * 1
    makes = [
        lambda: x[0], lambda: x[:, ::2], lambda: x[None], lambda: x[...], lambda: x[[0]], lambda: x[x > 0], lambda: x.view(6),
        lambda: x.reshape(6), lambda: x.t().reshape(6), lambda: x.flatten(), lambda: x.t(), lambda: x.T, lambda: x.mT,
        lambda: x.permute(1, 0), lambda: x.expand(2, 2, 3), lambda: x.unsqueeze(0), lambda: x.squeeze(), lambda: x.diagonal(),
        lambda: x.as_strided((2,), (1,)), lambda: x.narrow(0, 0, 1), lambda: x.unbind()[0], lambda: x.split(1)[0],
        lambda: x.chunk(2)[0], lambda: x.detach(), lambda: x.data, lambda: x.clone(), lambda: x.contiguous(),
        lambda: x.t().contiguous(), lambda: x.to(xp.float64), lambda: x.float(), lambda: x.swapaxes(0, 1),
        lambda: x.movedim(0, 1), lambda: x.unflatten(1, (3, 1)), lambda: x.real, lambda: x.expand_as(x), lambda: x.view_as(x),
        lambda: x.select(1, 2), lambda: x.ravel(), lambda: xp.broadcast_to(x, (2, 2, 3)), lambda: x + 0,
    ]  # fmt: skip
    seen = []
    for make in makes:
        y = make()
        seen.append((y._is_view(), y._base is x, y is x, y.data_ptr() == x.data_ptr(), y.storage_offset(), y.stride()))
    return seen


@live
def test_the_base_of_views(xp: Any) -> Any:
    """A view of a view has the first tensor as base; one of a detached tensor has that."""
    x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
    v = x[0]
    w = v[1:]
    d = x.detach()
    return (
        v._base is x,
        w._base is x,
        d._base,
        d[0]._base is d,
        x._base,
        attempt(lambda: setattr(v, "_base", None)) is not None,
    )


@live
def test_a_write_through_a_view_is_the_base_s_history(xp: Any) -> Any:
    """After a write through a view the base's node is CopySlices, whose edges are the base's past and the value's."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 5.0)
    y = x * 1
    v = y[0]
    v.mul_(z)
    return y, v, y.grad_fn.next_functions, v.grad_fn.next_functions, (y * y).sum().backward(), x.grad, z.grad


@live
def test_a_base_learns_of_gradients_through_a_view(xp: Any) -> Any:
    """A base without a graph gets one when a value that requires grad is written through one of its views."""
    z = leaf(xp, 5.0)
    base = xp.zeros(2, 2)
    row, other = base[0], base[1]
    row[1] = z
    return base, row, other, other.is_leaf, base.sum().backward(), z.grad


@live
def test_views_learn_of_their_base_s_gradients(xp: Any) -> Any:
    """A view made before its base got a graph reads it from the base afterwards."""
    z = leaf(xp, 5.0, 6.0)
    base = xp.zeros(2)
    view, earlier = base[:1], base[1]
    before = (view.requires_grad, view.grad_fn)
    base.add_(z)
    flags = (view.requires_grad, view.is_leaf)
    return before, flags, view, earlier, (view * 3 + earlier).sum().backward(), z.grad


@live
def test_views_that_may_not_be_written_through(xp: Any) -> Any:
    """Views made in ``no_grad``, views of leaves and outputs of multi-view ops refuse writes, each in its own words."""
    x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    constant = xp.ones(2, 2)
    with xp.no_grad():
        hidden, of_leaf, of_constant = y[0], x[0], constant[0]
        many = y.unbind(0)[0]
    tries = [
        lambda: x[0].add_(1), lambda: x[0].zero_(), lambda: x.add_(1), lambda: x.detach()[0].add_(x[0]),
        lambda: hidden.add_(1), lambda: of_leaf.add_(1), lambda: of_constant.add_(1), lambda: of_constant.add_(x[0]),
        lambda: many.add_(1), lambda: y.unbind(0)[1].mul_(2), lambda: y.split(1)[1].mul_(2), lambda: y.chunk(2)[0].zero_(),
        lambda: y.unbind(0)[1][0].mul_(2), lambda: [row.mul_(2) for row in y], lambda: constant.unbind(0)[0].add_(1),
        lambda: constant.unbind(0)[0].add_(x[0]), lambda: x.t_(), lambda: x[0].unsqueeze_(0), lambda: hidden.unsqueeze_(0),
    ]  # fmt: skip
    return [attempt(t) for t in tries], x, y, y._version


@live
def test_a_restricted_view_after_a_write(xp: Any) -> Any:
    """A view that cannot follow a write to its base can still be looked at, but not used."""
    x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    v = y.unbind(0)[1]
    with xp.no_grad():
        y.add_(1)
    names = ["requires_grad", "is_leaf", "grad_fn", "output_nr", "retains_grad", "_version"]
    looks = [attempt(lambda n=n: getattr(v, n)) for n in names]
    uses = [
        lambda: v + 1,
        lambda: v.sum(),
        lambda: v[0],
        lambda: v.add_(1),
        lambda: v.backward(xp.ones(2)),
        lambda: v.clone(),
    ]
    return looks, repr(v), v.tolist(), v.detach(), [attempt(u) for u in uses]


@live
def test_views_and_leaves_in_no_grad(xp: Any) -> Any:
    """Inside ``no_grad`` views of leaves can be written through; the values change and the graph does not."""
    x = leaf(xp, 1.0, 2.0)
    with xp.no_grad():
        x[0] = 7
        x[1:].mul_(3)
    return x, x._version, x.is_leaf


@live
def test_versions_are_the_family_s(xp: Any) -> Any:
    """All views count writes together with their base, detached tensors included, ``.data`` not."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    v, d, raw = y[0], y.detach(), y.data
    v.add_(1)
    d.zero_()
    raw.add_(1)
    return [t._version for t in (x, y, v, d, raw)], y, raw


@live
def test_disjoint_writes_count_too(xp: Any) -> Any:
    """A write to another part of a saved view's memory is still a write."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    z = y[0] * y[0]
    y[1].mul_(2)
    return attempt(z.backward)


@live
def test_swapping_through_views(xp: Any) -> Any:
    """Swapping two rows through views takes the second from what the first has become."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    y[0], y[1] = y[1], y[0]
    (y * xp.tensor([10.0, 100.0])).sum().backward()
    return y, x.grad


@live
def test_overlap_with_the_operand(xp: Any) -> Any:
    """A write that reads memory which overlaps its target in part is refused; the same window is fine."""

    def ones() -> Any:
        return xp.arange(6.0)

    def attempts(y: Any, *pairs: Any) -> Any:
        return [attempt(lambda a=a, b=b: a.add_(b)) for a, b in pairs]

    y, z, s = ones(), ones().view(2, 3), xp.arange(4.0).view(2, 2)
    return [
        attempts(y, (y[1:], y[:-1]), (y, y), (y[:3], y[3:]), (y[1:3], y[1:3])),
        attempts(z, (z[0], z[1]), (z.view(6)[1:], z.view(6)[:-1])),
        attempts(s, (s, s.t()), (s.t(), s.t())),
        attempt(lambda: ones()[1:].copy_(ones()[:-1])),
        y, z, s,
    ]  # fmt: skip


@live
def test_writes_where_elements_share_memory(xp: Any) -> Any:
    """Ops that write to single elements still may, mostly with a warning; the last write stays."""
    b = xp.tensor

    def put(key: Any, value: Any = 1.0) -> Any:
        def write(t: Any) -> Any:
            t[key] = value
            return t

        return write

    writes = [
        lambda t: t.masked_fill_(b([[True, False], [False, False]]), 7.0),
        lambda t: t.masked_fill_(b(False), b(7.0)),
        lambda t: t.index_fill_(1, b([0]), 1.0),
        lambda t: t.index_fill_(0, b([1]), b(5.0)),
        lambda t: t.index_put_((b([0, 0]), b([0, 1])), b([2.0, 1.0])),
        put(b([[True, False], [True, False]])),
        put(b([True, False])),
        put((b([0, 1]), b([1, 0])), b([4.0, 5.0])),
        lambda t: t.triu_(),
        lambda t: t.tril_(-1),
        lambda t: xp.nn.functional.threshold_(t, 1.0, 9.0),
        lambda t: t.index_add_(0, b([0]), xp.ones(1, 2)),
        lambda t: t.scatter_(0, b([[0]]), 3.0),
    ]
    found = []
    for write in writes:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            t = xp.tensor([[1.0], [2.0]]).expand(2, 2)
            written = attempt(lambda write=write, t=t: write(t) is t)
        found.append((written, t, t._version, [str(each.message).partition(" (Triggered")[0] for each in caught]))
    return found


@live
def test_second_derivatives_of_a_write_through_a_view(xp: Any) -> Any:
    """What a write through a view saved of its result has the view's history: the write is differentiated once a pass."""
    found = []
    for view in (lambda x: x.unsqueeze(0), lambda x: x[0:1], lambda x: x.clone()):
        for write in (xp.Tensor.tanh_, xp.Tensor.exp_, xp.Tensor.sigmoid_, xp.Tensor.sqrt_):
            for use in (lambda t: t.exp(), lambda t: t * t, lambda t: t.log_softmax(0)):
                x = xp.tensor([2.0, 0.5], requires_grad=True)
                turned = write(view(x * 1.5))
                (grad,) = xp.autograd.grad(use(turned).sum(), x, create_graph=True)
                found.append((grad, attempt(lambda grad=grad: grad.sum().backward()), x.grad))
    return found


@live
def test_gradients_of_writes_where_elements_share_memory(xp: Any) -> Any:
    """Such a write gives its value a gradient, and what it wrote to none."""
    found = []
    for requires in (False, True):
        w, x = xp.tensor(5.0, requires_grad=True), xp.tensor([2.0, 3.0], requires_grad=requires)
        base = x * 1
        view = base.unsqueeze(1).expand(2, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the form being deprecated
            view.masked_fill_(xp.tensor([[True, False], [False, False]]), w)
        found.append((attempt(lambda view=view: view.sum().backward()), view, base, w.grad, x.grad))
    return found


@live
def test_overlap_within_the_target(xp: Any) -> Any:
    """A target whose elements share memory is refused, except by ops that put one value everywhere."""

    def expanded() -> Any:
        return xp.ones(3).expand(2, 3)

    makes = [
        lambda t: t.add_(1),
        lambda t: t.copy_(xp.ones(2, 3)),
        lambda t: t.fill_(2.0),
        lambda t: t.zero_(),
        lambda t: t.mul_(t),
    ]
    return [attempt(lambda m=m: m(expanded())) for m in makes], attempt(lambda: xp.ones(0).expand(2, 0).add_(1))


@live
def test_a_view_that_requires_grad_for_its_base_s_sake(xp: Any) -> Any:
    """A view made in ``no_grad``, or before its base required grad, passes no gradient on until it is told to."""
    seen = []
    for kind in ("no_grad", "before"):
        if kind == "no_grad":
            x = leaf(xp, 1.0, 2.0)
            with xp.no_grad():
                v = x[...]
        else:
            x = xp.ones(2)
            v = x[...]
            x.requires_grad_()
        ones, log = xp.ones(2), []
        uses = (lambda v: v * 2, lambda v: v[0], lambda v: xp.stack([v, v]))
        names = [[node and node.name() for node, _ in use(v).grad_fn.next_functions] for use in uses]
        v.register_hook(lambda grad, log=log: log.append(grad.tolist()))
        outcomes = [
            attempt(lambda v=v: (v * 2).sum().backward()), attempt(lambda v=v, ones=ones: v.backward(ones)),
            attempt(lambda v=v, ones=ones: xp.autograd.grad(v * 2, v, ones)),
            attempt(lambda v=v, x=x, ones=ones: xp.autograd.grad(v * 2, x, ones)),
            attempt(lambda v=v: (v * 2).sum().backward(inputs=[v])), attempt(v.retain_grad),
        ]  # fmt: skip
        state = (v.requires_grad, v.is_leaf, v.grad_fn, v.retains_grad, v.grad, x.grad, list(log))
        v.requires_grad_()
        (v * 3).sum().backward()
        seen.append((names, outcomes, state, v.grad, x.grad, log))
    return seen


@live
def test_a_base_that_was_detached(xp: Any) -> Any:
    """A view that required grad for its base's sake stops when the base does, looked at or not."""
    seen = []
    for looked in (False, True):
        y = leaf(xp, 1.0, 2.0) * 1
        with xp.no_grad():
            v = y[0]
        if looked:
            v + 1
        y.detach_()
        seen.append((v.requires_grad, v.is_leaf, v + 1, y))
    return seen


@live
def test_retain_grad_on_a_view_s_base(xp: Any) -> Any:
    """Retained gradients and hooks stay with the tensors they were asked of, across a write."""
    x, log = leaf(xp, 1.0, 2.0), []
    y = x * 1
    y.retain_grad()
    y.register_hook(lambda grad: log.append(("before", grad.tolist())))
    y.mul_(3)
    y.register_hook(lambda grad: log.append(("after", grad.tolist())))
    y.sum().backward()
    return y.grad, log, x.grad


@live
def test_retain_grad_and_hooks_on_views(xp: Any) -> Any:
    """After a write through a view or to its base, retained gradients are of what the tensor is now, hooks of what it was."""

    def scene(write: str, asked: str, hook: bool, stale: bool) -> Any:
        x, log = leaf(xp, 1.0, 2.0), []
        y = x * 1
        v, other = y[0], y[:1]
        if stale:
            y.add_(1)
        t = v if asked == "view" else y
        t.register_hook(lambda grad: log.append(grad.tolist())) if hook else t.retain_grad()
        {"view": v, "base": y, "other": other}[write].mul_(3)
        (y.sum() * 2 + v * 5).backward()
        return (y.retains_grad, v.retains_grad), log if hook else t.grad, x.grad

    # a hook on a view of a base that was written to before crashes PyTorch
    cases = [(False, False), (False, True), (True, False)]
    return [scene(w, asked, *case) for w in ("view", "base", "other") for asked in ("view", "base") for case in cases]


@live
def test_a_restricted_view_in_no_grad(xp: Any) -> Any:
    """Inside ``no_grad`` ops take a restricted view whose base was written to; its history is still refused."""
    y = leaf(xp, [[1.0, 2.0], [3.0, 4.0]]) * 1
    v = y.unbind(0)[1]
    with xp.no_grad():
        y.add_(1)
        uses = [
            lambda: v + 1,
            lambda: v.sum().item(),
            lambda: v.clone(),
            lambda: v.numpy().tolist(),
            lambda: v.detach(),
        ]
        looks = [lambda: v.is_leaf, lambda: v.grad_fn, v.retain_grad, lambda: v.register_hook(print), lambda: repr(v)]
        more = [lambda: v.requires_grad_(False), lambda: v.requires_grad, lambda: v.backward(xp.ones(2))]
        return [attempt(f) for f in (*uses, *looks, *more)]


@live
def test_a_saved_restricted_view(xp: Any) -> Any:
    """A restricted view that was saved and whose memory was written to since is refused in backward as a view."""
    y = leaf(xp, [[1.0, 2.0], [3.0, 4.0]]) * 1
    v = y.chunk(2)[0]
    z = v * leaf(xp, 3.0)
    y.add_(1)
    return attempt(z.sum().backward)


@live
def test_second_order_through_a_write(xp: Any) -> Any:
    """Writes through views are differentiated twice."""
    x = leaf(xp, 1.0, 2.0, dtype="float64")
    y = x * x
    y[0].mul_(y[1]).sin_()
    y[:1].exp_()
    (g,) = xp.autograd.grad((y * y).sum(), x, create_graph=True)
    return facts(xp, g.detach()), xp.autograd.grad((g * g).sum(), x)


@pytest.mark.parametrize(
    ("make", "dense"),
    [
        (lambda a: a, True),
        (lambda a: a.T, True),
        (lambda a: a[:, 1:], False),
        (lambda a: a[1:], True),
        (lambda a: a[:, :1], False),
        (lambda a: a[:1, :1], True),
    ],
)
def test_dense_windows(make: Any, dense: bool) -> None:
    """Dense is what fills its memory, in whatever order of dimensions."""
    array = refgrad.arange(6.0).view(2, 3).numpy()
    assert is_dense(make(array)) is dense


def test_geometry_and_back() -> None:
    """A window's geometry, laid over its base's memory, is the window."""
    base = refgrad.arange(12.0).view(3, 4).numpy()
    window = base[1:, ::2].T
    at = geometry(window, base)
    assert at == Geometry((2, 2), (2, 4), 4)
    assert at.extent == 7
    assert strided(base.reshape(-1), at).tolist() == window.tolist()
    assert geometry(base[:0], base).extent == 0


@live
def test_what_asks_for_no_history(xp: Any) -> Any:
    """A view whose history has been lost may be compared, and asked for a position; what has a derivative refuses it."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    with xp.no_grad():
        view = y.view(2)
    y.mul_(2)
    asked = (
        lambda: view <= 3, lambda: view == view, lambda: xp.isnan(view), lambda: xp.argmax(view), lambda: view.to(xp.int64),
        lambda: xp.signbit(view), lambda: xp.zeros_like(view), lambda: view * 2, lambda: view.sign(), lambda: view.grad_fn,
    )  # fmt: skip
    return [attempt(each) for each in asked]


@live
def test_an_empty_view(xp: Any) -> Any:
    """The gradient that comes back from an empty view that was written to is constant, that of its base is not."""
    found = []
    for shape, cut in (((0, 2), slice(None)), ((2, 2), slice(1, 1)), ((2, 2), slice(1))):
        x, base = leaf(xp, 2.0), xp.zeros(shape)
        view = base[cut]
        view.add_(x)
        for result in (view.exp(), base.exp()):
            (grad,) = xp.autograd.grad(result, x, xp.zeros(result.shape), create_graph=True, retain_graph=True)
            found.append(grad)
    return found
