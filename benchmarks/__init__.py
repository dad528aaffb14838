"""refgrad's speed and memory, side by side with what a user would pick instead: ``python -m benchmarks``."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"  # before numpy and torch are loaded: their pools are made once
