"""refgrad: PyTorch's autograd semantics in NumPy, and the harness that holds other backends against them.

``import refgrad as torch`` runs a tutorial unchanged. Names are loaded when first used, so that the harness and the
command line start without the engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refgrad.engine.namespace import *  # noqa: F403

__version__ = "0.1.0"

_SUBMODULES = (
    "accelerator",
    "autograd",
    "cuda",
    "fft",
    "func",
    "linalg",
    "masked",
    "nn",
    "optim",
    "special",
    "testing",
    "utils",
)


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"refgrad.{name}")
    if name == "vmap":
        return importlib.import_module("refgrad.func").vmap
    if name.startswith("_"):
        raise AttributeError(f"module 'refgrad' has no attribute {name!r}")
    namespace = importlib.import_module("refgrad.engine.namespace")
    try:
        value = getattr(namespace, name)
    except AttributeError:
        raise AttributeError(f"module 'refgrad' has no attribute {name!r}", name=name, obj=_this()) from None
    globals()[name] = value
    return value


def _this() -> Any:
    return importlib.import_module(__name__)


def __dir__() -> list[str]:
    namespace = importlib.import_module("refgrad.engine.namespace")
    return sorted({*globals(), *_SUBMODULES, "vmap", *(n for n in vars(namespace) if not n.startswith("_"))})
