"""The memory of a device named ``npy``: arrays of NumPy as tensors, and tensors as arrays."""

import ctypes

import numpy as np
import torch
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "npy"
TYPES = "bool uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"
NUMPY_DTYPES = {getattr(torch, name): np.dtype(name) for name in TYPES.split()}

PRIVATEUSE1 = 12  # kDLExtDev, DLPack's word for it
DEVICE_TYPE = 8  # its place in a DLTensor, after the pointer to the data

pointer = ctypes.pythonapi.PyCapsule_GetPointer
pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


def register():
    """Give PyTorch's spare device its name, and the guards and hooks that a device has to have."""
    _setup_privateuseone_for_python_backend(NAME)


def tensor(array):
    """A tensor of the device over the memory of ``array``: what DLPack hands on, said to lie on the device."""
    capsule = array.__dlpack__()
    ctypes.c_int.from_address(pointer(capsule, b"dltensor") + DEVICE_TYPE).value = PRIVATEUSE1
    return torch.utils.dlpack.from_dlpack(capsule)


def array(tensor):
    """The memory of ``tensor``, which lies on the device or on the CPU, as an array that can be written to."""
    dtype, storage = numpy_dtype(tensor.dtype), tensor.untyped_storage()
    if not tensor.numel():
        return np.empty(tensor.shape, dtype)
    memory = (ctypes.c_byte * storage.nbytes()).from_address(storage.data_ptr())
    memory.owner = storage
    strides = [stride * dtype.itemsize for stride in tensor.stride()]
    return np.ndarray(tensor.shape, dtype, memory, tensor.storage_offset() * dtype.itemsize, strides)


def values(tensor):
    """As ``array``, to read only: without what is conjugated or negated in name alone."""
    found = array(tensor).conj() if tensor.is_conj() else array(tensor)
    return -found if tensor.is_neg() else found


def numpy_dtype(dtype):
    """NumPy's name of a type of PyTorch's."""
    if dtype not in NUMPY_DTYPES:
        raise NotImplementedError(f"the device {NAME!r} has no {dtype}")
    return NUMPY_DTYPES[dtype]
