"""torch.nn: parameters, modules, their state and hooks, first values, and the tools in nn.utils."""

import copy
import pickle

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


# -- parameters


@behaviour("LEAF-40", source=SOURCE, profile="namespace")
def test_parameter(xp):
    """A Parameter is a leaf that requires grad, outside the graph of what it was made from, over the same memory."""
    h = xp.tensor([1.0], requires_grad=True) * 2
    p = xp.nn.Parameter(h)
    assert p.is_leaf
    assert p.requires_grad
    assert p.grad_fn is None
    assert p.data_ptr() == h.data_ptr()


@behaviour("LEAF-41", source=SOURCE, level="should", profile="namespace")
def test_parameter_of_integers(xp, check):
    """A Parameter of integers is refused unless requires_grad is False."""
    assert not xp.nn.Parameter(xp.ones(2, dtype=xp.int64), requires_grad=False).requires_grad
    with check.raises("RuntimeError", "can require gradients"):
        xp.nn.Parameter(xp.ones(2, dtype=xp.int64))


@behaviour("LEAF-57", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("use", [lambda p: p * 2, lambda p: p.detach(), lambda p: p.data], ids=["*", "detach", "data"])
def test_what_a_parameter_gives(xp, use):
    """Arithmetic with a Parameter, its detached tensor and its data are plain tensors."""
    assert type(use(xp.nn.Parameter(xp.ones(1)))) is xp.Tensor


@behaviour("NNM-01", source=SOURCE, level="should", profile="namespace")
def test_printed_parameter(xp, check):
    """A Parameter prints as its tensor below the words "Parameter containing:"."""
    p = xp.nn.Parameter(xp.tensor([1.0, 2.5]))
    check.text(repr(p), "Parameter containing:\ntensor([1.0000, 2.5000], requires_grad=True)")
    check.text(repr(xp.nn.Parameter(xp.ones(1), requires_grad=False)), "Parameter containing:\ntensor([1.])")


@behaviour("BWD-54", source=SOURCE, profile="namespace")
def test_backward_from_a_parameter(xp, check):
    """backward() of a 0-d Parameter gives it the gradient 1, a plain tensor."""
    p = xp.nn.Parameter(xp.tensor(2.0))
    p.backward()
    check.equal(p.grad, 1.0)
    assert type(p.grad) is xp.Tensor


@behaviour("ACC-27", source=SOURCE, profile="namespace")
def test_gradient_of_a_parameter(xp, check):
    """The gradient of a Parameter is a plain tensor, a leaf that requires no grad."""
    p = xp.nn.Parameter(xp.ones(1))
    (p * 2).backward()
    assert type(p.grad) is xp.Tensor
    assert p.grad.is_leaf
    assert not p.grad.requires_grad
    check.none(p.grad.grad)


@behaviour("EX-12", source=SOURCE, profile="namespace")
def test_shared_weights(xp, check):
    """A Parameter used twice gets the sum; two Parameters over one memory get a gradient each."""
    p = xp.nn.Parameter(xp.ones(1))
    q = xp.nn.Parameter(p.data)
    (p * 2 + q * 3 + p).backward()
    check.equal(p.grad, [3.0])
    check.equal(q.grad, [3.0])
    assert p.data_ptr() == q.data_ptr()


@behaviour("CPY-09", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
def test_copied_parameter(xp, check, again):
    """deepcopy and pickle of a Parameter give a Parameter with its values and without its gradient."""
    p = xp.nn.Parameter(xp.tensor([1.0, 2.0]))
    (p * 2).sum().backward()
    q = again(p)
    assert type(q) is xp.nn.Parameter
    assert q.requires_grad
    check.equal(q, [1.0, 2.0])
    check.none(q.grad)
    assert q.data_ptr() != p.data_ptr()


# -- what a module holds


def network(xp):
    """Two layers, a buffer, and a layer that is there twice."""

    class Network(xp.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = xp.nn.Linear(2, 3)
            self.rest = xp.nn.Sequential(xp.nn.ReLU(), xp.nn.Linear(3, 1, bias=False))
            self.again = self.first
            self.scale = xp.nn.Parameter(xp.ones(1))
            self.register_buffer("count", xp.zeros(1))
            self.register_buffer("scratch", xp.zeros(1), persistent=False)

        def forward(self, x):
            return self.rest(self.first(x)) * self.scale

    return Network()


@behaviour("NNM-02", source=SOURCE, profile="namespace")
def test_names(xp):
    """Parameters, buffers and modules are listed by path, in the order of assignment, own before children's, shared ones once."""
    m = network(xp)
    assert [n for n, _ in m.named_parameters()] == ["scale", "first.weight", "first.bias", "rest.1.weight"]
    assert [n for n, _ in m.named_parameters(recurse=False)] == ["scale"]
    assert [n for n, _ in m.named_buffers()] == ["count", "scratch"]
    assert [n for n, _ in m.named_children()] == ["first", "rest"]
    assert [n for n, _ in m.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [n for n, _ in m.named_parameters(prefix="net", remove_duplicate=False)] == [
        "net.scale", "net.first.weight", "net.first.bias", "net.rest.1.weight", "net.again.weight", "net.again.bias",
    ]  # fmt: skip
    assert len(list(m.parameters())) == 4
    assert list(m.children()) == [m.first, m.rest]


@behaviour("NNM-03", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("act", "error", "text"),
    [
        (lambda xp, m: setattr(m, "scale", xp.ones(1)), "TypeError", "as parameter 'scale' (torch.nn.Parameter or None expected)"),
        (lambda xp, m: setattr(m, "first", 3), "TypeError", "as child module 'first' (torch.nn.Module or None expected)"),
        (lambda xp, m: setattr(m, "count", 3), "TypeError", "as buffer 'count' (torch.nn.Buffer, torch.Tensor or None expected)"),
        (lambda xp, m: m.register_parameter("a", xp.ones(1)), "TypeError", "object to parameter 'a' (torch.nn.Parameter or None required)"),
        (lambda xp, m: m.register_parameter("a.b", None), "KeyError", 'parameter name can\\\'t contain "."'),
        (lambda xp, m: m.register_parameter("", None), "KeyError", 'parameter name can\\\'t be empty string ""'),
        (lambda xp, m: m.register_parameter("forward", None), "KeyError", "attribute 'forward' already exists"),
        (lambda xp, m: m.register_buffer("scale", None), "KeyError", "attribute 'scale' already exists"),
        (lambda xp, m: m.register_buffer("a", 3), "TypeError", "cannot assign 'int' object to buffer 'a'"),
        (lambda xp, m: m.add_module("a", 3), "TypeError", "int is not a Module subclass"),
        (lambda xp, m: m.add_module("a.b", None), "KeyError", "module name can"),
        (lambda xp, m: m.missing, "AttributeError", "'Network' object has no attribute 'missing'"),
        (lambda xp, m: m.get_submodule("rest.5"), "AttributeError", "Sequential has no attribute `5`"),
        (lambda xp, m: m.get_parameter("first"), "AttributeError", "`first` is not an nn.Parameter"),
        (lambda xp, m: m.get_buffer("scale"), "AttributeError", "`scale` is not a buffer"),
        (lambda xp, m: m.train(1), "ValueError", "training mode is expected to be boolean"),
        (lambda xp, m: m.to(xp.int64), "TypeError", "nn.Module.to only accepts floating point or complex dtypes"),
        (lambda xp, m: xp.nn.Module()(1), "NotImplementedError", 'Module [Module] is missing the required "forward" function'),
        (lambda xp, m: xp.nn.Module(1), "TypeError", "Module.__init__() takes 1 positional argument but 2 were given"),
        (lambda xp, m: xp.nn.Module(a=1), "TypeError", "Module.__init__() got an unexpected keyword argument 'a'"),
    ],
)  # fmt: skip
def test_refused(xp, check, act, error, text):
    """A module refuses what cannot be held, and names that cannot be, and says why."""
    m = network(xp)
    try:
        with check.raises(error, text):
            act(xp, m)
    except NotImplementedError:
        pytest.fail("no error")


@behaviour("NNM-04", source=SOURCE, level="should", profile="namespace")
def test_assignment_before_init(xp, check):
    """Assigning a parameter before Module.__init__() is refused."""

    class Early(xp.nn.Module):
        def __init__(self):
            self.p = xp.nn.Parameter(xp.ones(1))

    with check.raises("AttributeError", "cannot assign parameters before Module.__init__() call"):
        Early()


@behaviour("NNM-05", source=SOURCE, profile="namespace")
def test_reassignment(xp):
    """A Parameter takes the place of anything, a module that of anything but a Parameter; None keeps a place free."""
    m = xp.nn.Module()
    m.a = 3
    m.a = xp.nn.ReLU()
    assert list(dict(m.named_children())) == ["a"]
    m.a = xp.nn.Parameter(xp.ones(1))
    assert list(dict(m.named_parameters())) == ["a"]
    assert list(m.children()) == []
    m.a = None
    assert m.a is None
    assert list(m.parameters()) == []
    m.a = xp.nn.Parameter(xp.ones(2))
    assert m.a.shape == (2,)
    del m.a
    assert not hasattr(m, "a")


@behaviour("NNM-06", source=SOURCE, level="should", profile="namespace")
def test_parameter_with_a_history(xp, check):
    """A tensor with a history cannot be registered as a parameter."""
    p = xp.nn.Parameter(xp.ones(1))
    h = p.clone()
    h.__class__ = type(p)
    with check.raises("ValueError", "Cannot assign non-leaf Tensor to parameter 'a'"):
        xp.nn.Module().register_parameter("a", h)


@behaviour("NNM-07", source=SOURCE, profile="namespace")
def test_buffers(xp, check):
    """A buffer takes any tensor, is no parameter, and follows the module's type."""
    m = network(xp)
    m.count = xp.ones(2)
    check.equal(m.get_buffer("count"), [1.0, 1.0])
    assert m.double().count.dtype == xp.float64
    assert "count" not in dict(m.named_parameters())


@behaviour("NNM-08", source=SOURCE, profile="namespace")
def test_modes(xp):
    """train() and eval() set the mode of all modules below and give the module; a new one is in training."""
    m = network(xp)
    assert all(each.training for each in m.modules())
    assert m.eval() is m
    assert not any(each.training for each in m.modules())
    assert m.train() is m
    assert m.rest[0].training


@behaviour("NNM-09", source=SOURCE, profile="namespace")
def test_apply(xp):
    """apply() calls with the children first, the module last, and gives the module."""
    m, seen = network(xp), []
    assert m.apply(lambda each: seen.append(type(each).__name__)) is m
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Network"]


@behaviour("NNM-10", source=SOURCE, profile="namespace")
def test_change_of_type(xp, check):
    """double() converts parameters and their gradients in place: the same Parameter objects, with a new type."""
    m = xp.nn.Linear(2, 1)
    m(xp.ones(1, 2)).sum().backward()
    weight = m.weight
    assert m.double() is m
    assert m.weight is weight
    assert weight.dtype == weight.grad.dtype == xp.float64
    check.equal(weight.grad, [[1.0, 1.0]])
    m(xp.ones(1, 2, dtype=xp.float64)).sum().backward()
    check.equal(weight.grad, [[2.0, 2.0]])
    assert m.to(xp.float32).bias.dtype == xp.float32


@behaviour("NNM-11", source=SOURCE, profile="namespace")
def test_frozen(xp, check):
    """requires_grad_(False) freezes all parameters: the result requires no grad, and they get no gradient."""
    m = xp.nn.Linear(2, 1)
    assert m.requires_grad_(False) is m
    assert not m(xp.ones(1, 2)).requires_grad
    m.bias.requires_grad_(True)
    m(xp.ones(1, 2)).sum().backward()
    check.none(m.weight.grad)
    check.equal(m.bias.grad, [1.0])


@behaviour("ACC-11", source=SOURCE, profile="namespace")
def test_zero_grad(xp, check):
    """Module.zero_grad() sets gradients to None; with set_to_none=False it zeroes them in place."""
    m = xp.nn.Linear(2, 1)
    m(xp.ones(1, 2)).sum().backward()
    held = m.weight.grad
    m.zero_grad(set_to_none=False)
    assert m.weight.grad is held
    check.equal(held, [[0.0, 0.0]])
    m.zero_grad()
    check.none(m.weight.grad)


# -- state


@behaviour("CPY-10", source=SOURCE, profile="namespace")
def test_state_dict(xp):
    """state_dict() holds detached tensors over the module's memory, without non-persistent buffers; keep_vars the Parameters."""
    m = network(xp)
    state = m.state_dict()
    assert list(state) == [
        "scale", "count", "first.weight", "first.bias", "rest.1.weight", "again.weight", "again.bias",
    ]  # fmt: skip
    assert not state["first.weight"].requires_grad
    assert state["first.weight"].data_ptr() == m.first.weight.data_ptr()
    assert m.state_dict(keep_vars=True)["first.weight"] is m.first.weight
    assert list(m.rest.state_dict(prefix="p.")) == ["p.1.weight"]


@behaviour("NNM-12", source=SOURCE, profile="namespace")
def test_round_trip(xp, check):
    """load_state_dict() copies values into the parameters that are there, whatever the types, and says that all keys matched."""
    m, n = network(xp), network(xp)
    weight = n.first.weight
    result = n.load_state_dict(m.double().state_dict())
    check.text(str(result), "<All keys matched successfully>")
    assert n.first.weight is weight
    assert weight.dtype == xp.float32
    check.equal(weight, m.float().first.weight)


@behaviour("NNM-13", source=SOURCE, level="should", profile="namespace")
def test_keys_that_do_not_match(xp, check):
    """Strict loading names missing and unexpected keys and wrong sizes; the lax one gives the keys and still refuses sizes."""
    m = xp.nn.Linear(2, 1)
    state = {"weight": xp.zeros(1, 2), "extra": xp.zeros(1)}
    with check.raises("RuntimeError", 'Missing key(s) in state_dict: "bias". \n\tUnexpected key(s) in state_dict: "extra"'):
        m.load_state_dict(state)
    missing, unexpected = m.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["bias"], ["extra"])
    check.equal(m.weight, [[0.0, 0.0]])
    with check.raises("RuntimeError", "size mismatch for weight: copying a param with shape torch.Size([3]) from checkpoint"):
        m.load_state_dict({"weight": xp.zeros(3)}, strict=False)
    with check.raises("TypeError", "Expected state_dict to be dict-like"):
        m.load_state_dict([1])


@behaviour("NNM-14", source=SOURCE, profile="namespace")
def test_assigned_state(xp):
    """load_state_dict(assign=True) puts the given tensors in place of the parameters, as Parameters over their memory."""
    m = xp.nn.Linear(2, 1)
    state = {"weight": xp.zeros(1, 2, dtype=xp.float64), "bias": xp.zeros(1, dtype=xp.float64)}
    m.load_state_dict(state, assign=True)
    assert type(m.weight) is xp.nn.Parameter
    assert m.weight.dtype == xp.float64
    assert m.weight.data_ptr() == state["weight"].data_ptr()


@behaviour("NNM-15", source=SOURCE, profile="namespace")
def test_copied_module(xp, check):
    """deepcopy and pickle of a module give one with its own parameters, and keep what is shared in it shared."""
    m = network(xp)
    twin = copy.deepcopy(m)
    assert twin.first is twin.again
    assert twin.first.weight is not m.first.weight
    check.equal(twin.first.weight, m.first.weight)
    linear = pickle.loads(pickle.dumps(m.first))
    check.equal(linear.weight, m.first.weight)
    assert type(linear.weight) is xp.nn.Parameter


@behaviour("CPY-12", source=SOURCE, level="should", profile="namespace")
def test_copied_module_with_a_history(xp, check):
    """deepcopy of a module that holds a non-leaf tensor is refused."""
    m = xp.nn.Linear(1, 1)
    m.cache = m(xp.ones(1, 1))
    with check.raises("RuntimeError", "support the deepcopy protocol"):
        copy.deepcopy(m)


# -- containers


@behaviour("NNM-16", source=SOURCE, profile="namespace")
def test_sequential(xp):
    """A Sequential runs its modules in order, and is indexed, sliced, added to and shortened as a list."""
    nn = xp.nn
    m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert m(xp.ones(4, 2)).shape == (4, 1)
    assert len(m) == 3
    assert m[-1] is m[2]
    assert list(m[1:]) == [m[1], m[2]]
    m.append(nn.Tanh())
    del m[1]
    assert [n for n, _ in m.named_children()] == ["0", "1", "2"]
    assert len(m + m[:1]) == 4
    assert m.insert(0, nn.Identity())[0](7) == 7


@behaviour("NNM-17", source=SOURCE, profile="namespace")
def test_lists_and_dictionaries(xp):
    """Modules and parameters in a ModuleList, ModuleDict, ParameterList or ParameterDict are the owner's."""
    nn = xp.nn
    m = nn.Module()
    m.layers = nn.ModuleList([nn.Linear(1, 1) for _ in range(2)])
    m.named = nn.ModuleDict({"a": nn.Linear(1, 1, bias=False)})
    m.values = nn.ParameterList([xp.ones(1), nn.Parameter(xp.ones(2))])
    m.table = nn.ParameterDict({"b": xp.ones(1)})
    assert [n for n, _ in m.named_parameters()] == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "named.a.weight", "values.0", "values.1",
        "table.b",
    ]  # fmt: skip
    assert type(m.values[0]) is nn.Parameter
    assert "a" in m.named
    assert len(m.layers) == 2


PRINTED = """\
Sequential(
  (0): Linear(in_features=2, out_features=3, bias=True)
  (1): ReLU(inplace=True)
  (2): Sequential(
    (0): Dropout(p=0.5, inplace=False)
    (1): LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)
  )
  (3): ModuleList(
    (0-1): 2 x Tanh()
    (2): Embedding(4, 2, padding_idx=1)
  )
  (4): ModuleDict(
    (a): GELU(approximate='none')
  )
  (5): ParameterList(
      (0): Parameter containing: [torch.float32 of size 2x3]
      (1): Object of type: int
  )
  (6): ParameterDict(  (a): Parameter containing: [torch.FloatTensor of size 1])
)"""


@behaviour("NNM-18", source=SOURCE, level="should", profile="namespace")
def test_printed_module(xp, check):
    """A module prints its children, indented, each with what it was made with; equal neighbours in a list share a line."""
    nn = xp.nn
    m = nn.Sequential(
        nn.Linear(2, 3),
        nn.ReLU(inplace=True),
        nn.Sequential(nn.Dropout(), nn.LayerNorm(3)),
        nn.ModuleList([nn.Tanh(), nn.Tanh(), nn.Embedding(4, 2, padding_idx=1)]),
        nn.ModuleDict({"a": nn.GELU()}),
        nn.ParameterList([xp.ones(2, 3), 3]),
        nn.ParameterDict({"a": xp.ones(1)}),
    )
    check.text(repr(m), PRINTED)
    check.text(repr(nn.Sequential()), "Sequential()")
    check.text(repr(nn.MSELoss()), "MSELoss()")


# -- layers and losses


@behaviour("GRAPH-26", source=SOURCE, profile="namespace")
def test_what_leaves_its_input_alone(xp, check):
    """Dropout out of training and Identity give their input itself."""
    x = xp.tensor([1.0], requires_grad=True)
    y = xp.nn.functional.dropout(x, training=False)
    assert y is x
    check.none(y.grad_fn)
    assert xp.nn.Identity(1, a=2)(x) is x
    assert xp.nn.Dropout().eval()(x) is x


@behaviour("NNM-19", source=SOURCE, profile="namespace")
def test_dropout(xp, check):
    """Dropout in training zeroes some elements, scales the others, and passes the gradient to those alone."""
    x = xp.ones(1000, requires_grad=True)
    y = xp.nn.Dropout(0.25)(x)
    kept = check.array(y) != 0
    assert 650 < kept.sum() < 850
    y.sum().backward()
    check.close(y, kept / np.float32(0.75))
    check.equal(x.grad, check.array(y))
    with check.raises("ValueError", "dropout probability has to be between 0 and 1, but got 1.5"):
        xp.nn.Dropout(1.5)


@behaviour("NNM-20", source=SOURCE, profile="namespace")
def test_linear(xp, check):
    """Linear is x @ weight.T + bias, for any number of leading dimensions, and gives the parameters gradients."""
    m = xp.nn.Linear(3, 2)
    x = xp.arange(12.0).reshape(2, 2, 3)
    weight, bias = check.array(m.weight), check.array(m.bias)
    check.close(m(x), check.array(x) @ weight.T + bias, atol=1e-5, rtol=1e-5)
    m(x).sum().backward()
    check.close(m.weight.grad, [[18.0, 22.0, 26.0]] * 2)
    check.close(m.bias.grad, [4.0, 4.0])
    with check.raises("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (1x2 and 3x2)"):
        m(xp.ones(1, 2))


@behaviour("NNM-21", source=SOURCE, profile="namespace")
def test_embedding(xp, check):
    """Embedding looks rows up; a row used twice gets both gradients, the padding row is 0 and gets none."""
    m = xp.nn.Embedding(4, 2, padding_idx=-1)
    assert m.padding_idx == 3
    check.equal(m.weight[3], [0.0, 0.0])
    y = m(xp.tensor([[0, 1], [1, 3]]))
    assert y.shape == (2, 2, 2)
    y.sum().backward()
    check.equal(m.weight.grad, [[1.0, 1.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]])


@behaviour("NNM-22", source=SOURCE, profile="namespace")
def test_layer_norm(xp, check):
    """LayerNorm brings the last dimensions to mean 0 and variance 1, before a scale of 1 and a shift of 0 that learn."""
    m = xp.nn.LayerNorm(4)
    y = m(xp.tensor([[1.0, 2.0, 3.0, 4.0]]))
    check.close(y, [[-1.3416355, -0.44721183, 0.44721183, 1.3416355]])
    y.sum().backward()
    check.close(m.weight.grad, check.array(y)[0])
    check.equal(m.bias.grad, [1.0] * 4)


@behaviour("NNM-23", source=SOURCE, profile="namespace")
def test_in_place_activation(xp, check):
    """ReLU(inplace=True) writes into its input and gives it back, and the gradient is the same as without."""
    x = xp.tensor([-1.0, 2.0], requires_grad=True)
    h = x * 1
    y = xp.nn.ReLU(inplace=True)(h)
    assert y is h
    y.sum().backward()
    check.equal(x.grad, [0.0, 1.0])
    with check.raises("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation."):
        xp.nn.ReLU(inplace=True)(x)


@behaviour("NNM-24", source=SOURCE, profile="namespace")
def test_losses_hold_their_weights(xp, check):
    """A loss keeps its weight as a buffer, None included, and a reduction by its name."""
    weight = xp.tensor([1.0, 3.0])
    m = xp.nn.CrossEntropyLoss(weight=weight, reduction="sum")
    assert list(m.state_dict()) == ["weight"]
    assert list(xp.nn.NLLLoss().state_dict()) == []
    scores = xp.zeros(2, 2, requires_grad=True)
    m(scores, xp.tensor([0, 1])).backward()
    check.close(scores.grad, [[-0.5, 0.5], [1.5, -1.5]])
    with check.warns("UserWarning", "size_average and reduce args will be deprecated, please use reduction='sum' instead."):
        assert xp.nn.MSELoss(size_average=False).reduction == "sum"


# -- first values


@behaviour("NNM-25", source=SOURCE, level="should", profile="namespace")
def test_first_values_of_a_layer(xp, check):
    """After manual_seed(0) a Linear layer has PyTorch's weights, drawn before its biases."""
    xp.manual_seed(0)
    m = xp.nn.Linear(2, 2)
    check.close(m.weight, [[-0.00529398, 0.37932289], [-0.58198076, -0.52038747]])
    check.close(m.bias, [-0.27234524, 0.18961589])


@behaviour("NNM-26", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda init, t: init.uniform_(t, -2.0, 3.0), (-2.0, 3.0)),
        (lambda init, t: init.kaiming_uniform_(t, nonlinearity="relu"), (-(6 / 40) ** 0.5, (6 / 40) ** 0.5)),
        (lambda init, t: init.xavier_uniform_(t, gain=2.0), (-2 * (6 / 60) ** 0.5, 2 * (6 / 60) ** 0.5)),
        (lambda init, t: init.trunc_normal_(t, std=2.0, a=-1.0, b=1.0), (-1.0, 1.0)),
        (lambda init, t: init.constant_(t, 3.0), (3.0, 3.0)),
        (lambda init, t: init.zeros_(t), (0.0, 0.0)),
    ],
    ids=["uniform", "kaiming", "xavier", "trunc_normal", "constant", "zeros"],
)
def test_first_values(xp, check, fill, bound):
    """The functions of nn.init fill a tensor in place, within their bounds, without recording it, and give it back."""
    t = xp.empty(20, 40, requires_grad=True)
    assert fill(xp.nn.init, t) is t
    assert t.is_leaf
    array = check.array(t)
    assert bound[0] <= array.min() <= array.max() <= bound[1]
    assert array.max() - array.min() >= 0.9 * (bound[1] - bound[0])


@behaviour("NNM-27", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda xp, init: init.xavier_uniform_(xp.empty(3)), "fewer than 2 dimensions"),
        (lambda xp, init: init.eye_(xp.empty(3)), "Only tensors with 2 dimensions are supported"),
        (lambda xp, init: init.kaiming_normal_(xp.empty(3, 3), mode="both"), "Mode both not supported, please use one of"),
        (lambda xp, init: init.calculate_gain("bend"), "Unsupported nonlinearity bend"),
        (lambda xp, init: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    ],
)
def test_refused_first_values(xp, check, act, text):
    """nn.init refuses tensors and names that it cannot work with."""
    with check.raises("ValueError", text):
        act(xp, xp.nn.init)


# -- hooks


@behaviour("HOOK-68", source=SOURCE, profile="namespace")
def test_full_backward_hook(xp, check):
    """A full backward hook sees the gradients of the module's inputs and outputs, as tuples."""
    m, seen = xp.nn.Linear(1, 1, bias=False), []
    xp.nn.init.constant_(m.weight, 3.0)
    m.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((module, grad_input, grad_output)))
    m(xp.tensor([[2.0]], requires_grad=True)).sum().backward()
    ((module, (grad_input,), (grad_output,)),) = seen
    assert module is m
    check.equal(grad_input, [[3.0]])
    check.equal(grad_output, [[1.0]])
    check.equal(m.weight.grad, [[2.0]])


@behaviour("HOOK-69", source=SOURCE, profile="namespace")
def test_full_backward_hook_without_inputs(xp, check):
    """Where no input requires grad, a full backward hook sees None for it, and a warning says so."""
    m, seen = xp.nn.Linear(1, 1, bias=False), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_input))
    with check.warns("UserWarning", "Full backward hook is firing when gradients are computed with respect to module outputs"):
        m(xp.ones(1, 1)).sum().backward()
    assert seen == [(None,)]


@behaviour("NNM-28", source=SOURCE, profile="namespace")
def test_full_backward_hook_that_replaces(xp, check):
    """A full backward hook may replace the gradients of the inputs, a pre-hook those of the outputs."""
    x = xp.tensor([1.0], requires_grad=True)
    m = xp.nn.Linear(1, 1)
    handle = m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 0 + 7,))
    m.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    m(x).sum().backward()
    check.equal(x.grad, [7.0])
    check.equal(m.bias.grad, [2.0])
    handle.remove()
    x.grad = None
    m(x).sum().backward()
    check.close(x.grad, 2 * check.array(m.weight)[0])


@behaviour("NNM-29", source=SOURCE, level="should", profile="namespace")
def test_full_backward_hook_with_another_number(xp, check):
    """A full backward hook that gives another number of gradients is refused."""
    m = xp.nn.Linear(1, 1)
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with check.raises("RuntimeError", "Backward hook returned an invalid number of grad_input, got 2, but expected 1"):
        m(xp.ones(1, requires_grad=True)).sum().backward()


@behaviour("NNM-30", source=SOURCE, level="should", profile="namespace")
def test_in_place_behind_a_full_backward_hook(xp, check):
    """The result of a module with a full backward hook cannot be written to."""
    m = xp.nn.Linear(1, 1)
    m.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    y = m(xp.ones(1, requires_grad=True))
    with check.raises("RuntimeError", "Output 0 of BackwardHookFunction is a view and is being modified inplace."):
        y.add_(1)


@behaviour("NNM-31", source=SOURCE, profile="namespace")
def test_several_inputs_and_outputs(xp, check):
    """A full backward hook's tuples have a place for each argument and result: None for what is no tensor, zeros for a tensor that no gradient reached."""

    class Pair(xp.nn.Module):
        def forward(self, a, b, c):
            return a * c, b.detach(), "text"

    m, seen = Pair(), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    a, b = (xp.tensor([1.0], requires_grad=True) for _ in range(2))
    m(a, b, 3.0)[0].sum().backward()
    (((of_a, of_b, of_c), (of_first, of_second, of_text)),) = seen
    check.equal(of_a, [3.0])
    check.equal(of_b, [0.0])
    check.none(of_c)
    check.equal(of_first, [1.0])
    check.none(of_second)
    check.none(of_text)


@behaviour("NNM-32", source=SOURCE, profile="namespace")
def test_forward_hooks(xp, check):
    """Forward hooks run in order around forward: pre-hooks may replace the arguments, hooks the result; a removed one is gone."""
    m, seen = xp.nn.Identity(), []
    m.register_forward_pre_hook(lambda module, args: seen.append("pre") or (args[0] + 1,))
    m.register_forward_hook(lambda module, args, result: seen.append("after") or result * 10)
    first = m.register_forward_hook(lambda module, args, result: seen.append("first"), prepend=True)
    check.equal(m(xp.ones(1)), [20.0])
    assert seen == ["pre", "first", "after"]
    first.remove()
    m(xp.ones(1))
    assert seen[3:] == ["pre", "after"]


@behaviour("NNM-33", source=SOURCE, profile="namespace")
def test_forward_hooks_with_keywords(xp, check):
    """Forward hooks see and replace keyword arguments if they ask for them; one registered as always_call runs after an error too."""
    m = xp.nn.Linear(1, 1)
    seen = []
    m.register_forward_pre_hook(lambda module, args, kwargs: ((), {"input": kwargs["input"] * 0}), with_kwargs=True)
    m.register_forward_hook(lambda module, args, kwargs, result: seen.append(sorted(kwargs)), with_kwargs=True)
    check.equal(m(input=xp.ones(1)), check.array(m.bias))
    assert seen == [["input"]]
    m.register_forward_hook(lambda module, args, result: seen.append(result), always_call=True)
    with check.raises("RuntimeError", "shapes cannot be multiplied"):
        m(input=xp.ones(1, 5))
    assert seen == [["input"], None]


@behaviour("NNM-34", source=SOURCE, profile="namespace")
def test_hooks_for_all_modules(xp):
    """A hook registered for all modules runs for each until it is removed."""
    seen = []
    register = xp.nn.modules.module.register_module_forward_hook
    handle = register(lambda module, args, result: seen.append(type(module).__name__))
    try:
        xp.nn.Sequential(xp.nn.ReLU(), xp.nn.Tanh())(xp.ones(1))
    finally:
        handle.remove()
    xp.nn.ReLU()(xp.ones(1))
    assert seen == ["ReLU", "Tanh", "Sequential"]


# -- nn.utils


@behaviour("EX-06", source=SOURCE, profile="namespace")
def test_clip_grad_norm(xp, check):
    """clip_grad_norm_ scales gradients in place to the norm asked for, passes over those that are None, and gives the old norm."""
    a, b = xp.nn.Parameter(xp.ones(2)), xp.nn.Parameter(xp.ones(2))
    a.grad = held = xp.tensor([3.0, 4.0])
    check.close(xp.nn.utils.clip_grad_norm_([a, b], 1.0), 5.0)
    assert a.grad is held
    check.close(held, [0.6, 0.8])
    check.none(b.grad)
    check.close(xp.nn.utils.clip_grad_norm_([a, b], 10.0, norm_type=float("inf")), 0.8)
    check.close(held, [0.6, 0.8])


@behaviour("NNM-35", source=SOURCE, level="should", profile="namespace")
def test_clip_grad_norm_of_nan(xp, check):
    """clip_grad_norm_ refuses a nan norm if asked to, and scales by it if not."""
    p = xp.nn.Parameter(xp.ones(2))
    p.grad = xp.tensor([float("nan"), 1.0])
    with check.raises("RuntimeError", "The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        xp.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    xp.nn.utils.clip_grad_norm_(p, 1.0)
    assert np.isnan(check.array(p.grad)).all()


@behaviour("NNM-36", source=SOURCE, profile="namespace")
def test_clip_grad_value(xp, check):
    """clip_grad_value_ brings each element of a gradient between the bounds, in place."""
    p = xp.nn.Parameter(xp.ones(3))
    p.grad = xp.tensor([-3.0, 0.5, 4.0])
    xp.nn.utils.clip_grad_value_([p], 1.0)
    check.equal(p.grad, [-1.0, 0.5, 1.0])


@behaviour("NNM-37", source=SOURCE, profile="namespace")
def test_parameters_as_a_vector(xp, check):
    """parameters_to_vector joins parameters differentiably; vector_to_parameters gives them the vector's values."""
    utils, p, q = xp.nn.utils, xp.nn.Parameter(xp.tensor([[1.0, 2.0]])), xp.nn.Parameter(xp.tensor(3.0))
    vector = utils.parameters_to_vector([p, q])
    check.equal(vector, [1.0, 2.0, 3.0])
    (vector * xp.tensor([1.0, 10.0, 100.0])).sum().backward()
    check.equal(p.grad, [[1.0, 10.0]])
    check.equal(q.grad, 100.0)
    utils.vector_to_parameters(xp.tensor([4.0, 5.0, 6.0]), [p, q])
    check.equal(p, [[4.0, 5.0]])
    check.equal(q, 6.0)
    assert p.is_leaf
