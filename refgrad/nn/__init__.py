"""Neural networks, as ``torch.nn``."""

from refgrad.nn import functional, init, parameter, utils
from refgrad.nn.modules import *  # noqa: F403
from refgrad.nn.modules import __all__ as _MODULES
from refgrad.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter", "functional", "init", "parameter", "utils", *_MODULES]
