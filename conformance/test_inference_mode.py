"""Inference mode: nothing is recorded, and what is made inside can take part in no graph."""

import threading

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def made_inside(xp, *size):
    with xp.inference_mode():
        return xp.ones(*size)


@behaviour("INF-01", source=SOURCE, profile="namespace")
def test_nothing_is_recorded(xp):
    """In inference mode grad mode is off, and results are inference tensors: leaves that require no grad."""
    x = xp.ones(1, requires_grad=True)
    with xp.inference_mode():
        y = x * 2
        assert not xp.is_grad_enabled()
        assert xp.is_inference_mode_enabled()
    assert y.is_inference()
    assert not y.requires_grad
    assert y.is_leaf


@behaviour("INF-03", source=SOURCE, profile="namespace")
def test_not_saved(xp, check):
    """An op that would save an inference tensor for backward is an error."""
    c = made_inside(xp, 1)
    with check.raises("RuntimeError", "Inference tensors cannot be saved for backward."):
        xp.ones(1, requires_grad=True) * c


@behaviour("INF-04", source=SOURCE, profile="namespace")
def test_used_but_not_saved(xp):
    """An op that need not save it takes an inference tensor, and is recorded."""
    assert (xp.ones(1, requires_grad=True) + made_inside(xp, 1)).requires_grad


@behaviour("INF-05", source=SOURCE, level="should", profile="namespace")
def test_inplace_outside(xp, check):
    """Writing into an inference tensor outside inference mode is an error."""
    c = made_inside(xp, 1)
    with check.raises("RuntimeError", "Inplace update to inference tensor outside InferenceMode is not allowed"):
        c.add_(1)


@behaviour("INF-06", source=SOURCE, level="should", profile="namespace")
def test_inplace_in_no_grad(xp, check):
    """Writing into an inference tensor is an error in no_grad too."""
    c = made_inside(xp, 1)
    with xp.no_grad(), check.raises("RuntimeError", "Inplace update to inference tensor outside InferenceMode"):
        c.add_(1)


@behaviour("INF-07", source=SOURCE, level="should", profile="namespace")
def test_requires_grad(xp, check):
    """An inference tensor cannot be made to require grad outside inference mode."""
    c = made_inside(xp, 1)
    with check.raises(
        "RuntimeError", "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed."
    ):
        c.requires_grad_()


@behaviour("INF-08", source=SOURCE, level="may", profile="namespace")
def test_version(xp, check):
    """An inference tensor has no version."""
    c = made_inside(xp, 1)
    with check.raises("RuntimeError", "Inference tensors do not track version counter."):
        c._version  # noqa: B018


@behaviour("INF-09", source=SOURCE, profile="namespace")
def test_clone(xp):
    """A clone made outside inference mode is a normal tensor."""
    assert not made_inside(xp, 1).clone().is_inference()


@behaviour("INF-10", source=SOURCE, profile="namespace")
def test_view_of_a_normal_tensor(xp):
    """A view made inside of a normal tensor that requires grad is a normal tensor, and reports that it requires "
    "grad."""
    x = xp.ones(2, requires_grad=True)
    with xp.inference_mode():
        v = x[0]
    assert not v.is_inference()
    assert v.requires_grad
    assert v._is_view()


@behaviour("VIEW-17", source=SOURCE, level="should", profile="namespace")
def test_writing_through_a_view_made_inside(xp, check):
    """Writing, outside, through a view that was made inside of a tensor that requires grad is an error."""
    x = xp.ones(2, requires_grad=True) * 1
    with xp.inference_mode():
        v = x[:1]
    with check.raises(
        "RuntimeError", "A view was created in inference mode and is being modified inplace in normal mode."
    ):
        v.mul_(2)


@behaviour("INF-11", source=SOURCE, profile="namespace")
def test_inplace_on_a_normal_tensor(xp):
    """Writing into a normal tensor inside inference mode is allowed, counted, and leaves it normal."""
    x = xp.ones(2)
    with xp.inference_mode():
        x.add_(1)
    assert not x.is_inference()
    assert x._version == 1


@behaviour("INF-12", source=SOURCE, profile="namespace")
def test_suspended(xp):
    """inference_mode(False) within inference mode records again."""
    x = xp.ones(1, requires_grad=True)
    with xp.inference_mode(), xp.inference_mode(False):
        y = x * 2
    assert y.requires_grad
    assert not y.is_inference()


@behaviour("INF-13", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        (lambda xp: xp.inference_mode(), True),
        (lambda xp: xp.inference_mode, True),
        (lambda xp: xp.inference_mode(mode=False), False),
    ],
    ids=["called", "bare", "off"],
)
def test_decorator(xp, decorator, expected):
    """inference_mode decorates functions, with parentheses, without, and with a mode."""

    @decorator(xp)
    def enabled():
        return xp.is_inference_mode_enabled()

    assert enabled() is expected
    assert not xp.is_inference_mode_enabled()


@behaviour("INF-14", source=SOURCE, profile="namespace")
def test_enable_grad_does_not_help(xp):
    """enable_grad within inference mode switches grad mode on, yet nothing is recorded."""
    x = xp.ones(1, requires_grad=True)
    with xp.inference_mode(), xp.enable_grad():
        y = x * 2
        assert xp.is_grad_enabled()
    assert not y.requires_grad
    assert y.is_inference()


@behaviour("INF-15", source=SOURCE, profile="namespace")
def test_results_outside(xp):
    """What is computed outside from an inference tensor alone is a normal tensor."""
    assert not (made_inside(xp, 1) * 2).is_inference()


@behaviour("INF-16", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("view", [lambda c: c[0], lambda c: c.view(2)], ids=["select", "view"])
def test_view_outside(xp, view):
    """A view of an inference tensor is an inference tensor, wherever it is made."""
    assert view(made_inside(xp, 2)).is_inference()


@behaviour("INF-19", source=SOURCE, profile="namespace")
def test_inplace_on_a_leaf(xp, check):
    """Inside, a leaf that requires grad may be written to, as in no_grad."""
    x = xp.ones(1, requires_grad=True)
    with xp.inference_mode():
        x.add_(1)
    check.close(x, [2.0])
    assert x.is_leaf


@behaviour("BWD-36", source=SOURCE, profile="namespace")
def test_backward_inside(xp, check):
    """backward() runs inside inference mode; the new .grad is an inference tensor."""
    x = xp.tensor(2.0, requires_grad=True)
    y = x**2
    with xp.inference_mode():
        y.backward()
    check.close(x.grad, 4.0)
    assert x.grad.is_inference()


@behaviour("THR-05", source=SOURCE, profile="namespace")
def test_per_thread(xp):
    """A new thread is not in inference mode."""
    seen = []
    with xp.inference_mode():
        thread = threading.Thread(target=lambda: seen.append(xp.is_inference_mode_enabled()))
        thread.start()
        thread.join()
    assert seen == [False]
