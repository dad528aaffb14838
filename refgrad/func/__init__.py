"""Transforms of functions, as ``torch.func``."""

from refgrad.func.forward import jvp, linearize
from refgrad.func.functional_call import functional_call, stack_module_state
from refgrad.func.jacobian import hessian, jacfwd, jacrev
from refgrad.func.reverse import grad, grad_and_value, vjp
from refgrad.func.vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
