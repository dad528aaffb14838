"""In-place ops: what they check, what they save, how they count, and the watch that warns of them."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import pytest
from hypothesis import given, settings

import refgrad
from refgrad.autograd import warn_inplace
from tests.engine import family
from tests.engine.live import attempt, leaf, live, same


@settings(max_examples=200, deadline=None)
@given(family.programs(views=0, writes=3, uses=2))
def test_random_writes_are_as_in_torch(program: Any) -> None:
    """Any sequence of writes and uses shows PyTorch's values, versions, graph, errors and gradients."""
    torch = pytest.importorskip("torch")
    mine, theirs = family.run(refgrad, program), family.run(torch, program)
    wrong = [f"\n  refgrad: {a}\n  torch:   {b}" for a, b in zip(mine, theirs) if not same(a, b)]
    assert not wrong, wrong[0]


_WRITES = """
    abs_ acos_ add_(1) add_(other) add_(other,alpha=2) addcmul_(other,other) addcdiv_(other,other,value=2) asin_ atan_ ceil_
    clamp_(0.3) clamp_(0.3,0.5) clamp_(max=0.5) cos_ cosh_ div_(2) div_(other) div_(other,rounding_mode='floor') erf_ erfc_ exp_
    exp2_ expm1_ fill_(2) floor_ fmod_(0.4) frac_ lerp_(other,0.3) log_ log10_ log1p_ log2_ mul_(other) neg_ pow_(3) pow_(other)
    reciprocal_ relu_ remainder_(0.3) round_ rsqrt_ sigmoid_ sign_ sin_ sinh_ sqrt_ square_ sub_(other) sub_(1,alpha=3) tan_
    tanh_ tril_ triu_ trunc_ zero_ copy_(other) masked_fill_(other.detach()>0.5,3) t_ unsqueeze_(0) transpose_(0,1)
""".split()


@pytest.mark.parametrize("write", _WRITES)
def test_each_write(write: str) -> None:
    """Each in-place op gives PyTorch's values, version, node and gradients, and returns the tensor itself."""
    live(lambda xp: _written(xp, write))()


def _written(xp: Any, write: str) -> Any:
    """One write to a tensor with a history."""
    x = leaf(xp, [[0.2, 0.4], [0.6, 0.8]], dtype="float64")
    other = leaf(xp, [[0.7, 0.3], [0.9, 0.5]], dtype="float64")
    y = x * 1
    call = write if "(" in write else write + "()"
    result = eval(f"y.{call}", {"y": y, "other": other, "xp": xp})
    (y * y).sum().backward()
    return result is y, y, y._version, x.grad, other.grad


@live
def test_a_leaf_is_protected(xp: Any) -> Any:
    """A leaf that requires grad refuses writes before anything is written; without grad mode it takes them."""
    x = leaf(xp, 1.0, 2.0)

    def augmented() -> Any:
        y = x
        y += 1
        return y

    tries = [
        augmented,
        lambda: x.add_(1),
        lambda: x.zero_(),
        lambda: x.__setitem__(x > 1, 0),
        lambda: x.__setitem__(0, 1),
    ]
    outcomes = [attempt(t) for t in tries]
    state = (x._version, x.tolist())
    with xp.no_grad():
        x.add_(1)
    return outcomes, state, x, x._version


@live
def test_what_does_not_fit_is_refused(xp: Any) -> Any:
    """A result of another shape, or of a type that the target cannot hold, is refused and nothing is written."""
    whole, small = xp.tensor([1, 2]), xp.ones(1, 2)
    flags = xp.tensor([True, False])
    tries = [
        lambda: small.add_(xp.ones(3, 2)), lambda: small.add_(xp.ones(2, 3)), lambda: whole.add_(1.5), lambda: whole.mul_(xp.ones(2)),
        lambda: whole.div_(2), lambda: flags.add_(1), lambda: small.add_(1j), lambda: whole.add_(xp.ones(2, dtype=xp.int32)),
        lambda: small.copy_(xp.ones(3)), lambda: whole.copy_(xp.tensor([1.9, -1.9])), lambda: small.mul_(xp.ones(2, dtype=xp.float64)),
        lambda: whole.sqrt_(), lambda: whole.pow_(-1), lambda: flags.neg_(),
    ]  # fmt: skip
    return [attempt(t) for t in tries], whole, small, flags, whole._version, small._version


@live
def test_wide_operands_and_narrow_targets(xp: Any) -> Any:
    """The target keeps its type; the operand's gradient comes in the operand's own."""
    x, z = leaf(xp, 1.0, 2.0), leaf(xp, 3.0, 4.0, dtype="float64")
    y = x * 1
    y.mul_(z)
    y += 1
    y.sum().backward()
    return y, x.grad, z.grad


@live
def test_broadcasting_operands(xp: Any) -> Any:
    """An operand that broadcasts into the target gets a gradient summed to its own shape."""
    x, z, row = leaf(xp, [[1.0, 2.0], [3.0, 4.0]]), leaf(xp, 5.0), leaf(xp, 6.0, 7.0)
    y = x * 1
    y.add_(z).mul_(row)
    y.copy_(y.detach() * z + row)
    y.sum().backward()
    return x.grad, z.grad, row.grad


@live
def test_augmented_assignment(xp: Any) -> Any:
    """``y += x`` writes into ``y``; ``y = y + x`` makes another tensor."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    alias = y
    y += x
    y -= 0.5
    y *= 3
    y /= x
    y **= 2
    kept = alias is y
    y = y + x
    return kept, alias is y, alias, y, y.sum().backward(), x.grad


@live
def test_numbers_of_operands(xp: Any) -> Any:
    """A number that is written is taken in the target's type."""
    seen = []
    for dtype in ("float32", "int64", "uint8", "bool"):
        t = xp.zeros(2, dtype=getattr(xp, dtype))
        for value in (1, True, 2.7, -1):
            seen.append(
                (
                    dtype,
                    attempt(lambda t=t, v=value: t.add_(v).tolist()),
                    attempt(lambda t=t, v=value: t.fill_(v).tolist()),
                )
            )
    return seen


@live
def test_saved_values_are_protected(xp: Any) -> Any:
    """A write to what a rule needs is found out in backward; a write to what none needs is not an error."""
    outcomes = []
    for use in (
        lambda y: y.exp(),
        lambda y: y * y,
        lambda y: y + 1,
        lambda y: y.sum(),
        lambda y: y.tanh(),
        lambda y: y * 2,
        lambda y: y**2,
    ):
        for which in ("input", "result"):
            x = leaf(xp, 0.5, 0.7)
            y = x * 1
            z = use(y)
            (y if which == "input" else z).detach().mul_(1)
            outcomes.append((attempt(lambda z=z: z.sum().backward()), x.grad))
    return outcomes


@live
def test_a_constant_that_a_gradient_needs(xp: Any) -> Any:
    """Constants that were saved are watched too; those that no gradient needs are not."""
    outcomes = []
    for which in ("weight", "input"):
        x, w = xp.ones(2), leaf(xp, 1.0, 2.0)
        loss = (w * x).sum()
        with xp.no_grad():
            (w if which == "weight" else x).add_(1)
        outcomes.append((attempt(loss.backward), w.grad))
    return outcomes


@live
def test_versions(xp: Any) -> Any:
    """Each write counts one, failed ones none; reading and requires_grad_ none; the count belongs to the memory."""
    x = xp.zeros(2)
    seen = [x._version]
    for write in (
        lambda: x.add_(1), lambda: x.__setitem__(0, 3), lambda: x.__setitem__(x > 1, 0), lambda: x.copy_(x), lambda: x.zero_(),
        lambda: x.requires_grad_(), lambda: x.detach(), lambda: x.detach().add_(1), lambda: x.add_(1), lambda: x.data.add_(1),
        lambda: xp.autograd.graph.increment_version(x), lambda: x.numpy(force=True), lambda: x.clone(), lambda: x.sum(),
    ):  # fmt: skip
        attempt(write)
        seen.append(x._version)
    return seen, attempt(lambda: setattr(x, "_version", 3))


@live
def test_setitem(xp: Any) -> Any:
    """Assignment by index, mask, slice and list writes in place and is differentiated."""
    outcomes = []
    for write in (
        lambda y, v: y.__setitem__(0, v[0]), lambda y, v: y.__setitem__(slice(1, None), v[:2]), lambda y, v: y.__setitem__(y > 1.5, v[0]),
        lambda y, v: y.__setitem__([0, 2], v[:2]), lambda y, v: y.__setitem__(xp.tensor([0, 0]), v[:2].detach()),
        lambda y, v: y.__setitem__(..., v), lambda y, v: y.__setitem__(slice(None, None, 2), 5.0), lambda y, v: y.__setitem__(-1, v[0] * 2),
        lambda y, v: y.__setitem__(slice(0, 0), v[0]), lambda y, v: y.__setitem__(3, v[0]), lambda y, v: y.__setitem__(slice(0, 2), v),
    ):  # fmt: skip
        x, v = leaf(xp, 1.0, 2.0, 3.0), leaf(xp, 10.0, 20.0, 30.0)
        y = x * 1
        outcomes.append(
            (attempt(lambda w=write, y=y, v=v: w(y, v)), y, y._version, (y * y).sum().backward(), x.grad, v.grad)
        )
    return outcomes


@live
def test_zero_dimensional_targets(xp: Any) -> Any:
    """A 0-d tensor is written to like any other, and its aliases see it."""
    x = leaf(xp, 2.0)
    y = x * 3
    alias, detached = y.view(1), y.detach()
    y += 1
    y.mul_(x)
    y[()] = y * 2
    return y, alias, detached, y._version, y.backward(), x.grad


@live
def test_detach_in_place(xp: Any) -> Any:
    """``detach_`` takes a tensor out of its graph; views refuse; what was saved of it cannot be used."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 2
    z, w = y * y, y + 1
    same_one = y.detach_() is y
    view = (x * 1)[0]
    return (
        same_one,
        y,
        y._version,
        attempt(view.detach_),
        attempt(lambda: z.sum().backward()),
        w.sum().backward(),
        x.grad,
    )


@live
def test_retained_gradients_follow_a_write(xp: Any) -> Any:
    """A gradient that was retained before a write is that of the tensor after it."""
    seen = []
    for write in (lambda y: y.mul_(3), lambda y: y.sigmoid_(), lambda y: y.zero_(), lambda y: y.__setitem__(0, 5.0)):
        x = leaf(xp, [[1.0, 2.0], [3.0, 4.0]])
        y = x * 1
        y.retain_grad()
        write(y)
        (y * y).sum().backward()
        seen.append((y.retains_grad, y.grad, x.grad))
    return seen


@live
def test_a_view_of_a_constant_that_got_a_history(xp: Any) -> Any:
    """A view made of a constant is a leaf to a write, until its history is asked for."""
    seen = []
    for asked in (False, True):
        base, z = xp.ones(2), leaf(xp, 3.0, 4.0)
        view = base[:1]
        base.add_(z)
        if asked:
            view.grad_fn  # noqa: B018
        seen.append((attempt(lambda v=view: v.add_(1)), view, base))
    return seen


# the watch ------------------------------------------------------------------------------------------------------------


def _messages(action: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [str(w.message) for w in caught]


def test_no_write_warns_by_itself() -> None:
    """Outside ``warn_inplace`` no in-place op warns, whatever tutorials say."""
    x = refgrad.ones(3, requires_grad=True)

    def act() -> None:
        y = x * 2
        y.add_(1)
        y[0] = 4
        y += x
        y[1:].mul_(2)
        y.zero_()

    assert _messages(act) == []


def test_the_watch_names_op_and_line() -> None:
    """Inside ``warn_inplace`` each write warns of its op, its shape, its graph and the line that called it."""
    x = refgrad.ones(3, requires_grad=True)
    y, plain = x * 2, refgrad.ones(2, 2)
    frame = inspect.currentframe()
    assert frame is not None
    with warn_inplace(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y.add_(1)
        line = frame.f_lineno - 1
        plain.mul_(2)
    first, second = caught
    assert (
        str(first.message) == f"in-place op add_ at {__file__}:{line} on a tensor of shape [3] that is part of a graph"
    )
    assert "in-place op mul_ at" in str(second.message)
    assert "shape [2, 2] that is not part of a graph" in str(second.message)
    assert (first.filename, first.lineno, first.category) == (__file__, line, UserWarning)


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda y: y.__iadd__(1), "add_"),
        (lambda y: y.__itruediv__(2), "div_"),
        (lambda y: y.__setitem__(0, 1.0), "copy_"),
        (lambda y: y.__setitem__(slice(1, None), 1.0), "fill_"),
        (lambda y: y.__setitem__([0, 1], 1.0), "index_put_"),
        (lambda y: y.div_(2, rounding_mode="floor"), "div_"),
        (lambda y: y.clamp_(0, 1), "clamp_"),
        (lambda y: y.zero_(), "zero_"),
        (lambda y: y.copy_(y.detach() * 2), "copy_"),
        (lambda y: y[1:].sqrt_(), "sqrt_"),
        (lambda y: y.fill_(3), "fill_"),
        (lambda y: y.pow_(3), "pow_"),
        (lambda y: y.masked_fill_(y.detach() > 0, 1), "masked_fill_"),
    ],
)
def test_the_watch_sees_every_form(write: Any, name: str) -> None:
    """Augmented assignments, item assignments and writes through views are named by the in-place op that they are."""
    y = refgrad.ones(3, requires_grad=True) * 2

    def act() -> None:
        with warn_inplace():
            write(y)

    (message,) = _messages(act)
    assert message.startswith(f"in-place op {name} at {__file__}:")


def test_the_watch_nests_and_restores() -> None:
    """The watch nests, ends with its block, and ends with an exception too."""
    y = refgrad.ones(3)

    def act() -> None:
        with warn_inplace():
            with warn_inplace():
                y.add_(1)
            y.add_(1)
        y.add_(1)
        with pytest.raises(KeyError), warn_inplace():
            raise KeyError
        y.add_(1)

    assert len(_messages(act)) == 2
    assert y.tolist() == [5.0, 5.0, 5.0]


def test_a_watched_write_does_the_same() -> None:
    """Under the watch a write has the same value, version and gradient."""
    results = []
    for watched in (False, True):
        x = refgrad.ones(3, requires_grad=True)
        y = x * 2
        if watched:
            with pytest.warns(UserWarning, match="in-place op mul_"), warn_inplace():
                y.mul_(x)
        else:
            y.mul_(x)
        y.sum().backward()
        results.append((y.tolist(), y._version, y.grad_fn.name(), x.grad.tolist()))
    assert results[0] == results[1]


def test_backward_is_not_watched() -> None:
    """The engine's own writes are no in-place ops of the user's."""
    x = refgrad.ones(3, requires_grad=True)

    def act() -> None:
        with warn_inplace():
            (x * x + x).sum().backward()
            (x * x).sum().backward()

    assert _messages(act) == []


@live
def test_a_write_through_a_view_is_differentiated_once(xp: Any) -> Any:
    """A second backward through a write to a view is refused, even where the write saved nothing."""
    outcomes = []
    for size in (3, 0):
        x = xp.ones(size, requires_grad=True)
        y = x.clone()
        y[:1] = 0.25
        outcomes += [attempt(lambda y=y, size=size: y.backward(xp.ones(size))) for _ in range(2)]
        outcomes.append(x.grad)
    return outcomes


@live
def test_a_clamp_that_does_not_fit(xp: Any) -> Any:
    """Integers cannot hold what a clamp between floats gives; of all ops its refusal names the type as C++ does."""
    kinds = (xp.bool, xp.uint8, xp.int8, xp.int16, xp.int32, xp.int64)
    return [attempt(lambda kind=kind: xp.ones(2, dtype=kind).clamp_(min=-0.5)) for kind in kinds]


@live
def test_a_clamp_between_tensors(xp: Any) -> Any:
    """Either bound may be a tensor, of integers too; a type that does not fit is refused by another name than a number's."""
    ints = [
        lambda: xp.tensor([1, 5, 9]).clamp_(min=xp.tensor([2, 2, 2])),
        lambda: xp.tensor([1, 5, 9]).clamp_(max=xp.tensor(2)),
        lambda: xp.tensor([1, 5, 9]).clamp_(xp.tensor([2, 2, 2], dtype=xp.int32), xp.tensor(6)),
        lambda: xp.tensor([1, 5, 9]).clamp_(xp.tensor(2.5)),
        lambda: xp.tensor([1, 5, 9]).clamp_min_(xp.tensor(2.5)),
        lambda: xp.tensor([1, 5, 9]).clamp_min_(2.5),
    ]
    found = [attempt(each) for each in ints]
    for name in ("min", "max"):
        x, bound = xp.tensor([1.0, 5.0, 9.0], requires_grad=True), xp.tensor(4.0, requires_grad=True)
        y = (x * 1).clamp_(**{name: bound})
        y.sum().backward()
        found += [y.detach(), x.grad, bound.grad]
    return found
