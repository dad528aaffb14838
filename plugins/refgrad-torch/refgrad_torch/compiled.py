"""PyTorch by ``torch.compile``: a gradient is the tape's through compiled code, any other derivative is compiled itself."""

from functools import partial

import torch

from refgrad.errors import Unsupported
from refgrad_torch.transforms import Transforms

UNLIMITED = 2**31 - 1


class Compiled(Transforms):
    constants_first = True  # an array that a transform's function captures fails a guard: docs/findings.md

    def __init__(self, *, compiler: str, device: str = "cpu") -> None:
        super().__init__(device=device)
        # what has been compiled for 8 shapes is not compiled for another; a suite has thousands
        torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = UNLIMITED
        self.name, self.expectations, self.compiler = f"torch.compile-{compiler}", f"{compiler}.toml", compiler

    def value(self, fn, primals):
        return self.compiled(fn)(*primals)

    def vjp(self, fn, primals, cotangent=None):
        if torch.compiler.is_compiling():  # a derivative within a derivative
            return super().vjp(fn, primals, cotangent)
        leaves = [primal.detach().requires_grad_() for primal in primals]
        output = self.compiled(fn)(*leaves)
        if not output.requires_grad:
            return output, (None,) * len(leaves)
        cotangent = torch.ones_like(output) if cotangent is None else cotangent
        return output, torch.autograd.grad(output, leaves, cotangent, allow_unused=True)

    def jvp(self, fn, primals, tangents):
        return self.compiled(partial(super().jvp, fn))(primals, tangents)

    def compiled(self, fn):
        """``fn`` in one graph, so that nothing passes uncompiled."""
        compiled = torch.compile(fn, backend=self.compiler, dynamic=False, fullgraph=True)

        def run(*args):
            try:
                return compiled(*args)
            except torch._dynamo.exc.Unsupported as error:
                raise Unsupported("torch.compile", str(error).partition("\n")[0]) from error

        return run
