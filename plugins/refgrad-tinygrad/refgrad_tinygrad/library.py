"""tinygrad, imported with the settings that suit kernels which are tiny and run once or twice."""

import os
from importlib.metadata import version

from refgrad.harness.expectations import in_range

VERSION = version("tinygrad")
READABLE = in_range(VERSION, ">=0.14")  # older graphs have other ops
# read when tinygrad is imported: the device that needs no compiler, which is also the quickest here: most of a run with
# `compile=1` is tinygrad scheduling and lowering kernels
SETTINGS = {"DEV": "PYTHON", "NOOPT": "1", "PARALLEL": "0", "SPEC": "0", "TRACEMETA": "0"}
os.environ |= {name: value for name, value in SETTINGS.items() if name not in os.environ}
from tinygrad import Device, Tensor

__all__ = ["READABLE", "VERSION", "Tensor", "stored"]


def stored(value):
    """Constants, which tinygrad would store on a device that needs a compiler, and views, as memory of this one."""
    return value.clone(Device.DEFAULT) if value.device is None else value.contiguous()
