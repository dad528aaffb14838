"""The modules, as ``torch.nn.modules``."""

from refgrad.nn.modules.activation import *  # noqa: F403
from refgrad.nn.modules.activation import __all__ as _ACTIVATION
from refgrad.nn.modules.attention import *  # noqa: F403
from refgrad.nn.modules.attention import __all__ as _ATTENTION
from refgrad.nn.modules.batchnorm import *  # noqa: F403
from refgrad.nn.modules.batchnorm import __all__ as _BATCHNORM
from refgrad.nn.modules.container import *  # noqa: F403
from refgrad.nn.modules.container import __all__ as _CONTAINER
from refgrad.nn.modules.conv import *  # noqa: F403
from refgrad.nn.modules.conv import __all__ as _CONV
from refgrad.nn.modules.distance import *  # noqa: F403
from refgrad.nn.modules.distance import __all__ as _DISTANCE
from refgrad.nn.modules.dropout import *  # noqa: F403
from refgrad.nn.modules.dropout import __all__ as _DROPOUT
from refgrad.nn.modules.flatten import *  # noqa: F403
from refgrad.nn.modules.flatten import __all__ as _FLATTEN
from refgrad.nn.modules.linear import *  # noqa: F403
from refgrad.nn.modules.linear import __all__ as _LINEAR
from refgrad.nn.modules.loss import *  # noqa: F403
from refgrad.nn.modules.loss import __all__ as _LOSS
from refgrad.nn.modules.margin import *  # noqa: F403
from refgrad.nn.modules.margin import __all__ as _MARGIN
from refgrad.nn.modules.module import Module
from refgrad.nn.modules.normalization import *  # noqa: F403
from refgrad.nn.modules.normalization import __all__ as _NORMALIZATION
from refgrad.nn.modules.padding import *  # noqa: F403
from refgrad.nn.modules.padding import __all__ as _PADDING
from refgrad.nn.modules.pooling import *  # noqa: F403
from refgrad.nn.modules.pooling import __all__ as _POOLING
from refgrad.nn.modules.rectifiers import *  # noqa: F403
from refgrad.nn.modules.rectifiers import __all__ as _RECTIFIERS
from refgrad.nn.modules.rnn import *  # noqa: F403
from refgrad.nn.modules.rnn import __all__ as _RNN
from refgrad.nn.modules.sparse import *  # noqa: F403
from refgrad.nn.modules.sparse import __all__ as _SPARSE
from refgrad.nn.modules.transformer import *  # noqa: F403
from refgrad.nn.modules.transformer import __all__ as _TRANSFORMER
from refgrad.nn.modules.upsampling import *  # noqa: F403
from refgrad.nn.modules.upsampling import __all__ as _UPSAMPLING

__all__ = [
    "Module", *_ACTIVATION, *_ATTENTION, *_BATCHNORM, *_CONTAINER, *_CONV, *_DISTANCE, *_DROPOUT, *_FLATTEN, *_LINEAR, *_LOSS, *_MARGIN, *_NORMALIZATION, *_PADDING, *_POOLING, *_RECTIFIERS, *_RNN, *_SPARSE, *_TRANSFORMER, *_UPSAMPLING,
]  # fmt: skip
