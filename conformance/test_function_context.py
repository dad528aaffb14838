"""autograd.Function's ctx: what it saves and for how long, and what it says about the arguments."""

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"
FREED = "Trying to backward through the graph a second time"


def make(xp, forward, backward=lambda ctx, *grads: grads[0], **members):
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


def saving(*more):
    """A forward that saves its argument (and more), and doubles it."""

    def forward(ctx, x):
        ctx.save_for_backward(x, *more)
        return x * 2

    return forward


def times_saved(ctx, grad):
    return grad * ctx.saved_tensors[0]


# saving ---------------------------------------------------------------------------------------------------------------


@behaviour("FN-03", source=SOURCE, profile="namespace")
def test_saved_inputs(xp):
    """saved_tensors gives the very tensors that were passed in."""
    seen = []

    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    def backward(ctx, grad):
        seen.extend(ctx.saved_tensors)
        return grad, grad

    x, w = xp.tensor(2.0, requires_grad=True), xp.tensor(3.0, requires_grad=True)
    make(xp, forward, backward).apply(x, w).backward()
    assert seen[0] is x
    assert seen[1] is w


@behaviour("FN-86", source=SOURCE, profile="namespace")
def test_saved_output(xp, check):
    """A saved output comes back as another tensor with the output's value and history."""
    seen = []

    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    def backward(ctx, grad):
        seen.extend(ctx.saved_tensors)
        return grad * seen[0]

    x = xp.tensor(0.0, requires_grad=True)
    y = make(xp, forward, backward).apply(x)
    y.backward()
    assert seen[0] is not y
    assert seen[0].grad_fn is y.grad_fn
    check.equal(seen[0], 1.0)
    check.equal(x.grad, 1.0)


@behaviour("FN-04", source=SOURCE, level="should", profile="namespace")
def test_save_a_number(xp, check):
    """To save anything but tensors is a TypeError at apply."""
    with check.raises("TypeError", "save_for_backward can only save variables, but argument 1 is of type int"):
        make(xp, saving(3)).apply(xp.tensor(1.0, requires_grad=True))


@behaviour("FN-05", source=SOURCE, profile="namespace")
def test_save_none(xp):
    """None may be saved, and comes back as None."""
    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, saving(None)).apply(x)
    assert y.grad_fn.saved_tensors[0] is x
    assert y.grad_fn.saved_tensors[1] is None


@behaviour("FN-06", source=SOURCE, profile="namespace")
def test_save_twice(xp):
    """A second save_for_backward replaces the first."""

    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_backward(x, x)
        return x * 1

    y = make(xp, forward).apply(xp.tensor(1.0, requires_grad=True))
    assert len(y.grad_fn.saved_tensors) == 2


@behaviour("FN-87", source=SOURCE, profile="namespace")
def test_save_nothing(xp):
    """saved_tensors of a Function that saved nothing is empty."""
    assert make(xp, lambda ctx, x: x * 1).apply(xp.tensor(1.0, requires_grad=True)).grad_fn.saved_tensors == ()


@behaviour("FN-63", source=SOURCE, profile="namespace")
def test_read_twice(xp):
    """saved_tensors read twice gives the same tensors."""
    same = []

    def forward(ctx, x):
        ctx.save_for_backward(x.detach() * 1)
        return x * 1

    def backward(ctx, grad):
        same.append(ctx.saved_tensors[0] is ctx.saved_tensors[0])
        return grad

    make(xp, forward, backward).apply(xp.tensor(1.0, requires_grad=True)).backward()
    assert same == [True]


@behaviour("FN-46", source=SOURCE, level="should", profile="namespace")
def test_saved_and_modified(xp, check):
    """A tensor written to after it was saved is an error where backward reads saved_tensors."""
    h = xp.tensor([1.0], requires_grad=True) * 1
    y = make(xp, saving(), times_saved).apply(h)
    h.add_(1)
    with check.raises(
        "RuntimeError", f"{MODIFIED}: [torch.FloatTensor [1]], which is output 0 of Add, is at version 1"
    ):
        y.sum().backward()


@behaviour("FN-47", source="torch 2.13.0, against the belief that it always raises", profile="namespace")
def test_saved_modified_and_not_read(xp, check):
    """A tensor written to after it was saved is no error where backward does not read saved_tensors."""
    x = xp.tensor([1.0], requires_grad=True)
    h = x * 1
    y = make(xp, saving(), lambda ctx, grad: grad).apply(h)
    h.add_(1)
    y.sum().backward()
    check.equal(x.grad, [1.0])


@behaviour("FN-88", source=SOURCE, level="should", profile="namespace")
def test_saved_output_modified(xp, check):
    """An output written to after it was saved is an error that names the Function and the output."""

    def forward(ctx, x):
        y, z = x.exp(), x * 2
        ctx.save_for_backward(z)
        return y, z

    y, z = make(xp, forward, lambda ctx, g, h: g * ctx.saved_tensors[0]).apply(xp.tensor([1.0], requires_grad=True))
    z.mul_(2)
    with check.raises("RuntimeError", "[torch.FloatTensor [1]], which is output 1 of F, is at version 1"):
        y.sum().backward()


@behaviour("FN-64", source=SOURCE, level="should", profile="namespace")
def test_saved_until_backward(xp, check):
    """saved_tensors can be read from grad_fn until backward has run; then it is an error."""
    x = xp.tensor(1.0, requires_grad=True)
    y = make(xp, saving()).apply(x)
    assert y.grad_fn.saved_tensors[0] is x
    y.backward()
    with check.raises("RuntimeError", FREED):
        _ = y.grad_fn.saved_tensors


@behaviour("RET-06", source=SOURCE, level="should", profile="namespace")
def test_second_backward(xp, check):
    """A second backward through a Function that reads what it saved is the freed error, by ctx or by grad_fn."""
    contexts = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        contexts.append(ctx)
        return x * x

    y = make(xp, forward, times_saved).apply(xp.tensor(2.0, requires_grad=True))
    y.backward()
    with check.raises("RuntimeError", FREED):
        y.backward()
    with check.raises("RuntimeError", FREED):
        _ = contexts[0].saved_tensors


@behaviour("RET-07", source=SOURCE, profile="namespace")
def test_attributes_are_not_freed(xp, check):
    """Tensors kept as attributes of ctx are not freed: such a Function can be run backward twice."""

    def forward(ctx, x):
        ctx.x = x.detach()
        return x * x

    x = xp.tensor(2.0, requires_grad=True)
    y = make(xp, forward, lambda ctx, grad: 2 * grad * ctx.x).apply(x)
    y.backward()
    y.backward()
    check.equal(x.grad, 8.0)


@behaviour("FN-69", source=SOURCE, level="should", profile="namespace", torch=">=2.12")
def test_clear_on_access(xp, check):
    """With clear_saved_tensors_on_access, saved_tensors can be read once only."""
    x = xp.tensor(3.0, requires_grad=True)
    y = make(xp, saving(), times_saved, clear_saved_tensors_on_access=True).apply(x)
    y.backward(retain_graph=True)
    check.equal(x.grad, 3.0)
    with check.raises(
        "RuntimeError", "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True"
    ):
        y.backward()


@behaviour("FN-65", source=SOURCE, level="should", profile="namespace")
def test_saved_variables(xp, check):
    """saved_variables is the deprecated name of saved_tensors."""
    y = make(xp, saving()).apply(xp.tensor(1.0, requires_grad=True))
    with check.warns("DeprecationWarning", "'saved_variables' is deprecated; use 'saved_tensors'"):
        _ = y.grad_fn.saved_variables


@behaviour("FN-72", source=SOURCE, level="should", profile="namespace")
def test_mark_shared_storage(xp, check):
    """mark_shared_storage does nothing but warn that it is deprecated."""

    def forward(ctx, x):
        ctx.mark_shared_storage((x, x))
        return x * 1

    with check.warns("FutureWarning", "`mark_shared_storage` is deprecated"):
        make(xp, forward).apply(xp.tensor(1.0, requires_grad=True))


# arguments ------------------------------------------------------------------------------------------------------------


@behaviour("FN-48", source=SOURCE, profile="namespace")
def test_needs_input_grad(xp):
    """needs_input_grad has a bool an argument, in forward and in backward; for what is no tensor it is False."""
    seen = []

    def forward(ctx, x, w, k):
        seen.append(ctx.needs_input_grad)
        return x * w

    def backward(ctx, grad):
        seen.append(ctx.needs_input_grad)
        return grad, None, None

    make(xp, forward, backward).apply(xp.tensor(1.0, requires_grad=True), xp.tensor(2.0), 3).backward()
    assert seen == [(True, False, False)] * 2


@behaviour("FN-89", source=SOURCE, profile="namespace")
def test_needs_input_grad_unrecorded(xp):
    """Under no_grad needs_input_grad still says which arguments require grad."""
    seen = []
    function = make(xp, lambda ctx, x: seen.append(ctx.needs_input_grad) or x * 1)
    with xp.no_grad():
        function.apply(xp.tensor(1.0, requires_grad=True))
    assert seen == [(True,)]


@behaviour("FN-49", source=SOURCE, level="may", profile="namespace")
def test_needs_input_grad_of_a_subset(xp):
    """needs_input_grad is not narrowed where autograd.grad asks for some of the inputs only."""
    seen = []

    def backward(ctx, grad):
        seen.append(ctx.needs_input_grad)
        return grad, grad

    x, w = xp.tensor(1.0, requires_grad=True), xp.tensor(2.0, requires_grad=True)
    xp.autograd.grad(make(xp, lambda ctx, x, w: x * w, backward).apply(x, w), x)
    assert seen == [(True, True)]


def split(xp, forward, setup_context, backward=lambda ctx, *grads: grads[0]):
    """A Function whose forward takes no ctx."""
    return make(xp, forward, backward, setup_context=staticmethod(setup_context))


@behaviour("FN-50", source=SOURCE, profile="namespace")
def test_setup_context(xp, check):
    """With setup_context, forward takes no ctx, and ctx is filled from all inputs and the output afterwards."""
    seen = []

    def setup_context(ctx, inputs, output):
        seen.append((inputs[1], output.requires_grad, xp.is_grad_enabled()))
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    x = xp.tensor(2.0, requires_grad=True)
    function = split(xp, lambda x, k=5: x * k, setup_context, lambda ctx, grad: (grad * ctx.k, None))
    y = function.apply(x)
    y.backward()
    assert seen == [(5, False, False)]
    check.equal(y, 10.0)
    check.equal(x.grad, 5.0)


@behaviour("FN-51", source=SOURCE, level="should", profile="namespace")
def test_setup_context_and_ctx(xp, check):
    """With setup_context, a forward that takes a ctx all the same lacks an argument."""
    function = split(xp, lambda ctx, x: x * 1, lambda ctx, inputs, output: None)
    with check.raises("TypeError", "missing a required argument: 'x'"):
        function.apply(xp.tensor(1.0, requires_grad=True))


@behaviour("FN-90", source=SOURCE, level="should", profile="namespace", torch=">=2.10")
def test_setup_context_saves_a_returned_input(xp, check):
    """With setup_context, an input that is returned as it is must not be saved."""
    function = split(xp, lambda x: x, lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]))
    with check.raises("RuntimeError", "input that has been returned as-is as output is being saved for backward"):
        function.apply(xp.tensor(1.0, requires_grad=True))
