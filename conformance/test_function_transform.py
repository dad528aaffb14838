"""autograd.Function under forward mode and under the transforms of torch.func."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def make(xp, forward, **members):
    """A Function called F."""
    methods = {name: static(each) for name, each in {"forward": forward, **members}.items()}
    return type("F", (xp.autograd.Function,), methods)


def static(member):
    return staticmethod(member) if callable(member) else member


def split(xp, forward, **members):
    """A Function called F, whose forward takes no ctx."""
    return make(xp, forward, **{"setup_context": lambda ctx, inputs, output: None, **members})


def cube(xp):
    """The cube, with every derivative written by hand."""

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    def derivative(ctx, direction):
        return 3 * ctx.saved_tensors[0] ** 2 * direction

    rules = {"setup_context": setup_context, "backward": derivative, "jvp": derivative, "generate_vmap_rule": True}
    return make(xp, lambda x: x**3, **rules).apply


# forward mode ---------------------------------------------------------------------------------------------------------


def tangent(xp, function, *values):
    """The tangent that ``function`` gives along ones, or along zeros where a value is no list."""
    forward_ad = xp.autograd.forward_ad
    with forward_ad.dual_level():
        args = [
            forward_ad.make_dual(xp.tensor(v), xp.ones(len(v))) if isinstance(v, list) else xp.tensor(v) for v in values
        ]
        return forward_ad.unpack_dual(function.apply(*args)).tangent


@behaviour("FN-122", source=SOURCE, profile="namespace")
def test_jvp(xp, check):
    """In forward mode the tangent of a Function's output is what its jvp gives."""
    function = make(xp, lambda ctx, x: x * 2, jvp=lambda ctx, direction: direction * 100)
    check.equal(tangent(xp, function, [1.0, 2.0]), [100.0, 100.0])


@behaviour("FN-123", source=SOURCE, profile="namespace")
def test_save_for_forward(xp, check):
    """jvp reads in saved_tensors what save_for_forward has saved, and nothing that save_for_backward has."""
    lengths = []

    def forward(ctx, x):
        ctx.save_for_forward(x)
        ctx.save_for_backward(x, x)
        return x**3

    def jvp(ctx, direction):
        lengths.append(len(ctx.saved_tensors))
        return 3 * ctx.saved_tensors[0] ** 2 * direction

    check.equal(tangent(xp, make(xp, forward, jvp=jvp), [1.0, 2.0]), [3.0, 12.0])
    assert lengths == [1]


@behaviour("FN-124", source=SOURCE, profile="namespace")
def test_jvp_of_a_constant(xp, check):
    """jvp gets zeros for a tensor without a tangent, None for what is no tensor."""
    seen = []
    function = make(xp, lambda ctx, x, w: x * w, jvp=lambda ctx, *directions: seen.extend(directions) or directions[0])
    tangent(xp, function, [1.0, 2.0], 4.0)
    check.equal(seen[0], [1.0, 1.0])
    check.equal(seen[1], 0.0)


@behaviour("FN-55", source=SOURCE, level="should", profile="namespace")
def test_missing_jvp(xp, check):
    """A Function without a jvp is an error where a tangent arrives."""
    with check.raises("NotImplementedError", "You must implement the jvp function for custom autograd.Function"):
        tangent(xp, make(xp, lambda ctx, x: x * 2), [1.0])


WRONG = {
    "shape": (lambda xp, t: xp.ones(3), "Tensor is of size [2] while the given forward gradient is of size [3]"),
    "count": (lambda xp, t: (t, t), "invalid number of forward gradients (expected 1 but got 2)"),
    "kind": (lambda xp, t: 3.0, "expected Variable or None (got float) for grad output 0"),
}


@behaviour("FWD-28", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("jvp", "text"), WRONG.values(), ids=WRONG)
def test_wrong_jvp(xp, check, jvp, text):
    """jvp gives one tensor an output, of the output's shape."""
    function = make(xp, lambda ctx, x: x * 2, jvp=lambda ctx, direction: jvp(xp, direction))
    with check.raises("RuntimeError", text):
        tangent(xp, function, [1.0, 2.0])


@behaviour("FWD-28", source=SOURCE, level="may", profile="namespace")
def test_dtype_of_jvp(xp):
    """A tangent of another type is kept as it is."""
    function = make(xp, lambda ctx, x: x * 2, jvp=lambda ctx, direction: direction.double())
    assert tangent(xp, function, [1.0]).dtype is xp.float64


@behaviour("FN-125", source=SOURCE, level="should", profile="namespace")
def test_jvp_of_a_view(xp, check):
    """Where forward returns a view of its input, so must jvp of its direction."""
    right = make(xp, lambda ctx, x: x.view(2, 1), jvp=lambda ctx, direction: direction.view(2, 1))
    wrong = make(xp, lambda ctx, x: x, jvp=lambda ctx, direction: direction * 2)
    check.equal(tangent(xp, right, [1.0, 2.0]), [[1.0], [1.0]])
    with check.raises("RuntimeError", "returning a view (or an input as-is) but the jvp is not returning a view"):
        tangent(xp, wrong, [1.0, 2.0])


@behaviour("FN-126", source=SOURCE, level="should", profile="namespace")
def test_jvp_of_a_write(xp, check):
    """Where forward writes into its input, jvp must write into the direction."""

    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    check.equal(tangent(xp, make(xp, forward, jvp=lambda ctx, direction: direction.mul_(2)), [1.0]), [2.0])
    with check.raises("RuntimeError", "An inplace custom Function is not modifying the forward mode gradients inplace"):
        tangent(xp, make(xp, forward, jvp=lambda ctx, direction: direction * 2), [1.0])


# transforms -----------------------------------------------------------------------------------------------------------

TRANSFORMS = {
    "grad": (lambda func, f, x: func.grad(f)(x), 12.0),
    "grad of grad": (lambda func, f, x: func.grad(func.grad(f))(x), 12.0),
    "third": (lambda func, f, x: func.grad(func.grad(func.grad(f)))(x), 6.0),
    "vjp": (lambda func, f, x: func.vjp(f, x)[1](x)[0], 24.0),
    "jvp": (lambda func, f, x: func.jvp(f, (x,), (x,))[1], 24.0),
    "jvp of grad": (lambda func, f, x: func.jvp(func.grad(f), (x,), (x,))[1], 24.0),
    "grad of jvp": (lambda func, f, x: func.grad(lambda z: func.jvp(f, (z,), (x,))[1])(x), 24.0),
    "jacrev": (lambda func, f, x: func.jacrev(f)(x), 12.0),
    "jacfwd": (lambda func, f, x: func.jacfwd(f)(x), 12.0),
    "hessian": (lambda func, f, x: func.hessian(f)(x), 12.0),
}


@behaviour("FN-127", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("transform", "expected"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_transform(xp, check, transform, expected):
    """The transforms, and transforms of transforms, use a Function's own derivatives."""
    check.equal(transform(xp.func, cube(xp), xp.tensor(2.0)), expected)


@behaviour("FN-128", source=SOURCE, profile="namespace")
def test_transform_of_a_recorded_tensor(xp, check):
    """A gradient that a transform takes of a Function can itself be run backward."""
    x = xp.tensor(2.0, requires_grad=True)
    xp.func.grad(cube(xp))(x).backward()
    check.equal(x.grad, 12.0)


@behaviour("FN-129", source=SOURCE, profile="namespace")
def test_wrong_derivative_is_used(xp, check):
    """What the transforms use is backward, right or wrong, not the ops of forward."""
    function = split(xp, lambda x: x * 2, backward=lambda ctx, grad: grad * 100)
    check.equal(xp.func.grad(function.apply)(xp.tensor(1.0)), 100.0)


@behaviour("FN-130", source=SOURCE, profile="namespace")
def test_needs_input_grad_in_a_transform(xp):
    """Inside a transform, needs_input_grad tells which arguments it differentiates."""
    seen = []
    function = split(
        xp,
        lambda x, w: x * w,
        setup_context=lambda ctx, inputs, output: seen.append(ctx.needs_input_grad),
        backward=lambda ctx, grad: (grad, None),
    )
    xp.func.grad(function.apply)(xp.tensor(1.0), xp.tensor(2.0))
    assert seen[-1] == (True, False)


USES = {
    "grad": lambda func, f, x: func.grad(f)(x),
    "jvp": lambda func, f, x: func.jvp(f, (x,), (x,)),
    "vmap": lambda func, f, x: func.vmap(f)(x[None]),
}


@behaviour("FN-131", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_transform_without_setup_context(xp, check, use):
    """The transforms refuse a Function whose forward takes the ctx."""
    function = make(xp, lambda ctx, x: x * 2, backward=lambda ctx, grad: grad, generate_vmap_rule=True)
    with check.raises("RuntimeError", "it must override the setup_context staticmethod"):
        use(xp.func, function.apply, xp.tensor(1.0))


# batches --------------------------------------------------------------------------------------------------------------


@behaviour("FN-53", source=SOURCE, level="should", profile="namespace")
def test_vmap_without_a_rule(xp, check):
    """vmap refuses a Function that has neither a vmap of its own nor generate_vmap_rule."""
    with check.raises("RuntimeError", "You tried to vmap over F, but it does not have vmap support"):
        xp.func.vmap(split(xp, lambda x: x * 2).apply)(xp.ones(3))


@behaviour("FN-132", source=SOURCE, level="should", profile="namespace")
def test_vmap_with_two_rules(xp, check):
    """vmap refuses a Function that has both."""
    function = split(xp, lambda x: x * 2, generate_vmap_rule=True, vmap=lambda info, in_dims, x: (x * 2, in_dims[0]))
    with check.raises("RuntimeError", "both generate_vmap_rule=True and an overridden vmap staticmethod"):
        xp.func.vmap(function.apply)(xp.ones(3))


@behaviour("FN-54", source=SOURCE, profile="namespace")
def test_generated_vmap_rule(xp, check):
    """With generate_vmap_rule a Function can be batched, and so can its derivative."""
    x = xp.tensor([1.0, 2.0, 3.0])
    check.equal(xp.func.vmap(cube(xp))(x), [1.0, 8.0, 27.0])
    check.equal(xp.func.vmap(xp.func.grad(cube(xp)))(x), [3.0, 12.0, 27.0])
    check.equal(xp.func.grad(lambda x: xp.func.vmap(cube(xp))(x).sum())(x), [3.0, 12.0, 27.0])


@behaviour("FN-54", source=SOURCE, profile="namespace")
def test_own_vmap_rule(xp, check):
    """A vmap of its own is told which arguments have a batch, and says where the output has it."""
    seen = []

    def vmap(info, in_dims, x, w, k):
        seen.append((in_dims, info.randomness))
        return x * w * k, in_dims[0]

    function = split(xp, lambda x, w, k: x * w * k, vmap=vmap)
    batched = xp.func.vmap(function.apply, in_dims=(0, None, None))
    check.equal(batched(xp.tensor([1.0, 2.0]), xp.tensor(3.0), 4), [12.0, 24.0])
    assert seen[0] == ((0, None, None), "error")


@behaviour("FN-133", source=SOURCE, level="should", profile="namespace")
def test_own_vmap_rule_without_dims(xp, check):
    """A vmap of its own that gives no dimensions is an error."""
    function = split(xp, lambda x: x * 2, vmap=lambda info, in_dims, x: x * 2)
    with check.raises("RuntimeError", "Expected the vmap staticmethod to have two returns"):
        xp.func.vmap(function.apply)(xp.ones(3))
