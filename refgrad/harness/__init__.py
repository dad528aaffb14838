"""Runs and compares backends: imports NumPy and :mod:`refgrad.errors`, never an engine."""
