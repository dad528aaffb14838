"""torch.nn.Module and its containers: what they hold, by name, and what reaches everything below."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


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


# -- what a module holds


@behaviour("NNM-02", source=SOURCE, profile="namespace")
def test_names(xp):
    """Parameters, buffers and modules are listed by path, in order of assignment, own ones first, shared ones once."""
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
        (lambda xp, m: setattr(m, "scale", xp.ones(1)), "TypeError", "as parameter 'scale' (torch.nn.Parameter or"),
        (lambda xp, m: setattr(m, "first", 3), "TypeError", "as child module 'first' (torch.nn.Module or"),
        (lambda xp, m: setattr(m, "count", 3), "TypeError", "as buffer 'count' (torch.nn.Buffer, torch.Tensor or"),
        (lambda xp, m: m.register_parameter("a", xp.ones(1)), "TypeError", "object to parameter 'a' (torch.nn"),
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
        (lambda xp, m: xp.nn.Module()(1), "NotImplementedError", 'is missing the required "forward" function'),
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
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "named.a.weight", "values.0",
        "values.1", "table.b",
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
    """A module prints its children, indented, with what they were made with; equal neighbours in a list share one."""
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
