"""The modules, as ``torch.nn.modules``."""

from refgrad.nn.modules.activation import *  # noqa: F403
from refgrad.nn.modules.activation import __all__ as _ACTIVATION
from refgrad.nn.modules.container import *  # noqa: F403
from refgrad.nn.modules.container import __all__ as _CONTAINER
from refgrad.nn.modules.dropout import *  # noqa: F403
from refgrad.nn.modules.dropout import __all__ as _DROPOUT
from refgrad.nn.modules.flatten import *  # noqa: F403
from refgrad.nn.modules.flatten import __all__ as _FLATTEN
from refgrad.nn.modules.linear import *  # noqa: F403
from refgrad.nn.modules.linear import __all__ as _LINEAR
from refgrad.nn.modules.loss import *  # noqa: F403
from refgrad.nn.modules.loss import __all__ as _LOSS
from refgrad.nn.modules.module import Module
from refgrad.nn.modules.normalization import *  # noqa: F403
from refgrad.nn.modules.normalization import __all__ as _NORMALIZATION
from refgrad.nn.modules.sparse import *  # noqa: F403
from refgrad.nn.modules.sparse import __all__ as _SPARSE

__all__ = [
    "Module", *_ACTIVATION, *_CONTAINER, *_DROPOUT, *_FLATTEN, *_LINEAR, *_LOSS, *_NORMALIZATION, *_SPARSE,
]  # fmt: skip
