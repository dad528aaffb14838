"""How PyTorch's calls reach the kernels: one function for every op, in its plain, in-place and ``out=`` forms."""

import numpy as np
import torch

from refgrad_privateuse1_example import memory
from refgrad_privateuse1_example.kernels import BINARY, KERNELS

everything = torch.library.Library("_", "IMPL")


def register():
    """Call ``run`` for what has no kernel of its own for the device."""
    everything.fallback(run, "PrivateUse1")


def run(op, *args, **kwargs):
    """Run ``op`` by the kernel of its name; where there is none, say so and name it."""
    name = op._schema.name.removeprefix("aten::").removesuffix("_")
    if name not in KERNELS:
        raise NotImplementedError(f"the device {memory.NAME!r} has no kernel for {op.name()}")
    targets, kwargs = written_to(op._schema, args, kwargs)
    dtype = memory.numpy_dtype(torch.result_type(*args[-2:])) if name in BINARY else None
    with np.errstate(all="ignore"):  # nan and inf are answers
        results = KERNELS[name](
            *(plain(each, dtype) for each in args), **{key: plain(each, dtype) for key, each in kwargs.items()}
        )
    return write(targets, results) if targets else wrapped(results)


def written_to(schema, args, kwargs):
    """The tensors that a call writes to, and its keywords without those that are there for nothing else."""
    slots = [i for i, each in enumerate(schema.arguments) if each.alias_info is not None and each.alias_info.is_write]
    outs = [schema.arguments[i].name for i in slots if schema.arguments[i].name in kwargs]
    rest = {key: value for key, value in kwargs.items() if key not in outs}
    return [kwargs[name] for name in outs] or [args[i] for i in slots if i < len(args)], rest


def plain(value, dtype):
    """Tensors as arrays, of ``dtype`` where operands have to agree, and PyTorch's types as NumPy's."""
    if isinstance(value, torch.Tensor):
        array = memory.values(value)
        return array if dtype is None else array.astype(dtype, copy=False)
    if isinstance(value, torch.dtype):
        return memory.numpy_dtype(value)
    return [plain(each, dtype) for each in value] if isinstance(value, list | tuple) else value


def wrapped(results):
    """Arrays as new tensors of the device; Python's own numbers as they are."""
    if isinstance(results, list | tuple):
        return tuple(map(wrapped, results))
    if not isinstance(results, np.ndarray | np.generic):
        return results
    return memory.tensor(np.require(results, requirements=("C_CONTIGUOUS", "OWNDATA", "WRITEABLE")))


def write(targets, results):
    """Write the results to where the caller wants them."""
    results = results if isinstance(results, list | tuple) else [results]
    for target, result in zip(targets, results, strict=True):
        if target.shape != np.shape(result):
            target.resize_(np.shape(result))
        np.copyto(memory.array(target), result, casting="unsafe")
    return targets[0] if len(targets) == 1 else tuple(targets)
