"""The reference engine: PyTorch's autograd semantics on NumPy."""
