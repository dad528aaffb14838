"""The spelling of a library that names its ops as NumPy does, for the scripts that speak its own words."""

from __future__ import annotations

from collections.abc import Mapping

from refgrad.harness.adapters.numpy_ops import REDUCTIONS, RENAMED, SAME

__all__ = ["numpy_spelling"]

UNARY = """abs ceil cos cosh exp exp2 expm1 floor log log1p log2 reciprocal sign sin sinc sinh sqrt square tan tanh trunc
 asinh atan neg clone""".split()
BINARY = "maximum minimum logaddexp hypot fmod remainder matmul outer add sub mul div pow atan2 gt le eq".split()
OTHERWISE = {
    "cat": "{m}.concatenate({0}, {1})",
    "cumprod": "{m}.cumprod({0}, {dim})",
    "cumsum": "{m}.cumsum({0}, {dim})",
    "diagonal": "{m}.diagonal({0}, {1})",
    "flip": "{m}.flip({0}, {1})",
    "permute": "{m}.transpose({0}, {1})",
    "reshape": "{m}.reshape({0}, {1})",
    "squeeze": "{m}.squeeze({0})",
    "stack": "{m}.stack({0})",
    "transpose": "{m}.swapaxes({0}, {1}, {2})",
    "tril": "{m}.tril({0}, {diagonal})",
    "triu": "{m}.triu({0}, {diagonal})",
    "unsqueeze": "{m}.expand_dims({0}, {1})",
    "where": "{m}.where({0}, {1}, {2})",
}
WRITES = {"add_": "{0} += {1}", "sub_": "{0} -= {1}", "mul_": "{0} *= {1}", "div_": "{0} /= {1}", "pow_": "{0} **= {1}",
          "copy_": "{0}[...] = {1}", "fill_": "{0}[...] = {1}", "zero_": "{0}[...] = 0"}  # fmt: skip


def numpy_spelling(module: str, exceptions: Mapping[str, str] | None = None) -> dict[str, str]:
    """Formats of calls by PyTorch's names: ``{0}`` is the first argument, ``{dim}`` a parameter."""
    names = {name: name for name in SAME.split()} | RENAMED
    formats = {name: f"{module}.{names[name]}({{0}})" for name in UNARY if name in names}
    formats |= {name: f"{module}.{names[name]}({{0}}, {{1}})" for name in BINARY if name in names}
    formats |= {name: f"{module}.{theirs}({{0}}{{reduce}})" for name, theirs in REDUCTIONS.items()}
    formats |= {name: form.replace("{m}", module) for name, form in OTHERWISE.items()}
    return formats | WRITES | dict(exceptions or {})
