"""Every op, by name: rules reach one another here, as ``ops.cos``."""

from refgrad.engine.ops.activation import *
from refgrad.engine.ops.arithmetic import *
from refgrad.engine.ops.comparison import *
from refgrad.engine.ops.copies import *
from refgrad.engine.ops.creation import *
from refgrad.engine.ops.cumulative import *
from refgrad.engine.ops.entropy import *
from refgrad.engine.ops.exponentials import *
from refgrad.engine.ops.extremum import *
from refgrad.engine.ops.indexing import *
from refgrad.engine.ops.linalg import *
from refgrad.engine.ops.loss import *
from refgrad.engine.ops.mixing import *
from refgrad.engine.ops.nn import *
from refgrad.engine.ops.powers import *
from refgrad.engine.ops.reduction import *
from refgrad.engine.ops.shape import *
from refgrad.engine.ops.sorting import *
from refgrad.engine.ops.steps import *
from refgrad.engine.ops.trigonometry import *
