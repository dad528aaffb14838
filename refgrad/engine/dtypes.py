"""Data types and PyTorch's promotion between them, by table."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

try:  # NumPy has no bfloat16 of its own
    from ml_dtypes import bfloat16 as _bfloat16
except ImportError:  # pragma: no cover - depends on what is installed
    _bfloat16 = None

BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)


class dtype:
    """A PyTorch data type: its name, the NumPy type that stores it and its place in promotion."""

    __slots__ = ("category", "itemsize", "name", "numpy", "tensor_type")

    def __init__(self, name: str, numpy: Any, category: int, tensor_type: str) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.category = category
        self.itemsize = self.numpy.itemsize
        self.tensor_type = tensor_type

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return "bool_" if self is bool_ else self.name  # a dtype is a singleton: pickle and copy find it by name

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOATING

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def is_signed(self) -> bool:
        return self.category != BOOL and self.numpy.kind != "u"

    def to_real(self) -> dtype:
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type of as much precision; half floats, which have none here, get ``complex64``.

        Errors: RuntimeError for integers.
        """
        if self.category < FLOATING:
            raise RuntimeError(f"Unknown Complex ScalarType for {_SCALAR_TITLES[self.name]}")
        return complex128 if self in (float64, complex128) else complex64


bool_ = dtype("bool", np.bool_, BOOL, "BoolTensor")
uint8 = dtype("uint8", np.uint8, INTEGRAL, "ByteTensor")
int8 = dtype("int8", np.int8, INTEGRAL, "CharTensor")
int16 = dtype("int16", np.int16, INTEGRAL, "ShortTensor")
int32 = dtype("int32", np.int32, INTEGRAL, "IntTensor")
int64 = dtype("int64", np.int64, INTEGRAL, "LongTensor")
float16 = dtype("float16", np.float16, FLOATING, "HalfTensor")
float32 = dtype("float32", np.float32, FLOATING, "FloatTensor")
float64 = dtype("float64", np.float64, FLOATING, "DoubleTensor")
complex64 = dtype("complex64", np.complex64, COMPLEX, "ComplexFloatTensor")
complex128 = dtype("complex128", np.complex128, COMPLEX, "ComplexDoubleTensor")
bfloat16 = dtype("bfloat16", _bfloat16, FLOATING, "BFloat16Tensor") if _bfloat16 else None

ALL = tuple(
    t
    for t in (
        bool_,
        uint8,
        int8,
        int16,
        int32,
        int64,
        float16,
        bfloat16,
        float32,
        float64,
        complex64,
        complex128,
    )
    if t
)
_OF_NUMPY: dict[Any, dtype] = {t.numpy: t for t in ALL}
_SCALAR_TITLES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}
_SCALAR_TITLES |= {"float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double"}
_SCALAR_TITLES |= {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}
_default: dtype = float32


def of(numpy_dtype: Any) -> dtype:
    """The data type that a NumPy array of this type has.

    Errors: TypeError where PyTorch has no such type.
    """
    found = _OF_NUMPY.get(numpy_dtype) or _OF_NUMPY.get(np.dtype(numpy_dtype).newbyteorder("="))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{np.dtype(numpy_dtype).type.__name__}. The only supported types "
            f"are: "
            "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, "
            "uint8, and bool."
        )
    return found


def scalar_title(numpy_dtype: Any) -> str:
    """The name that error messages of casts use: ``Float``, ``Long`` ..."""
    return _SCALAR_TITLES[of(numpy_dtype).name]


# as C++ spells the types: in conversions, and in typeid
_C_TYPES = {
    "uint8": "uint8_t",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int",
    "int64": "int64_t",
    "bool": "bool",
}
_C_TYPES |= {"float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double"}
_C_TYPES |= {"complex64": "c10::complex<float>", "complex128": "c10::complex<double>"}
_C_TITLES = {"uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int64": "long int"}


def c_title(numpy_dtype: Any) -> str:
    """The C++ type's name as error messages of checked types have it: ``long int``."""
    name = of(numpy_dtype).name
    return _C_TITLES.get(name, _C_TYPES[name])


def element(value: Any, numpy_dtype: Any, *, plain: bool = False) -> Any:
    """A Python number in a type; negative ones wrap around in unsigned types.

    Errors: RuntimeError for what the type cannot hold; it names PyTorch's type if ``plain``, else the one of C++.
    """
    kind = numpy_dtype.kind
    if kind == "c":
        return numpy_dtype.type(value)
    if kind == "b":
        return numpy_dtype.type(bool(value))
    if isinstance(value, complex) or not _holds(value, numpy_dtype):
        name = of(numpy_dtype).name
        raise RuntimeError(f"value cannot be converted to type {name if plain else _C_TYPES[name]} without overflow")
    if kind in "iu":
        bits = 8 * numpy_dtype.itemsize
        return np.array(int(value) & (2**bits - 1), f"u{numpy_dtype.itemsize}").view(numpy_dtype)[()]
    with np.errstate(over="ignore"):
        return numpy_dtype.type(value)


def _holds(value: Any, numpy_dtype: Any) -> bool:
    if numpy_dtype.kind not in "iu":
        widest = float(np.finfo(np.float64 if numpy_dtype == np.float64 else np.float32).max)
        return abs(value) <= widest or not math.isfinite(value)
    limits = np.iinfo(numpy_dtype)
    lowest = limits.min or -int(limits.max)
    return math.isfinite(value) and lowest <= int(value) <= limits.max


def get_default_dtype() -> dtype:
    """The floating type that Python floats and factory functions get."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the floating type that Python floats and factory functions get."""
    global _default
    if not isinstance(d, dtype):
        raise TypeError("invalid dtype object: only floating-point types are supported as the default type")
    if d.category != FLOATING:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


_RANK = {t: i for i, t in enumerate(ALL)}


@functools.cache
def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type that holds both: PyTorch's table, which never widens a float for an integer."""
    low, high = sorted((type1, type2), key=lambda t: (t.category, _RANK[t]))
    if high.category == COMPLEX:
        return complex128 if low in (float64, complex128) or high is complex128 else complex64
    if low.category == high.category == INTEGRAL and uint8 in (low, high) and low is not high:
        return int16 if int8 in (low, high) else max(low, high, key=lambda t: t.itemsize)
    if {low, high} == {float16, bfloat16}:
        return float32
    return high


def of_scalar(value: Any) -> dtype:
    """The type that a Python number has in promotion."""
    if isinstance(value, np.generic):
        return of(value.dtype)
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    return _default.to_complex() if isinstance(value, complex) else _default


def result_type(values: Any) -> dtype:
    """The type of an operation on ``values``: arrays with dimensions outrank 0-d arrays, which outrank Python numbers.

    Source: https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
    """
    tiers: list[dtype | None] = [None, None, None]
    for value in values:
        if isinstance(value, (np.ndarray, np.generic)):
            tier, kind = (0 if value.ndim else 1), of(value.dtype)
        else:
            tier, kind = 2, of_scalar(value)
        held = tiers[tier]
        tiers[tier] = kind if held is None else promote_types(held, kind)
    return functools.reduce(_outrank, (t for t in tiers if t is not None))


def _outrank(higher: dtype, lower: dtype) -> dtype:
    """The higher tier decides, unless the lower one is of a wider category."""
    if lower.category <= higher.category:
        return higher
    if higher.category == FLOATING:
        return promote_types(higher.to_complex(), higher)
    return promote_types(higher, lower)


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of type ``from_`` may be written into a tensor of type ``to``."""
    return from_.category <= to.category


class finfo:
    """Limits of a floating type, as ``torch.finfo``."""

    def __init__(self, type: dtype | None = None) -> None:
        self._type = type or _default
        if self._type.category < FLOATING:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        limits = np.finfo(self._type.numpy) if self._type is not bfloat16 else __import__("ml_dtypes").finfo(_bfloat16)
        self.bits = int(limits.bits)
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = 10.0 ** -int(limits.precision)
        self.dtype = self._type.to_real().name

    def __repr__(self) -> str:
        fields = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return "finfo(" + ", ".join(f"{f}={getattr(self, f):g}" for f in fields) + f", dtype={self.dtype})"


class iinfo:
    """Limits of an integer type, as ``torch.iinfo``."""

    def __init__(self, type: dtype) -> None:
        if type.category != INTEGRAL:
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        limits = np.iinfo(type.numpy)
        self.bits, self.max, self.min, self.dtype = limits.bits, int(limits.max), int(limits.min), type.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
