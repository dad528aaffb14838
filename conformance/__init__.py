"""The suite: what PyTorch does, asked of any backend."""
