"""PyTorch as a functional library: ``torch.func`` differentiates functions, and nothing is left on a tape."""

import torch

from refgrad_torch.tape import Torch


class Transforms:
    name, version, homepage = "torch.func", torch.__version__, "https://pytorch.org"
    expectations = "func.toml"
    words = torch
    nested = True

    def __init__(self, *, device: str = "cpu") -> None:
        tape = Torch(device=device)
        self.asarray, self.to_numpy, self.ops = tape.asarray, tape.to_numpy, tape.ops

    def vjp(self, fn, primals, cotangent=None):
        output, pull = torch.func.vjp(fn, *primals)
        return output, pull(torch.ones_like(output) if cotangent is None else cotangent)

    def jvp(self, fn, primals, tangents):
        return torch.func.jvp(fn, primals, tangents)
