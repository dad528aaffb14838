"""Arrays of micrograd's Values: NumPy's, with a Value for each element. What is done to them, NumPy does element by element."""

import numpy as np
from micrograd.engine import Value

__all__ = ["data", "gradients", "relu", "total", "values"]

values = np.frompyfunc(lambda number: Value(float(number)), 1, 1)
numbers = np.frompyfunc(lambda each: getattr(each, "data", each), 1, 1)
slopes = np.frompyfunc(lambda each: each.grad, 1, 1)
relu = np.frompyfunc(Value.relu, 1, 1)


def data(array):
    """The numbers in it."""
    array = np.asarray(array)
    return np.array(numbers(array), float) if array.dtype == object else np.array(array)


def gradients(array):
    """What ``backward`` has left with its Values."""
    return np.array(slopes(array), float)


def total(input):
    """The sum of all elements; that of none is a Value, too."""
    return np.sum(input) if np.size(input) else Value(0.0)
