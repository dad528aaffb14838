"""PyTorch as a backend, in each of its ways.

torch                       the tape, on the CPU
torch:device=cuda:1         the tape, on a device that is here: cuda, mps, privateuseone ...
torch:func=1                torch.func: derivatives of functions, nested at will
torch:compile=aot_eager     torch.compile: eager (Dynamo alone), aot_eager (and AOTAutograd), inductor (and its code)
"""

from typing import Literal

from refgrad.errors import InvalidBackend
from refgrad_torch.compiled import Compiled
from refgrad_torch.tape import Torch
from refgrad_torch.transforms import Transforms

__all__ = ["Compiled", "Torch", "Transforms", "backend"]


def backend(
    *, device: str = "cpu", func: bool = False, compile: Literal["no", "eager", "aot_eager", "inductor"] = "no"
) -> Torch | Transforms:
    """The way of PyTorch that the options name."""
    if func and compile != "no":
        raise InvalidBackend("torch: func=1 and compile=... are two ways of PyTorch: ask for one of them")
    if compile != "no":
        return Compiled(compiler=compile, device=device)
    return Transforms(device=device) if func else Torch(device=device)
