"""gradcheck and gradgradcheck: derivatives held against finite differences."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@pytest.fixture
def gradcheck(xp):
    return xp.autograd.gradcheck


@pytest.fixture
def gradgradcheck(xp):
    return xp.autograd.gradgradcheck


def double(xp, *values):
    return xp.tensor(list(values), dtype=xp.float64, requires_grad=True)


def wrong(xp):
    """A Function 2 x whose backward says 3."""

    class Wrong(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 3

    return Wrong.apply


@behaviour("GC-01", source=SOURCE, profile="namespace")
def test_right(xp, gradcheck, gradgradcheck):
    """For a function whose derivatives are right, gradcheck and gradgradcheck return True."""
    assert gradcheck(lambda x: x.sin(), double(xp, 1, 2)) is True
    assert gradgradcheck(lambda x: x.sin(), double(xp, 1, 2)) is True


@behaviour("GC-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("fast", [False, True], ids=["slow", "fast"])
def test_wrong(xp, check, gradcheck, fast):
    """A wrong backward is a GradcheckError, which is a RuntimeError, that names output and input."""
    for kind in ("GradcheckError", "RuntimeError"):
        with check.raises(kind, "Jacobian mismatch for output 0 with respect to input 0"):
            gradcheck(wrong(xp), double(xp, 1, 2), fast_mode=fast)


@behaviour("GC-19", source=SOURCE, profile="namespace")
def test_both_jacobians(xp, check, gradcheck):
    """The error shows the numerical and the analytical Jacobian."""
    with check.raises("GradcheckError", "numerical:tensor([[2.0000, 0.0000],"):
        gradcheck(wrong(xp), double(xp, 1, 2))
    with check.raises("GradcheckError", "analytical:tensor([[3., 0.],"):
        gradcheck(wrong(xp), double(xp, 1, 2))


@behaviour("GC-20", source=SOURCE, profile="namespace")
def test_no_exception(xp, gradcheck):
    """raise_exception=False returns False instead."""
    assert gradcheck(wrong(xp), double(xp, 1, 2), raise_exception=False) is False


@behaviour("GC-05", source=SOURCE, level="should", profile="namespace")
def test_no_input_requires_grad(xp, check, gradcheck):
    """Some input must require grad."""
    with check.raises("ValueError", "gradcheck expects at least one input tensor to require gradient"):
        gradcheck(lambda x: x * 2, xp.ones(2, dtype=xp.float64))


@behaviour("GC-06", source=SOURCE, level="should", profile="namespace")
def test_overlapping_input(xp, check, gradcheck):
    """An input whose elements share memory is refused."""
    with check.raises("RuntimeError", "The 0th input has a dimension with stride 0"):
        gradcheck(lambda x: x * 2, xp.ones(1, dtype=xp.float64).expand(3).requires_grad_())


@behaviour("GC-21", source=SOURCE, level="should", profile="namespace")
def test_single_precision(xp, check, gradcheck):
    """An input in single precision brings a warning."""
    with check.warns("UserWarning", "is not a double precision floating point or complex"):
        gradcheck(lambda x: x * 2, xp.tensor([1.0], requires_grad=True), eps=1e-2, atol=1e-2)


@behaviour("GC-07", source=SOURCE, profile="namespace")
def test_nondeterministic(xp, check, gradcheck):
    """A backward that gives another result the second time is found; nondet_tol allows for it."""

    class Drifting(xp.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            Drifting.calls += 1
            return grad * (2 + 1e-9 * Drifting.calls)

    with check.raises("GradcheckError", "Backward is not reentrant"):
        gradcheck(Drifting.apply, double(xp, 1))
    assert gradcheck(Drifting.apply, double(xp, 1), nondet_tol=1e-6)


@behaviour("GC-09", source=SOURCE, level="may", profile="namespace")
def test_fast_mode_tells_more(xp, check, gradcheck):
    """The fast mode, which compares one number, shows the whole Jacobians of a mismatch."""
    with check.raises("GradcheckError", "we recompute numerical and analytical jacobians in slow mode"):
        gradcheck(wrong(xp), double(xp, 1, 2), fast_mode=True)


KINKS = {"abs": ([0.0], True), "relu": ([0.0], False), "maximum": ([1.0, 1.0], True)}


@behaviour("GC-10", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("name", "at", "passes"), [(k, *v) for k, v in KINKS.items()], ids=KINKS)
def test_kinks(xp, gradcheck, name, at, passes):
    """At a kink the central difference is the mean of the slopes, which is abs's and maximum's convention but not relu's."""
    inputs = tuple(xp.tensor(x, dtype=xp.float64, requires_grad=True) for x in at)
    assert gradcheck(getattr(xp, name), inputs, raise_exception=False) is passes


@behaviour("GC-11", source=SOURCE, profile="namespace")
def test_detached_output(xp, check, gradcheck):
    """An output that depends on the input outside the graph is found; integer outputs are left out."""
    with check.raises("GradcheckError", "Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach(), double(xp, 1))
    assert gradcheck(lambda x: x.long(), double(xp, 1))
    assert gradcheck(lambda x: (x * 2, x.long()), double(xp, 1))


@behaviour("GC-12", source=SOURCE, profile="namespace")
def test_inplace(xp, check, gradcheck):
    """A function may write into an intermediate, but not into its input, which is a leaf."""
    assert gradcheck(lambda x: (x * 1).mul_(2), double(xp, 1))
    with check.raises("RuntimeError", "leaf Variable that requires grad"):
        gradcheck(lambda x: x.mul_(2), double(xp, 1))


@behaviour("GC-13", source=SOURCE, profile="namespace")
def test_forward_and_batched(xp, gradcheck):
    """check_forward_ad and check_batched_grad pass for a right function."""
    assert gradcheck(lambda x: x.exp(), double(xp, 1, 2), check_forward_ad=True, check_batched_grad=True)


@behaviour("GC-22", source=SOURCE, profile="namespace")
def test_wrong_forward(xp, check, gradcheck):
    """A wrong jvp is found with check_forward_ad."""

    class WrongForward(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

        @staticmethod
        def jvp(ctx, tangent):
            return tangent * 3

    assert gradcheck(WrongForward.apply, double(xp, 1, 2))
    with check.raises(
        "GradcheckError", "Jacobian computed with forward mode mismatch for output 0 with respect to input 0"
    ):
        gradcheck(WrongForward.apply, double(xp, 1, 2), check_forward_ad=True)


@behaviour("GC-14", source=SOURCE, profile="namespace")
def test_complex(xp, gradcheck):
    """Complex inputs and outputs are checked."""
    z = xp.tensor([1 + 2j, -0.5 + 1j], dtype=xp.complex128, requires_grad=True)
    assert gradcheck(lambda z: z * z.conj(), z)
    assert gradcheck(lambda z: z.exp(), z)


@behaviour("GC-15", source=SOURCE, profile="namespace")
def test_unused_input(xp, gradcheck):
    """An input that the function does not use counts as one with zero gradients."""
    assert gradcheck(lambda x, y: x * 2, (double(xp, 1), double(xp, 2)))


@behaviour("GC-16", source=SOURCE, profile="namespace")
def test_double_backward(xp, gradcheck, gradgradcheck):
    """gradgradcheck finds a backward that cannot itself be differentiated rightly; gradcheck does not."""

    class SavesIntermediate(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            h = x**2
            ctx.save_for_backward(x, h)
            return x * h

        @staticmethod
        def backward(ctx, grad):
            x, h = ctx.saved_tensors
            return (h + 2 * x * x) * grad

    assert gradcheck(SavesIntermediate.apply, double(xp, 1, 2))
    assert not gradgradcheck(SavesIntermediate.apply, double(xp, 1, 2), raise_exception=False)


@behaviour("GC-17", source=SOURCE, profile="namespace")
def test_tolerances(xp, gradcheck):
    """A coarse step fails tight tolerances: the difference has an error of its own."""
    assert gradcheck(lambda x: x**3, double(xp, 1), eps=1e-2, atol=1e-3)
    assert not gradcheck(lambda x: x**3, double(xp, 1), eps=1e-2, atol=1e-12, rtol=1e-12, raise_exception=False)


@behaviour("GC-18", source=SOURCE, profile="namespace")
def test_constant_output(xp, check, gradcheck):
    """A function without differentiable outputs passes if it is constant."""
    assert gradcheck(lambda x: xp.ones(2, dtype=xp.float64), double(xp, 1))
    with check.raises("GradcheckError", "Numerical gradient for function expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, double(xp, 1))


@behaviour("GC-23", source=SOURCE, profile="namespace")
def test_undefined_gradients(xp, check, gradcheck):
    """A backward that cannot take None for a gradient, having asked for it, is found."""

    class TakesNoNone(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            if grad is None:
                raise RuntimeError("no None here")
            return grad * 2

    with check.warns("UserWarning", "undefined gradient support"):
        with check.raises("GradcheckError", "Expected backward function to handle undefined output grads"):
            gradcheck(TakesNoNone.apply, double(xp, 1))
    assert gradcheck(TakesNoNone.apply, double(xp, 1), check_undefined_grad=False)


@behaviour("GC-24", source=SOURCE, level="should", profile="namespace")
def test_something_to_check(xp, check, gradcheck):
    """Checking neither mode is an error."""
    with check.raises("AssertionError", "Expected at least one of check_forward_ad or check_backward_ad to be True"):
        gradcheck(lambda x: x, double(xp, 1), check_backward_ad=False)
