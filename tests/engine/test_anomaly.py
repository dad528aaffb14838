"""Anomaly mode: which errors PyTorch reports, for which node, and with which of the forward's lines."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import refgrad
from tests.engine.live import attempt, leaf, live


def on(xp: Any, **options: Any) -> Any:
    return xp.autograd.set_detect_anomaly(True, **options)


def reports(action: Any) -> Any:
    """What an action does, and the first words of each warning on the way, with the last line of its traceback."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        outcome = attempt(action)
    texts = [str(each.message).split("(Triggered internally")[0].rstrip().splitlines() for each in seen]
    return outcome, [next(line for line in lines if line) for lines in texts], [lines[-1].strip() for lines in texts]


NAN = float("nan")


@live
def test_nan(xp: Any) -> Any:
    """NaN is looked for in what each node gives, after its hooks; not in what leaves are given."""
    with on(xp):
        x = leaf(xp, 0.0, 1.0)
        hooked = x * 2
        hooked.register_hook(lambda grad: grad * NAN)
        posted = x * 3
        posted.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * NAN, None))
        at_leaf = leaf(xp, 1.0)
        at_leaf.register_hook(lambda grad: grad * NAN)
        return [
            reports((x.sqrt() * 0).sum().backward),
            reports(hooked.sum().backward),
            reports(posted.sum().backward),
            reports((at_leaf * 1).backward),
            reports(lambda: (x * 2).backward(xp.tensor([NAN, 1.0]))),
            reports(lambda: xp.autograd.grad((x.sqrt() * 0).sum(), x)),
            at_leaf.grad,
        ]


@live
def test_exceptions(xp: Any) -> Any:
    """Any error in a pass is reported, once, for the node that was running: a leaf's hook for its AccumulateGrad."""
    with on(xp):
        x = leaf(xp, 1.0, 2.0)
        y = x * 2
        y.register_hook(lambda grad: 1 / 0)
        at_leaf, after = leaf(xp, 1.0), leaf(xp, 1.0)
        at_leaf.register_hook(lambda grad: 1 / 0)
        after.register_post_accumulate_grad_hook(lambda tensor: 1 / 0)
        e = x.exp()
        e.add_(1)
        z = x * x
        z.sum().backward()
        return [
            reports(y.sum().backward),
            reports((at_leaf * 1).backward),
            reports((after * 1).backward),
            reports(e.sum().backward),
            reports(z.sum().backward),
        ]


@live
def test_without_forward(xp: Any) -> Any:
    """A node made outside anomaly mode is reported without a traceback; one made inside and run outside, not at all."""
    outside = leaf(xp, 0.0).sqrt() * 0
    with on(xp):
        inside = leaf(xp, 0.0).sqrt() * 0
        first = reports(outside.backward)
    return first, reports(inside.backward)


@live
def test_second_derivative(xp: Any) -> Any:
    """A node made in a pass shows which node made it."""
    with on(xp):
        x = xp.zeros(2, requires_grad=True)
        (gradient,) = xp.autograd.grad(x.norm(), x, create_graph=True)
        return reports(lambda: xp.autograd.grad(gradient.sum(), x))[:2]  # PyTorch shows lines of its own


@live
def test_pass_within_a_pass(xp: Any) -> Any:
    """An error in a pass that a hook runs is reported for both passes."""
    with on(xp):
        y = leaf(xp, 1.0) * 2

        def hook(grad: Any) -> None:
            with xp.enable_grad():
                (leaf(xp, 0.0).sqrt() * 0).backward()

        y.register_hook(hook)
        return reports(y.backward)


@live
def test_views_written_to(xp: Any) -> Any:
    """A write through a view is reported as CopySlices."""
    with on(xp):
        b = leaf(xp, 0.0, 0.0) * 1
        b[0].sqrt_()
        return reports((b * 0).sum().backward), sorted(b.grad_fn.metadata)


@live
def test_switches(xp: Any) -> Any:
    """The mode and its check are put back by nested blocks, and set at once by a call."""

    def state() -> Any:
        return xp.is_anomaly_enabled(), xp.is_anomaly_check_nan_enabled()

    seen = [state()]
    with on(xp):
        seen.append(state())
        with on(xp, check_nan=False):
            seen.append(state())
        with xp.autograd.set_detect_anomaly(False):
            seen.append(state())
        seen.append(state())
    with xp.autograd.detect_anomaly(check_nan=False):
        seen.append(state())
    xp.autograd.set_detect_anomaly(True)
    seen.append(state())
    xp.autograd.set_detect_anomaly(False)
    return [*seen, state()]


@live
def test_under_other_layers(xp: Any) -> Any:
    """Saved-tensor hooks and anomaly mode hold together, whichever was first."""
    calls: list[str] = []

    def hooks() -> Any:
        return xp.autograd.graph.saved_tensors_hooks(lambda t: calls.append("pack") or t, lambda t: t)

    with hooks(), on(xp):
        a = leaf(xp, 2.0).exp()
    with on(xp), hooks():
        b = leaf(xp, 2.0).exp()
    with hooks():
        xp.autograd.set_detect_anomaly(True)
    c = leaf(xp, 2.0).exp()
    xp.autograd.set_detect_anomaly(False)
    return calls, [sorted(y.grad_fn.metadata) for y in (a, b, c)]


def test_a_new_thread_takes_notes() -> None:
    """A thread that starts in anomaly mode notes where its nodes are made."""
    seen: list[Any] = []
    x = refgrad.ones(1, requires_grad=True)
    with on(refgrad):
        thread = threading.Thread(target=lambda: seen.append(sorted((x * 2).grad_fn.metadata)))
        thread.start()
        thread.join()
    assert seen == [["traceback_"]]


def test_no_frame_of_the_engine() -> None:
    """The traceback ends at the line that called the engine."""
    with on(refgrad):
        y = refgrad.ones(1, requires_grad=True).exp()
    assert "refgrad.ones(1, requires_grad=True).exp()" in y.grad_fn.metadata["traceback_"][-1]


def test_warning_points_at_backward() -> None:
    """The warning is given for the caller's own line."""
    with on(refgrad):
        y = refgrad.zeros(1, requires_grad=True).sqrt() * 0
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert "nan values" in attempt(y.backward).text
    assert [each.filename.rpartition("/")[2] for each in seen] == ["live.py"]
