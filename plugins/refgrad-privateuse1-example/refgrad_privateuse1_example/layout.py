"""How tensors lie in memory. Of these few PyTorch makes every view, and it keeps their versions and gradients itself."""

import numpy as np
import torch

from refgrad_privateuse1_example import memory

aten = torch.library.Library("aten", "IMPL")


def register():
    """Give the device its kernels for memory and views."""
    kernels = {"empty.memory_format": empty, "empty_strided": empty_strided, "_copy_from": copy_from}
    views = {"as_strided": as_strided, "_reshape_alias": as_strided, "view_as_real": real, "view_as_complex": complex}
    for name, kernel in {**kernels, **views, "resize_": resize_}.items():
        aten.impl(name, kernel, "PrivateUse1")
    for lazy in ("Conjugate", "Negative"):  # PyTorch resolves them by a copy, for which it would resolve them first
        aten.impl("_copy_from", torch.library.fallthrough_kernel, lazy)
    for name in ("view", "unfold"):
        aten.impl(name, view(getattr(torch.ops.aten, name)), "PrivateUse1")


def empty(size, *, dtype=None, **where):
    return memory.tensor(np.zeros(size, memory.numpy_dtype(dtype or torch.get_default_dtype())))


def empty_strided(size, stride, *, dtype=None, **where):
    kind = memory.numpy_dtype(dtype or torch.get_default_dtype())
    reach = 1 + sum((n - 1) * step for n, step in zip(size, stride)) if all(size) else 0
    return memory.tensor(
        np.ndarray(size, kind, np.zeros(reach, kind), strides=[step * kind.itemsize for step in stride])
    )


def copy_from(source, target, non_blocking=False):
    """Between devices and types, to a tensor that may be conjugated in name alone."""
    values = memory.values(source)
    np.copyto(memory.array(target), values.conj() if target.is_conj() else values, casting="unsafe")
    return target


def as_strided(input, size, stride, storage_offset=None):
    offset = input.storage_offset() if storage_offset is None else storage_offset
    return torch.ops.aten.alias(input).as_strided_(size, stride, offset)  # alias shares the storage


def real(input):
    return as_strided(input, (*input.shape, 1), (*input.stride(), 1)).view(input.dtype.to_real())


def complex(input):
    return input.view(input.dtype.to_complex()).squeeze(-1)


def view(op):
    """A view that PyTorch works out on a tensor without memory, refusals and all."""

    def kernel(input, *args):
        seen = op(torch.empty_strided(input.shape, input.stride(), dtype=input.dtype, device="meta"), *args)
        return as_strided(input, seen.shape, seen.stride(), input.storage_offset() + seen.storage_offset())

    return kernel


def resize_(input, size, *, memory_format=None):
    """For results: an ``out=`` that is too small gets memory of its own, and no longer shares that of its views."""
    wanted = torch.empty(size, dtype=input.dtype, device="meta")
    if wanted.nbytes <= input.untyped_storage().nbytes():
        return input.as_strided_(size, wanted.stride())
    input.data = empty(size, dtype=input.dtype)
    return input
