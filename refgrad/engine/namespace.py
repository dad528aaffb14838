"""PyTorch's top-level names, gathered: what ``refgrad`` shows of the engine."""

import math as _math
from types import FunctionType as _FunctionType
from types import ModuleType as _ModuleType

from refgrad.engine import dtypes as _dtypes
from refgrad.engine.anomaly import is_anomaly_check_nan_enabled, is_anomaly_enabled, set_anomaly_enabled
from refgrad.engine.creation import *
from refgrad.engine.creation import zeros_like as _zeros_like
from refgrad.engine.device import device, get_default_device, set_default_device
from refgrad.engine.dims import Size
from refgrad.engine.dtypes import (
    bfloat16,
    can_cast,
    complex64,
    complex128,
    dtype,
    finfo,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from refgrad.engine.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from refgrad.engine.inference import inference_mode, is_inference, is_inference_mode_enabled
from refgrad.engine.legacy import *
from refgrad.engine.low_rank import *
from refgrad.engine.memory_format import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    memory_format,
    preserve_format,
)
from refgrad.engine.modes import is_warn_always_enabled, set_warn_always
from refgrad.engine.numpy_names import taking_numpy_names as _taking_numpy_names
from refgrad.engine.ops import *  # type: ignore[assignment]
from refgrad.engine.ops.convolution import *
from refgrad.engine.ops.distance import cosine_similarity, pairwise_distance, pdist
from refgrad.engine.ops.linear_maps import bilinear
from refgrad.engine.ops.max_pooling import max_pool1d, max_pool2d, max_pool3d
from refgrad.engine.ops.native import *  # type: ignore[assignment]
from refgrad.engine.ops.padding import constant_pad_nd
from refgrad.engine.ops.pooling import adaptive_avg_pool1d, avg_pool1d
from refgrad.engine.ops.rectifiers import hardshrink, prelu, rrelu, threshold
from refgrad.engine.ops.shuffling import *
from refgrad.engine.printing import set_printoptions
from refgrad.engine.ranges import *
from refgrad.engine.sampling import *
from refgrad.engine.serialization import load, save
from refgrad.engine.settings import *
from refgrad.engine.tensor import _ALIASES, Tensor

bool = _dtypes.bool_
float, double, half, long, int, short = float32, float64, float16, int64, int32, int16
cfloat, cdouble = complex64, complex128
strided = "torch.strided"
inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None
zeros_like = _zeros_like  # the factory, not the one that rules use

globals().update({name: _taking_numpy_names(f) for name, f in list(globals().items()) if type(f) is _FunctionType})
globals().update({alias: globals()[name] for alias, name in _ALIASES.items() if name in globals()})


def result_type(tensor1: object, tensor2: object) -> dtype:
    """The type that an operation on the two would have."""
    return _dtypes.result_type([getattr(x, "_array", x) for x in (tensor1, tensor2)])


def numel(input: Tensor) -> object:
    """The number of elements."""
    return input.numel()


def detach(input: Tensor) -> Tensor:
    """The tensor's values, out of its graph."""
    return input.detach()


def is_same_size(input: Tensor, other: Tensor) -> object:
    """Whether the shapes are equal."""
    return input.shape == other.shape


equal, allclose = Tensor.equal, Tensor.allclose

# the methods that write into their tensor and that PyTorch has as functions too
globals().update(
    (name, getattr(Tensor, name))
    for name in """
    abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_ atanh_ ceil_ clamp_
    clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_ detach_ erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_
    index_put_ lcm_ ldexp_ log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_
    resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_
""".split()
)


def is_nonzero(input: Tensor) -> object:
    """Whether the one element is not 0.

    Errors: RuntimeError for more or fewer elements.
    """
    return input.__bool__()


def typename(obj: object) -> str:
    """The name of a tensor's type, of a class, or of an object's class."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None) or ""
    return named.__qualname__ if module in ("", "builtins") else f"{module}.{named.__qualname__}"


# what rules and methods use of the ops, and PyTorch shows elsewhere or not at all
_HIDDEN = """
    alias as_strided_backward cdist_backward binary_cross_entropy binary_cross_entropy_backward clone_as clone_contiguous contiguous copy
    cross_entropy div_rounded div_scalar elu elu_backward expand gelu getitem
    hardtanh hardtanh_backward huber_loss huber_loss_backward index l1_loss leaky_relu leaky_relu_backward
    log_sigmoid_backward log_softmax_backward_data logsigmoid mish mse_loss mse_loss_backward mul_scalar nll_loss
    nll_loss_backward ones_as place place_diagonal pow_scalar pow_tensor promoted relu6 repeat round_decimals
    round_whole rpow_scalar setitem silu slice smooth_l1_loss smooth_l1_loss_backward softmax_backward_data softmin softplus
    normal_of softplus_backward softsign sum_to_size tanhshrink threshold_backward to_copy unfold_backward unfold_dim
    view zero zeros_as
""".split()
_ELSEWHERE = ("fft_", "linalg_", "special_")  # shown by the namespaces of these names
for _name in (
    *_HIDDEN,
    *(n for n, value in globals().items() if type(value) is _ModuleType and not n.startswith("_")),
    *(n for n in globals() if n.startswith(_ELSEWHERE)),
):
    globals().pop(_name, None)
