"""How the scripts of random programs spell PaddlePaddle."""

from refgrad.harness.program.source import Idiom

UNARY = """abs atan asinh clone cos cosh erf exp expm1 floor lgamma log log1p log2 neg reciprocal round rsqrt sigmoid sign sin
 sinc sinh sqrt square tanh trunc"""
ACTIVATIONS = "elu gelu leaky_relu relu silu softplus"
OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "remainder": "%",
    "pow": "**",
    "matmul": "@",
    "gt": ">",
    "le": "<=",
    "eq": "==",
}
CALLS = {
    "amax": "amax({0}{reduce})",
    "amin": "amin({0}{reduce})",
    "atan2": "atan2({0}, {1})",
    "cat": "concat({0}, {1})",
    "cumprod": "cumprod({0}, {dim})",
    "cumsum": "cumsum({0}, {dim})",
    "detach": "Tensor.detach({0})",
    "diagonal": "diagonal({0}, {1})",
    "expand": "expand({0}, {1})",
    "flip": "flip({0}, {1})",
    "hypot": "hypot({0}, {1})",
    "log_softmax": "nn.functional.log_softmax({0}, {dim})",
    "logaddexp": "logaddexp({0}, {1})",
    "logsumexp": "logsumexp({0}{reduce})",
    "maximum": "maximum({0}, {1})",
    "mean": "mean({0}{reduce})",
    "minimum": "minimum({0}, {1})",
    "narrow": "narrow({0}, {1}, {2}, {3})",
    "outer": "outer({0}, {1})",
    "permute": "permute({0}, {1})",
    "prod": "prod({0}{reduce})",
    "reshape": "reshape({0}, {1})",
    "softmax": "softmax({0}, {dim})",
    "squeeze": "squeeze({0})",
    "stack": "stack({0})",
    "sum": "sum({0}{reduce})",
    "transpose": "transpose({0}, {1}, {2})",
    "tril": "tril({0}, {diagonal})",
    "triu": "triu({0}, {diagonal})",
    "unbind": "unbind({0}, {1})",
    "unsqueeze": "unsqueeze({0}, {1})",
    "where": "where({0}, {1}, {2})",
}
IDIOM = Idiom(
    ("import paddle",),
    "paddle",
    'paddle.to_tensor({values}, dtype="{dtype}", stop_gradient={constant})',
    {
        **{name: f"paddle.{name}({{0}})" for name in UNARY.split()},
        **{f"nn.functional.{name}": f"paddle.nn.functional.{name}({{0}})" for name in ACTIVATIONS.split()},
        "relu": "paddle.nn.functional.relu({0})",
        **{name: f"{{0}} {sign} {{1}}" for name, sign in OPERATORS.items()},
        **{name: f"paddle.{call}" for name, call in CALLS.items()},
    },
    reduce={"dim": "axis", "keepdim": "keepdim"},
)
