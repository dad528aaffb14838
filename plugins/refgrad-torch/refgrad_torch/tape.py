"""PyTorch's own tape: the module is all that is needed."""

import torch

from refgrad.harness.adapters import NamespaceBackend


class Torch(NamespaceBackend):
    name, homepage = "torch", "https://pytorch.org"

    def __init__(self, *, device: str = "cpu") -> None:
        super().__init__(torch, device=device)
