"""Every op, by name: rules reach one another here, as ``ops.cos``."""

from refgrad.engine.ops.activation import *  # noqa: F403
from refgrad.engine.ops.creation import *  # noqa: F403
from refgrad.engine.ops.cumulative import *  # noqa: F403
from refgrad.engine.ops.entropy import *  # noqa: F403
from refgrad.engine.ops.extremum import *  # noqa: F403
from refgrad.engine.ops.indexing import *  # noqa: F403
from refgrad.engine.ops.linalg import *  # noqa: F403
from refgrad.engine.ops.loss import *  # noqa: F403
from refgrad.engine.ops.nn import *  # noqa: F403
from refgrad.engine.ops.pointwise import *  # noqa: F403
from refgrad.engine.ops.reduction import *  # noqa: F403
from refgrad.engine.ops.shape import *  # noqa: F403
from refgrad.engine.ops.sorting import *  # noqa: F403
