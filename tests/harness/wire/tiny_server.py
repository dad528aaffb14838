"""A backend on the wire in plain Python: no refgrad, no NumPy; wrong on purpose where it is given the name of a fault."""

import json
import math
import os
import sys
import time

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
DTYPE = "float64" if FAULT == "double" else "float32"  # that no float32 is there is no fault
OPS = {  # name -> the value of an element, and the derivative by each input
    "add": (lambda x, y: x + y, (lambda x, y: 1.0, lambda x, y: 1.0)),
    "exp": (math.exp, (math.exp,)),
    "mul": (lambda x, y: x * y, (lambda x, y: y, lambda x, y: x)),
}


class Tensor:
    """A flat list, its shape, and what it was made of: each input with its derivatives."""

    def __init__(self, flat, shape, inputs=(), leaf=False):
        self.flat, self.shape, self.inputs, self.leaf, self.grad = flat, shape, inputs, leaf, None


def flatten(data):
    return [x for row in data for x in flatten(row)] if isinstance(data, list) else [data]


def nest(flat, shape):
    if not shape:
        return flat[0]
    size = len(flat) // shape[0] if shape[0] else 0
    return [nest(flat[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]


def written(x):
    return x if math.isfinite(x) else {"no_nan": None}.get(FAULT, repr(x))


class Tiny:
    def __init__(self):
        self.handles, self.made, self.recording = {}, 0, [True]

    def keep(self, tensor):
        self.made += 1
        self.handles[self.made] = tensor
        return {"handle": self.made}

    def read(self, value):
        if "handle" in value:
            return self.handles[value["handle"]]
        if value["dtype"] != DTYPE:
            raise TypeError(f"this library has no {value['dtype']}")
        if FAULT == "shaped" and 0 in (len(value["shape"]), *value["shape"]):  # nor is that one
            raise NotImplementedError("a tensor without dimensions or elements")
        return Tensor([float(x) for x in flatten(value["data"])], value["shape"])

    def hello(self, protocol):
        if FAULT == "chatty":
            print("welcome to tiny", flush=True)
        methods = ["asarray", "to_numpy", "leaf", "backward", "grad_of", "no_grad"]
        if FAULT == "no_gradients":
            methods = methods[:2]
        return {"protocol": {"old": 0}.get(FAULT, protocol), "name": "tiny", "version": "1.0",
                "homepage": "https://example.org/tiny", "methods": methods, "ops": list(OPS)}  # fmt: skip

    def asarray(self, value):
        return self.keep(self.read(value))

    def leaf(self, value, requires_grad=True):
        tensor = self.read(value)
        return self.keep(Tensor(tensor.flat, tensor.shape, leaf=requires_grad))

    def to_numpy(self, value):
        tensor = self.read(value)
        dtype = {"wide": "float64"}.get(FAULT, DTYPE)
        return {"dtype": dtype, "shape": tensor.shape, "data": nest([written(x) for x in tensor.flat], tensor.shape)}

    def op(self, name, *values):
        if name not in OPS:
            if FAULT == "dies":
                os._exit(3)
            raise NotImplementedError(name)
        function, derivatives = OPS[name]
        inputs = [self.read(value) for value in values]
        columns = list(zip(*(each.flat for each in inputs)))
        made = [(each, [rule(*xs) for xs in columns]) for each, rule in zip(inputs, derivatives)]
        return self.keep(Tensor([function(*xs) for xs in columns], inputs[0].shape, made if self.recording[-1] else ()))

    def backward(self, value, gradient=None):
        tensor = self.read(value)
        self.push(tensor, self.read(gradient).flat if gradient else [1.0] * len(tensor.flat))

    def push(self, tensor, grad):
        if tensor.leaf:
            tensor.grad = [a + b for a, b in zip(tensor.grad or [0.0] * len(grad), grad)]
        for each, slopes in tensor.inputs:
            self.push(each, [g * slope for g, slope in zip(grad, slopes)])

    def grad_of(self, value):
        tensor = self.read(value)
        return None if tensor.grad is None else self.keep(Tensor(tensor.grad, tensor.shape))

    def enter(self, mode):
        self.recording.append(False)

    def exit(self, mode):
        self.recording.pop()


def reply(tiny, text):
    request = {}
    try:
        request = json.loads(text)
        for number in request.get("release", []):
            tiny.handles.pop(number, None) if FAULT != "keeps" else None
        method = {"hello", "op", "enter", "exit", "asarray", "to_numpy", "leaf", "backward", "grad_of"} & {
            request["method"]
        }
        if not method:
            raise NotImplementedError(request["method"])
        result = getattr(tiny, method.pop())(*request["args"], **request.get("kwargs", {}))
        return {"id": request["id"] + (FAULT == "misnumbers"), "result": result}
    except Exception as error:
        if FAULT == "stops" and not request:
            sys.exit(1)
        id = request["id"] if isinstance(request, dict) and "id" in request else None
        return {"id": id, "error": {"class": type(error).__name__, "message": str(error)}}


def misbehave():
    if FAULT == "exits":
        sys.exit("no licence found")
    if FAULT == "hangs":
        time.sleep(60)
    while FAULT == "babbles":
        print("spam " * 1000)
    while FAULT == "one_long_line":
        sys.stdout.write("spam " * 1000)


def main():
    tiny = Tiny()
    misbehave()
    for text in sys.stdin:
        print(json.dumps(reply(tiny, text)), flush=True)
    if FAULT == "lingers":
        time.sleep(60)


main()
