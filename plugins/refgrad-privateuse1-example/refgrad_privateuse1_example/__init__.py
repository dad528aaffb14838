"""A PyTorch device of one's own, out of tree, in NumPy: what a device's author copies, and refgrad's view of it."""

import torch

from refgrad.harness.adapters import NamespaceBackend
from refgrad_privateuse1_example import dispatch, layout, memory

for part in (memory, layout, dispatch):
    part.register()


class Npy(NamespaceBackend):
    name, homepage = "privateuse1-example", "https://docs.pytorch.org/tutorials/advanced/privateuseone.html"

    def __init__(self) -> None:
        super().__init__(torch, device=memory.NAME)
