"""Backends for campaigns: the reference with one thing wrong, from a sign to the death of the process."""

import ctypes
import os
import time
from multiprocessing import parent_process
from types import ModuleType
from typing import ClassVar

import numpy as np

import refgrad
from refgrad.harness.adapters import NamespaceBackend


def spoilt(**wrong):
    """refgrad as a module of its own, with other functions under some names."""
    module = ModuleType("refgrad")
    module.__dict__.update({name: getattr(refgrad, name) for name in dir(refgrad) if name != "annotations"})
    module.__dict__.update(wrong)
    return module


class Candidate(NamespaceBackend):
    """The reference, but for the functions of ``wrong``."""

    homepage = "https://example.org"
    wrong: ClassVar = {}

    def __init__(self):
        super().__init__(spoilt(**self.wrong))

    @property
    def version(self):
        return "1.0"

    @version.setter
    def version(self, value):
        """A namespace's own version does not matter."""


class Right(Candidate):
    name = "right"


class Wrong(Candidate):
    """Its cosine is off by a sign, and so is its derivative."""

    name, wrong = "wrong", {"cos": lambda input: -refgrad.cos(input)}


def segfault(input):
    ctypes.string_at(0)


def leave(input):
    os._exit(5)


def hang(input):
    time.sleep(600)


def flood(input):
    while True:
        print("spam " * 100)


def eat(input):
    eaten = []
    while True:
        eaten.append(np.zeros(1 << 27))


class Segfaults(Candidate):
    name, wrong = "segfaults", {"cos": segfault}


class Leaves(Candidate):
    name, wrong = "leaves", {"cos": leave}


class Hangs(Candidate):
    name, wrong = "hangs", {"cos": hang}


class Floods(Candidate):
    name, wrong = "floods", {"cos": flood}


class Eats(Candidate):
    name, wrong = "eats", {"cos": eat}


class DiesAtOnce(Candidate):
    """Ends the process of every worker that loads it, though not the one that asks for its name."""

    name = "dies-at-once"

    def __init__(self):
        super().__init__()
        if parent_process() is not None:
            os._exit(9)


class Slow(Wrong):
    """Takes its time, so that there is a middle in which to be killed."""

    name = "slow"
    wrong: ClassVar = {**Wrong.wrong, "sin": lambda input: (time.sleep(0.001), refgrad.sin(input))[1]}
