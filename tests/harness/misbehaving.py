"""What a library can do to the process that it runs in."""

import ctypes
import os
import time
from pathlib import Path

from refgrad.harness.isolation import alarm, note


def answer(number):
    return number + 1


def segfault():
    ctypes.string_at(0)


def leave():
    os._exit(7)


def hang():
    time.sleep(600)


def spin():
    while True:
        pass


def print_without_end():
    while True:
        print("spam " * 1000)


def write_without_end():
    while True:
        os.write(1, b"spam " * 1000)


def eat_memory():
    eaten = []
    while True:
        eaten.append(bytearray(200_000_000))


def print_a_little(number):
    print("hello from Python", flush=True)
    os.write(1, b"hello from C\n")
    return number


def last_words():
    os.write(2, b"I saw it coming\n")
    os._exit(7)


def raise_error(text):
    raise LookupError(text)


def raise_timeout():
    raise TimeoutError("the library's own")


def meet(number, folder):
    (Path(folder) / str(os.getpid())).touch()
    while len(os.listdir(folder)) < number:
        time.sleep(0.01)
    return len(os.listdir(folder))


def be_late():
    alarm(0.2)
    note("so far, so good")
    time.sleep(600)


def be_in_time():
    for _ in range(3):
        alarm(0.2)
        time.sleep(0.1)
    alarm(0)
    time.sleep(0.3)
    return "in time"
