"""How much of PyTorch's own database of ops refgrad answers as PyTorch does: ``python -m tests.score``."""
