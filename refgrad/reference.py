"""The engine as a backend: the one module that knows both rooms."""

from __future__ import annotations

import refgrad
from refgrad.harness.adapters import NamespaceBackend

__all__ = ["Reference"]


class Reference(NamespaceBackend):
    """refgrad, tested as a stranger's library would be."""

    name = "refgrad"
    homepage = "https://github.com/refgrad/refgrad"

    def __init__(self) -> None:
        super().__init__(refgrad)
