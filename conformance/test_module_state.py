"""State dictionaries and copies of modules."""

import copy
import pickle

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


@behaviour("CPY-10", source=SOURCE, profile="namespace")
def test_state_dict(xp):
    """state_dict() holds what is persistent, detached, over the same memory; with keep_vars, the Parameters."""
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
    """load_state_dict() copies values into the parameters that are there, in their type, and says that all matched."""
    m, n = network(xp), network(xp)
    weight = n.first.weight
    result = n.load_state_dict(m.double().state_dict())
    check.text(str(result), "<All keys matched successfully>")
    assert n.first.weight is weight
    assert weight.dtype == xp.float32
    check.equal(weight, m.float().first.weight)


@behaviour("NNM-13", source=SOURCE, level="should", profile="namespace")
def test_keys_that_do_not_match(xp, check):
    """Strict loading refuses missing and unexpected keys and wrong sizes by name; lax loading refuses wrong sizes."""
    m = xp.nn.Linear(2, 1)
    state = {"weight": xp.zeros(1, 2), "extra": xp.zeros(1)}
    with check.raises(
        "RuntimeError", 'Missing key(s) in state_dict: "bias". \n\tUnexpected key(s) in state_dict: "extra"'
    ):
        m.load_state_dict(state)
    missing, unexpected = m.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["bias"], ["extra"])
    check.equal(m.weight, [[0.0, 0.0]])
    with check.raises(
        "RuntimeError", "size mismatch for weight: copying a param with shape torch.Size([3]) from checkpoint"
    ):
        m.load_state_dict({"weight": xp.zeros(3)}, strict=False)
    with check.raises("TypeError", "Expected state_dict to be dict-like"):
        m.load_state_dict([1])


@behaviour("NNM-14", source=SOURCE, profile="namespace")
def test_assigned_state(xp):
    """load_state_dict(assign=True) puts the given tensors, made Parameters, in the place of the old ones."""
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
