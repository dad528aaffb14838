"""What became of an example: the same on both, or why not."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.examples import Example, of_chapter
from tests.docs.running import Shown, differences, plain, run

LARGE = 4_000_000  # numbers in one tensor
ELSEWHERE = {  # what makes an example another subject's
    "another device": r"cuda|vulkan|xpu|mps|is_pinned|pin_memory",
    "several processes": r"distributed|DataParallel|share_memory|shared=",
    "a compiler": r"jit|compile|onnx|functorch\.|torch\.fx",
    "sparse or quantized tensors": r"sparse|quant|to_mkldnn|named_tensor",
}
LACKING = re.compile(
    r"! (?:AttributeError: .* has no attribute|ImportError|ModuleNotFoundError|NameError|"
    r"TypeError: .*unexpected keyword argument)"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``outcome`` is ``same``, ``differs``, ``lacking`` (a name that refgrad does not have) or ``elsewhere``."""

    example: Example
    outcome: str
    reason: str = ""


def verdicts(chapter: str, folder: Path) -> Iterator[Verdict]:
    """A verdict on each example of a chapter."""
    for example in of_chapter(chapter):
        subject = elsewhere(example.source)
        yield Verdict(example, "elsewhere", subject) if subject else judged(example, folder)


def elsewhere(source: str) -> str:
    """Why an example is not run at all."""
    if any(math.prod(map(int, sizes.split(","))) > LARGE for sizes in re.findall(r"\((\d+(?:, ?\d+)+)\)", source)):
        return f"more than {LARGE} numbers"
    return next((subject for subject, pattern in ELSEWHERE.items() if re.search(pattern, source)), "")


def judged(example: Example, folder: Path) -> Verdict:
    """Run an example on both libraries and compare."""
    mine, theirs = run("refgrad", example, folder), run("torch", example, folder)
    found = next(differences(mine, theirs), "")
    if not found:
        return Verdict(example, "same")
    lacking = lacks(mine, theirs)
    return Verdict(example, "lacking", lacking) if lacking else Verdict(example, "differs", found)


def lacks(mine: Shown, theirs: Shown) -> str:
    """The first error of refgrad's that names what it does not have, where PyTorch said something else."""
    pairs = zip(mine.printed, theirs.printed)
    return next((m.strip() for m, t in pairs if plain(m) != plain(t) and LACKING.match(m)), "")
