"""The protocol on standard input and output, to be written again in the language of your library; it needs no refgrad."""

import itertools
import json
import operator
import sys

import numpy as np
import toy as mylib  # your library's place

handles = {}  # the tensors that refgrad knows, by number
numbers = itertools.count(1)


def keep(tensor):
    number = next(numbers)
    handles[number] = tensor
    return {"handle": number}


def read(value, requires_grad=False):
    """A handle, an array, or a number."""
    if not isinstance(value, dict):
        return value
    if "handle" in value:
        return handles[value["handle"]]
    if value["dtype"] not in ("float32", "float64"):
        raise NotImplementedError(f"numbers other than floats: {value['dtype']}")
    return mylib.tensor(np.array(value["data"], value["dtype"]).reshape(value["shape"]), requires_grad)


def hello(protocol):
    methods = ["asarray", "to_numpy", "leaf", "backward", "grad_of"]
    return {"protocol": protocol, "name": "mylib", "version": mylib.__version__, "homepage": "https://example.org/mylib",
            "methods": methods, "ops": list(OPS)}  # fmt: skip


def asarray(value):
    return keep(read(value))


def to_numpy(value):
    array = read(value).numpy()
    data = [x if np.isfinite(x) else str(x) for x in array.ravel().tolist()]  # JSON has no nan and no inf
    nested = np.array(data, object).reshape(array.shape).tolist()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": nested}


def op(name, *inputs, **options):
    if name not in OPS or options:
        raise NotImplementedError(f"{name}({', '.join(options)})")
    return keep(OPS[name](*map(read, inputs)))


def leaf(value, requires_grad=True):
    return keep(read(value, requires_grad))


def backward(value, gradient=None):
    read(value).backward(read(gradient))


def grad_of(value):
    grad = read(value).grad
    return None if grad is None else keep(grad)


OPS = {"add": operator.add, "div": operator.truediv, "exp": mylib.exp, "matmul": operator.matmul, "mul": operator.mul,
       "neg": operator.neg, "pow": operator.pow, "sub": operator.sub, "sum": mylib.sum}  # fmt: skip
METHODS = {each.__name__: each for each in (hello, asarray, to_numpy, op, leaf, backward, grad_of)}


def answer(line):
    id = None
    try:
        request = json.loads(line)
        id = request["id"]
        for number in request.get("release", []):
            del handles[number]
        if request["method"] not in METHODS:
            raise NotImplementedError(request["method"])
        return {"id": id, "result": METHODS[request["method"]](*request["args"], **request.get("kwargs", {}))}
    except Exception as error:
        return {"id": id, "error": {"class": type(error).__name__, "message": str(error)}}


for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
