"""``xp`` over a tape that is not PyTorch's: torch's words reach the library's own calls, and nothing is emulated."""

import contextlib
from collections import namedtuple

import numpy as np
import pytest

from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness import adapters
from refgrad.harness.adapters.facade import Facade


class Value:
    """A library's tensor: an array, and the calls that made it."""

    def __init__(self, data, calls=()):
        self.data, self.calls = np.asarray(data), tuple(calls)
        self.shape, self.dtype = self.data.shape, self.data.dtype

    def __pow__(self, other):
        return Value(self.data**other, [*self.calls, "**"])

    def __getitem__(self, index):
        return Value(self.data[index], [*self.calls, "[]"])

    def __eq__(self, other):
        return Value(self.data == other, [*self.calls, "=="])

    __hash__ = None


def called(name, function):
    return lambda *values, **kwargs: Value(
        function(*(each.data for each in values), **kwargs), [*values[0].calls, name]
    )


class Tape:
    """A backend that notes what it is asked."""

    name, version, homepage = "noted", "1", ""

    def __init__(self):
        self.asked, self.recording = [], True

    def asarray(self, array):
        return Value(array)

    def to_numpy(self, value):
        return np.array(value.data if isinstance(value, Value) else value)

    def ops(self):
        def total(input, dim=None):
            return Value(input.data.sum(axis=dim), [*input.calls, "sum"])

        def missing(input):
            raise NotImplementedError("not written yet")

        return {
            "pow": called("pow", np.power), "mul": called("mul", np.multiply), "sum": total,
            "reshape": lambda input, shape: Value(input.data.reshape(shape), [*input.calls, f"reshape{shape}"]),
            "cos": missing, "maximum": called("maximum", np.maximum), "max": called("max", np.max),
            "split": lambda input, split_size_or_sections: tuple(map(Value, input.data)),
            "relu": called("relu", lambda x: np.maximum(x, 0)),
            "cat": lambda tensors: Value(np.concatenate([t.data for t in tensors])),
        }  # fmt: skip

    def leaf(self, array, requires_grad=True):
        return Value(array, ["leaf"] if requires_grad else [])

    def backward(self, tensor, gradient=None, *, retain_graph=None):
        self.asked.append(("backward", tensor, gradient, retain_graph))

    def grad_of(self, tensor):
        return Value(np.ones(tensor.shape)) if self.asked else None

    def zero_grad_of(self, tensor):
        self.asked.append(("zero", tensor))

    @contextlib.contextmanager
    def no_grad(self):
        self.recording = False
        try:
            yield
        finally:
            self.recording = True

    def inplace(self):
        def add_(tensor, other):
            tensor.data = tensor.data + (other.data if isinstance(other, Value) else other)

        return {"add_": add_, "__setitem__": lambda tensor, index, value: tensor.data.__setitem__(index, value)}


class Functional:
    name, version, homepage = "pure", "1", ""
    asarray, to_numpy, ops = Tape.asarray, Tape.to_numpy, Tape.ops

    def vjp(self, fn, primals, cotangent):
        return fn(*primals), primals


@pytest.fixture
def backend():
    """A tape that notes what it is asked."""
    return Tape()


@pytest.fixture
def xp(backend):
    """Its facade."""
    return adapters.facade(backend)


@pytest.fixture
def x(xp):
    """A leaf."""
    return xp.tensor([1.0, 2.0], requires_grad=True)


def test_functional_backend_has_no_facade():
    """A functional backend's facade is not applicable: it has no tensors that remember."""
    with pytest.raises(NotApplicable, match="pure has no tape"):
        adapters.facade(Functional())


def test_namespace_is_its_own_facade():
    """The facade of a backend that speaks torch is its module itself."""
    torch = pytest.importorskip("torch")
    assert adapters.facade(adapters.NamespaceBackend(torch)) is torch


def test_operator_is_the_librarys_own(x, xp):
    """``x ** 2`` runs the library's operator, ``xp.pow`` and ``x.pow`` run its op."""
    assert (x**2).raw.calls == ("leaf", "**")
    assert xp.pow(x, xp.tensor(2.0)).raw.calls == ("leaf", "pow")
    assert x.pow(xp.tensor(2.0)).raw.calls == ("leaf", "pow")


def test_operator_falls_back_to_the_op(x):
    """An operator that the library's tensors lack runs the op of that name."""
    assert (x * x).raw.calls == ("leaf", "mul")


def test_equality_of_every_object_does_not_count(x):
    """``==`` is the library's where it defines one."""
    assert (x == 1.0).raw.calls == ("leaf", "==")


@pytest.mark.parametrize(
    "call", [lambda xp, x: x.reshape(2, 1), lambda xp, x: x.reshape((2, 1)), lambda xp, x: xp.reshape(x, (2, 1))]
)
def test_sizes(xp, x, call):
    """Sizes may be spelled out or given as a tuple; the op gets a tuple."""
    assert call(xp, x).raw.calls == ("leaf", "reshape(2, 1)")


def test_synonyms_and_rooms(xp, x):
    """PyTorch's synonyms and its rooms lead to the same op."""
    assert xp.nn.functional.relu(x).raw.calls == ("leaf", "relu")
    assert xp.concat([x, x]).shape == (4,)


def test_max_of_two_is_maximum(xp, x):
    """``max`` of two tensors is ``maximum``."""
    assert xp.max(x, x).raw.calls == ("leaf", "maximum")
    assert x.max().raw.calls == ("leaf", "max")


def test_tuples_stay_tuples(x):
    """An op that returns several tensors returns a tuple of tensors."""
    first, second = x.split(1)
    assert (first.item(), second.item()) == (1.0, 2.0)


def test_named_tuples(xp, x):
    """A named tuple of tensors is one of the library's own values, and back."""
    pair = namedtuple("ValuesIndices", "values indices")(x.raw, (x**2).raw)
    back = xp.unwrap(xp.wrap(pair))
    assert back.values is pair.values
    assert back.indices is pair.indices


UNSUPPORTED = {
    "no such function": (lambda xp, x: xp.erfinv(x), "erfinv"),
    "no such method": (lambda xp, x: x.lerp(x, 1), "lerp"),
    "no such room's function": (lambda xp, x: xp.linalg.det(x), "linalg.det"),
    "no such operator": (lambda xp, x: x @ x, "matmul"),
    "no such reflected operator": (lambda xp, x: 2.0 - x, "sub"),
    "parameter that the op lacks": (lambda xp, x: x.sum(dim=0, keepdim=True), "sum(dim, keepdim)"),
    "parameter of an operator": (lambda xp, x: xp.sub(x, x, alpha=2), "sub(alpha)"),
    "not implemented": (lambda xp, x: xp.cos(x), "cos"),
    "in-place op": (lambda xp, x: x.mul_(2), "mul_"),
    "in-place operator": (lambda xp, x: x.__imul__(2), "mul_"),
    "create_graph": (lambda xp, x: x.backward(create_graph=True), "create_graph"),
    "inputs": (lambda xp, x: x.backward(inputs=[x]), "inputs"),
    "autograd.grad": (lambda xp, x: xp.autograd.grad(x, x), "autograd.grad"),
    "setting grad": (lambda xp, x: setattr(x, "grad", None), "setting .grad"),
    "hooks": (lambda xp, x: x.register_hook(print), "register_hook"),
    "detach": (lambda xp, x: x.detach(), "detach"),
    "requires_grad": (lambda xp, x: x.requires_grad, "requires_grad"),
    "enable_grad": (lambda xp, x: xp.enable_grad(), "enable_grad"),
    "grad mode on a generator": (lambda xp, x: xp.no_grad()(generator), "a gradient mode on a generator"),
}


def generator():
    yield 1


@pytest.mark.parametrize(("use", "feature"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_unsupported(xp, x, use, feature):
    """What the backend lacks raises Unsupported with the feature's name."""
    with pytest.raises(Unsupported) as raised:
        use(xp, x)
    assert raised.value.feature == feature


def test_requires_grad_without_a_tape():
    """A functional backend cannot make a tensor that requires grad."""
    with pytest.raises(Unsupported):
        Facade(Functional()).tensor([1.0], requires_grad=True)


def test_backward(backend, xp, x):
    """``backward`` hands over the library's own values, and flags only where they were given."""
    check = xp.tensor([1.0, 1.0])
    x.backward(check, retain_graph=True)
    x.backward()
    assert [each[1] is x.raw for each in backend.asked] == [True, True]
    assert backend.asked[0][2] is check.raw
    assert backend.asked[0][3] is True
    assert backend.asked[1][2:] == (None, None)


def test_grad(backend, x):
    """``.grad`` is None until the backend has one, and zeroing it reaches the backend."""
    assert x.grad is None
    x.backward()
    assert x.grad.shape == (2,)
    x.grad.zero_()
    assert backend.asked[-1][0] == "zero"
    assert backend.asked[-1][1] is x.raw


def test_no_grad(backend, xp):
    """``no_grad`` is a context, a decorator, and a decorator without brackets; it ends with an error too."""
    modes = []
    xp.no_grad()(lambda: modes.append(backend.recording))()
    xp.no_grad(lambda: modes.append(backend.recording))()
    with contextlib.suppress(ValueError), xp.no_grad():
        modes.append(backend.recording)
        raise ValueError
    assert modes == [False, False, False]
    assert backend.recording


def test_inplace(x):
    """An in-place op changes the same tensor, and ``+=`` is one."""
    before = x
    x += 1.0
    x[0] = 9.0
    assert x is before
    assert x.tolist() == [9.0, 3.0]


def test_default_dtypes(xp):
    """Python's numbers take PyTorch's default dtypes, NumPy's keep theirs."""
    assert xp.tensor([1.0]).dtype == xp.float32
    assert xp.tensor(1).dtype == xp.int64
    assert xp.tensor(True).dtype == xp.bool
    assert xp.tensor(np.ones(2)).dtype == xp.float64
    assert xp.zeros(2, 3).dtype == xp.float32
    assert xp.arange(3).dtype == xp.int64
    assert xp.full((2,), 1.5).dtype == xp.float32


def test_arrays_become_the_librarys(x):
    """An ndarray beside a tensor is handed over as the library's own."""
    assert (np.array([2.0, 3.0]) * x).tolist() == [2.0, 6.0]


def test_index_may_be_a_tensor(xp, x):
    """A tensor in an index is handed over as an ndarray."""
    assert x[xp.tensor([1, 1])].tolist() == [2.0, 2.0]


def test_index_of_an_adapter(backend, monkeypatch):
    """An adapter that gives getitem knows what the library takes for an index: it is asked, not the operator."""
    ops = backend.ops() | {"getitem": lambda input, index: Value(input.data[index], ["getitem"])}
    monkeypatch.setattr(backend, "ops", lambda: ops)
    x = Facade(backend).tensor([1.0, 2.0])
    assert (x[1].raw.calls, x[1].item()) == (("getitem",), 2.0)


def test_protocols(x):
    """A tensor has a length, is iterable, and converts to Python and NumPy."""
    assert len(x) == 2
    assert [float(each) for each in x] == [1.0, 2.0]
    assert np.asarray(x).tolist() == [1.0, 2.0]
    assert (x.ndim, x.size(), x.numel()) == (1, (2,), 2)


def test_to_numpy(backend, x):
    """A facade's tensor and the library's own both become ndarrays."""
    assert adapters.to_numpy(backend, x).tolist() == adapters.to_numpy(backend, x.raw).tolist() == [1.0, 2.0]
