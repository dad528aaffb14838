"""MyGrad as a backend: a tape that ``backward`` clears; no ``retain_graph``, no derivatives of derivatives."""

import operator

import mygrad as mg
import numpy as np
from mygrad import nnet

from refgrad.errors import Unsupported
from refgrad.harness.adapters import TapeBackend
from refgrad.harness.program.idioms import numpy_spelling
from refgrad.harness.program.source import Idiom

IN_PLACE = (mg.cos, mg.exp, mg.log, mg.sin, mg.sqrt, mg.square, mg.tan, mg.tanh)


def constant_only(name):
    """MyGrad refuses these to any tensor that could have a gradient: it does not take a derivative of zero for one."""

    def op(*inputs):
        if any(isinstance(each, mg.Tensor) and not each.constant for each in inputs):
            raise Unsupported(name, "MyGrad allows it on constants only")
        return getattr(np, name)(*inputs)

    return op


SPELLED_OTHERWISE = {
    **{name: constant_only(name) for name in ("ceil", "floor", "fmod", "remainder", "sign", "trunc")},
    "clone": mg.positive,  # a recorded copy; Tensor.copy() leaves the graph
    "log_softmax": lambda input, dim: nnet.logsoftmax(input, axis=dim),
    "norm": lambda input, *, dim=None, keepdim=False: mg.linalg.norm(input, axis=dim, keepdims=keepdim),
    "relu": nnet.relu,
    "sigmoid": nnet.sigmoid,
    "softmax": lambda input, dim: nnet.softmax(input, axis=dim),
    "where": lambda condition, input, other: mg.where(mg.asarray(condition), input, other),  # a tensor sends it round
    "to": lambda input, dtype: input.astype(dtype),
}


IDIOM = Idiom(
    ("import mygrad as mg",),
    "mg",
    'mg.tensor({values}, dtype="{dtype}", constant={constant})',
    numpy_spelling(
        "mg",
        {
            "clone": "mg.positive({0})",
            "log_softmax": "mg.nnet.logsoftmax({0}, axis={dim})",
            "relu": "mg.nnet.relu({0})",
            "sigmoid": "mg.nnet.sigmoid({0})",
            "softmax": "mg.nnet.softmax({0}, axis={dim})",
            "detach": "mg.astensor({0}, constant=True)",
            **{f"{op.__name__}_": f"mg.{op.__name__}({{0}}, out={{0}})" for op in IN_PLACE},
        },
    ),
)


class MyGrad(TapeBackend):
    name, version, homepage = "mygrad", mg.__version__, "https://mygrad.readthedocs.io"
    array_module = mg
    exceptions = SPELLED_OTHERWISE
    idiom = IDIOM

    def asarray(self, array):
        return self.leaf(array, requires_grad=False)

    def to_numpy(self, value):
        return np.array(mg.asarray(value))

    def leaf(self, array, requires_grad=True):
        if np.iscomplexobj(array):
            raise Unsupported("complex numbers", "MyGrad has none")
        return mg.tensor(array, constant=not requires_grad)

    def backward(self, tensor, gradient=None):
        tensor.backward(gradient)

    def grad_of(self, tensor):
        return tensor.grad

    def set_grad_of(self, tensor, grad):
        if grad is not None:
            raise Unsupported("setting .grad", "MyGrad's grad can only be nulled")
        tensor.null_grad()

    def requires_grad(self, tensor):
        return isinstance(tensor, mg.Tensor) and not tensor.constant  # gradients and comparisons are plain arrays

    def is_leaf(self, tensor):
        return not self.requires_grad(tensor) or tensor.creator is None

    def detach(self, tensor):
        return mg.astensor(tensor, constant=True)

    def retain_grad(self, tensor):
        """Every tensor of the graph keeps its gradient."""

    def no_grad(self):
        return mg.no_autodiff

    def inplace(self):
        return {
            **{f"{op.__name__}_": lambda tensor, op=op: op(tensor, out=tensor) for op in IN_PLACE},
            "__setitem__": operator.setitem,
            "add_": operator.iadd,
            "copy_": lambda tensor, value: operator.setitem(tensor, ..., value),
            "div_": operator.itruediv,
            "fill_": lambda tensor, value: operator.setitem(tensor, ..., value),
            "mul_": operator.imul,
            "neg_": lambda tensor: mg.negative(tensor, out=tensor),
            "pow_": operator.ipow,
            "sub_": operator.isub,
            "zero_": lambda tensor: operator.setitem(tensor, ..., 0),
        }
