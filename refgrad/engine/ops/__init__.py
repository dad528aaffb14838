"""Every op, by name: rules reach one another here, as ``ops.cos``."""

from refgrad.engine.ops.creation import *  # noqa: F403
from refgrad.engine.ops.indexing import *  # noqa: F403
from refgrad.engine.ops.pointwise import *  # noqa: F403
from refgrad.engine.ops.shape import *  # noqa: F403
