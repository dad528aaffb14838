"""PyTorch's answers, recorded: a file a chapter, so that no torch is needed to be held against it.

A file holds every number in one array, and an index of what they are: op, sample, question, and the dtype and the shape
of each answer. A sample's answers are void once its arrays have changed.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from refgrad.errors import InvalidGoldens
from refgrad.harness.adapters.calculus import Calculus
from refgrad.harness.op_db import chapter_of
from refgrad.harness.opinfo import OpInfo, SampleInput, arrays_of
from refgrad.harness.questions import Answer, Asked, questions

__all__ = ["Entry", "Goldens", "ask", "newest", "read", "write"]

MEND = "record it: refgrad record --backend=torch"
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """The answers about one sample, by question, and the fingerprint of its arrays."""

    of: int
    answers: dict[str, Answer]


Chapter = dict[tuple[str, str], Entry]  # by the op's id and the sample's name


class Goldens:
    """The recorded answers in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._chapters: dict[str, Chapter] = {}

    def answers(self, op: OpInfo, sample: SampleInput) -> dict[str, Answer]:
        """PyTorch's answers, by question.

        Errors: ``InvalidGoldens`` where none is recorded, or those of other arrays.
        """
        found = self._chapter(chapter_of(op.id)).get((op.id, str(sample)))
        if found is None:
            raise InvalidGoldens(f"{op.id}({sample}): no answer of PyTorch's is recorded; {MEND}")
        if found.of != fingerprint(op, sample):
            raise InvalidGoldens(f"{op.id}({sample}): the arrays have changed since PyTorch was asked; {MEND}")
        return found.answers

    def _chapter(self, name: str) -> Chapter:
        if name not in self._chapters:
            self._chapters[name] = read(self.folder / f"{name}.npz")
        return self._chapters[name]


def newest(folder: Path) -> Goldens:
    """The goldens of the newest PyTorch that has any in ``folder``, as ``torch-2.13``.

    Errors: ``InvalidGoldens`` where there are none.
    """
    found = [each for each in folder.glob("torch-*") if each.is_dir()]
    if not found:
        raise InvalidGoldens(f"{folder} holds no goldens; {MEND}")
    return Goldens(max(found, key=lambda each: [int(part) for part in each.name.removeprefix("torch-").split(".")]))


def ask(calculus: Calculus, ops: Iterable[OpInfo]) -> Chapter:
    """All answers of a backend about ``ops``.

    Errors: ``InvalidGoldens`` with every question that it refuses: there the record is wrong.
    """
    chapter, refused = Chapter(), list[str]()
    for op in ops:
        for sample in op.samples:
            chapter[op.id, str(sample)] = Entry(fingerprint(op, sample), answers(calculus, op, sample, refused))
    if refused:
        raise InvalidGoldens("\n".join(refused))
    return chapter


def answers(calculus: Calculus, op: OpInfo, sample: SampleInput, refused: list[str]) -> dict[str, Answer]:
    """All that a backend answers about one sample; the questions that it refuses are added to ``refused``."""
    asked, found = Asked(calculus, op, sample), dict[str, Answer]()
    for question in questions(op, sample):
        try:
            found[question] = asked.answer(question)
        except Exception as error:  # whatever a library raises is what is to be told
            text = str(error).partition("\n")[0]
            refused.append(f"{op.id}({sample}), {question}: {type(error).__name__}: {text}")
    return found


def fingerprint(op: OpInfo, sample: SampleInput) -> int:
    """A number that changes when the arrays of a sample do."""
    return zlib.crc32(b"".join(array.tobytes() for array in arrays_of(op, sample)))


def write(path: Path, chapter: Chapter) -> None:
    """Write a chapter."""
    numbers, index = [np.empty(0)], list[Any]()
    for (op, sample), entry in chapter.items():
        numbers += [plain(array) for answer in entry.answers.values() for array in answer]
        kinds = {q: [[a.dtype.name, *a.shape] for a in answer] for q, answer in entry.answers.items()}
        index.append([op, sample, entry.of, kinds])
    text = np.frombuffer(json.dumps(index, separators=(",", ":")).encode(), np.uint8)
    np.savez_compressed(path, index=text, numbers=np.concatenate(numbers))


def read(path: Path) -> Chapter:
    """Read a chapter; one that is not there has no answers."""
    if not path.is_file():
        return {}
    with np.load(path) as file:
        index, rest = json.loads(file["index"].tobytes()), Numbers(file["numbers"])
    return {
        (op, sample): Entry(of, {q: [rest.take(*kind) for kind in kinds] for q, kinds in answered.items()})
        for op, sample, of, answered in index
    }


def plain(array: Array) -> Array:
    """An array as float64 numbers, complex ones as pairs."""
    flat = array.ravel()
    return flat.astype(np.complex128).view(np.float64) if flat.dtype.kind == "c" else flat.astype(np.float64)


class Numbers:
    """The numbers of a file, taken in order."""

    def __init__(self, numbers: Array) -> None:
        self.numbers, self.place = numbers, 0

    def take(self, dtype: str, *shape: int) -> Array:
        """The next array."""
        pairs = dtype.startswith("complex")
        start, self.place = self.place, self.place + math.prod(shape) * (1 + pairs)
        taken = self.numbers[start : self.place]
        return (taken.view(np.complex128) if pairs else taken).astype(dtype).reshape(shape)
