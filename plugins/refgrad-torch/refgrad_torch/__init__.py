"""PyTorch as a backend, on any device it has here: ``torch``, ``torch:device=cuda:1``, ``torch:device=mps``."""

import torch

from refgrad.harness.adapters import NamespaceBackend


class Torch(NamespaceBackend):
    name, homepage = "torch", "https://pytorch.org"

    def __init__(self, *, device: str = "cpu") -> None:
        super().__init__(torch, device=device)
