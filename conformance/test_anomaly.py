"""Anomaly mode: NaN in backward is an error, and errors say where in the forward they come from."""

import threading
import warnings

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
FORWARD = "Traceback of forward call that caused the error:"


def anomaly(xp, **options):
    return xp.autograd.set_detect_anomaly(True, **options)


def warned(action):
    """The warnings of an action that raises."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(RuntimeError):
            action()
    return [str(each.message) for each in seen]


@pytest.fixture(autouse=True)
def off_again(xp):
    yield
    if hasattr(xp, "autograd") and hasattr(xp.autograd, "set_detect_anomaly"):
        xp.autograd.set_detect_anomaly(False)


@behaviour("AN-01", source=SOURCE, level="should", profile="namespace")
def test_detect_anomaly_warns(xp, check):
    """detect_anomaly() warns that it is slow."""
    with check.warns("UserWarning", "Anomaly Detection has been enabled."), xp.autograd.detect_anomaly():
        assert xp.is_anomaly_enabled()
    assert not xp.is_anomaly_enabled()


@behaviour("AN-01", source=SOURCE, level="should", profile="namespace")
def test_set_detect_anomaly_is_silent(xp, check):
    """set_detect_anomaly(True) does not warn; as a context it puts back what was."""
    with check.silent(), anomaly(xp):
        assert xp.is_anomaly_enabled()
    assert not xp.is_anomaly_enabled()


@behaviour("AN-02", source=SOURCE, profile="namespace")
def test_nan(xp, check):
    """A NaN that backward makes is an error that names the node and which of its outputs."""
    x = xp.tensor(-1.0, requires_grad=True)
    with (
        anomaly(xp),
        check.warns("UserWarning", "Error detected in SqrtBackward0."),
        check.raises("RuntimeError", "Function 'SqrtBackward0' returned nan values in its 0th output."),
    ):
        x.sqrt().backward()
    check.none(x.grad)


@behaviour("AN-03", source=SOURCE, profile="namespace")
def test_infinity(xp, check):
    """An infinite gradient is no anomaly."""
    x = xp.tensor(0.0, requires_grad=True)
    with anomaly(xp):
        x.sqrt().backward()
    check.close(x.grad, float("inf"))


@behaviour("AN-05", source=SOURCE, profile="namespace")
def test_without_nan_check(xp, check):
    """With check_nan=False a NaN passes."""
    x = xp.tensor(-1.0, requires_grad=True)
    with anomaly(xp, check_nan=False):
        x.sqrt().backward()
    check.close(x.grad, float("nan"))


@behaviour("AN-06", source=SOURCE, level="should", profile="namespace")
def test_forward_traceback(xp):
    """The warning before the error has the traceback of the forward call, down to the caller's own line."""
    with anomaly(xp):
        y = xp.tensor(-1.0, requires_grad=True).sqrt()
        (message,) = warned(y.backward)
    assert message.startswith(f"Error detected in SqrtBackward0. {FORWARD}")
    assert "requires_grad=True).sqrt()" in message


@behaviour("AN-07", source=SOURCE, level="should", profile="namespace")
def test_forward_outside(xp):
    """Where the forward ran outside anomaly mode the warning says that nothing is known of it."""
    y = xp.tensor(-1.0, requires_grad=True).sqrt()
    with anomaly(xp):
        (message,) = warned(y.backward)
    assert message.startswith("Error detected in SqrtBackward0. No forward pass information available.")


@behaviour("AN-09", source=SOURCE, profile="namespace")
def test_all_threads(xp):
    """Anomaly mode holds for all threads."""
    seen = []
    with anomaly(xp):
        thread = threading.Thread(target=lambda: seen.append(xp.is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


@behaviour("AN-10", source=SOURCE, level="may", profile="namespace")
def test_metadata(xp):
    """Nodes note their traceback in metadata; those made in a backward pass, the node that was running too."""
    with anomaly(xp):
        x = xp.tensor(2.0, requires_grad=True)
        y = x**3
        (gradient,) = xp.autograd.grad(y, x, create_graph=True)
    assert sorted(y.grad_fn.metadata) == ["traceback_"]
    assert sorted(gradient.grad_fn.metadata) == ["parent_", "traceback_"]


@behaviour("AN-11", source=SOURCE, level="should", profile="namespace")
def test_double_backward(xp):
    """An error in a second backward shows both tracebacks: of the failing node, and of the one that made it."""
    with anomaly(xp):
        x = xp.zeros(2, requires_grad=True)
        (gradient,) = xp.autograd.grad(x.norm(), x, create_graph=True)
        failing, inducing = warned(gradient.sum().backward)
    assert failing.startswith(f"Error detected in DivBackward0. {FORWARD}")
    assert inducing.strip().startswith("Previous calculation was induced by LinalgVectorNormBackward0.")


@behaviour("AN-12", source=SOURCE, level="should", profile="namespace")
def test_masked_branch(xp, check):
    """A NaN on the branch that where() discards is an anomaly too."""
    with anomaly(xp):
        x = xp.tensor(0.0, requires_grad=True)
        y = xp.where(xp.tensor(True), x * 0 + 1, x.sqrt() / x)
        with (
            check.warns("UserWarning", "Error detected in DivBackward0."),
            check.raises("RuntimeError", "Function 'DivBackward0' returned nan values in its 0th output."),
        ):
            y.backward()


@behaviour("AN-13", source=SOURCE, level="should", profile="namespace")
def test_custom_function(xp, check):
    """A custom Function whose backward returns NaN is named by its class."""

    class Nan(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            return grad * float("nan")

    with (
        anomaly(xp),
        check.warns("UserWarning", "Error detected in NanBackward."),
        check.raises("RuntimeError", "Function 'NanBackward' returned nan values in its 0th output."),
    ):
        Nan.apply(xp.tensor(1.0, requires_grad=True)).backward()
