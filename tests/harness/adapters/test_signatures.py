"""PyTorch's signatures of the canonical ops."""

import pytest

from refgrad.harness.adapters.signatures import SIGNATURES, split_arguments

A, B, C = object(), object(), object()
CALLS = [
    ("sum", (A,), {}, [A], {}),
    ("sum", (A, 1), {}, [A], {"dim": 1}),
    ("sum", (A,), {"dim": 1, "keepdim": True}, [A], {"dim": 1, "keepdim": True}),
    ("reshape", (A, 2, 3), {}, [A], {"shape": (2, 3)}),
    ("reshape", (A, (2, 3)), {}, [A], {"shape": (2, 3)}),
    ("reshape", (A, -1), {}, [A], {"shape": (-1,)}),
    ("where", (A, B, C), {}, [A, B, C], {}),
    ("mul", (A,), {"other": B}, [A, B], {}),
    ("transpose", (A, 0, 1), {}, [A], {"dim0": 0, "dim1": 1}),
    ("nn.functional.cross_entropy", (A, B, C), {"label_smoothing": 0.1}, [A, B, C], {"label_smoothing": 0.1}),
    ("cat", ([A, B], 1), {}, [[A, B]], {"dim": 1}),
    ("an_op_of_its_own", (A, B, 3), {"k": 1}, [A, B, 3], {"k": 1}),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "tensors", "parameters"), CALLS)
def test_split_arguments(name, args, kwargs, tensors, parameters):
    """Tensors come out in order, parameters by name, and nothing that the caller did not give."""
    assert split_arguments(name, args, kwargs) == (tensors, parameters)


@pytest.mark.parametrize(("args", "kwargs"), [((A, 1, True, None, 5), {}), ((A,), {"axis": 1}), ((A, 1), {"dim": 1})])
def test_wrong_call(args, kwargs):
    """A call that PyTorch would refuse is a TypeError."""
    with pytest.raises(TypeError, match=r"sum\(\) takes"):
        split_arguments("sum", args, kwargs)


def test_names_are_torchs():
    """Every canonical name is a function of PyTorch's, or a method."""
    torch = pytest.importorskip("torch")
    known = lambda name: hasattr(torch, name) or hasattr(torch.Tensor, name)  # noqa: E731
    plain = [name for name in SIGNATURES if "." not in name and name != "getitem"]
    assert [name for name in plain if not known(name)] == []
