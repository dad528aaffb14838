"""What the generator knows of the tensors made so far: shape, dtype, graph and memory, without running anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from refgrad.harness.program.ir import Leaf, Scalar, Statement

__all__ = ["Scope", "Shape", "Var", "broadcast", "broadcasts"]

Shape = tuple[int, ...]

MAX_ELEMENTS = 48
SPECIALS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 1e-8, -1e-8, 1e4, math.inf, -math.inf, math.nan)
TAME = SPECIALS[:7]
CLASSES: dict[str, tuple[Shape, ...]] = {
    "scalar": ((),),
    "one": ((1,), (1, 1)),
    "vector": ((2,), (3,), (4,)),
    "matrix": ((2, 3), (3, 2), (2, 2), (3, 1), (1, 3), (3, 3)),
    "cube": ((2, 2, 2), (2, 1, 3), (1, 2, 2), (2, 3, 2)),
    "empty": ((0,), (2, 0), (0, 3)),
}


@dataclass(eq=False, slots=True)
class Var:
    """A tensor that the program has made."""

    name: str
    shape: Shape
    dtype: str
    requires_grad: bool = False
    leaf: bool = True
    parents: tuple[Var, ...] = ()
    memory: int = 0  # tensors that may share memory have the same number
    positive: bool = False
    spent: bool = False  # its graph has been freed
    fixed: bool = False  # PyTorch refuses to write into it
    kept: bool = False  # its gradient is kept though it is no leaf
    graded: bool = False  # a backward has left it a gradient
    recorded_grad: bool = False  # ... that was itself recorded

    @property
    def floating(self) -> bool:
        return self.dtype.startswith("float")

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def ancestors(self) -> set[Var]:
        """The tensor and all it was made of."""
        found, stack = {self}, [self]
        while stack:
            fresh = [each for each in stack.pop().parents if each not in found]
            found.update(fresh)
            stack += fresh
        return found


@dataclass(slots=True)
class Scope:
    """The tensors at hand, where statements go, and the draws over both."""

    random: Random
    dtype: str
    kind: str = "matrix"  # the class of shapes that leaves mostly have
    vars: list[Var] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    mode: str | None = None
    saved: set[int] = field(default_factory=set)  # memory that some backward needs unchanged
    count: int = 0

    @property
    def recording(self) -> bool:
        """Whether ops are recorded here."""
        return self.mode in (None, "enable_grad")

    def say(self, statement: Statement) -> None:
        """Add a statement."""
        self.statements.append(statement)

    def chance(self, probability: float) -> bool:
        """True so often."""
        return self.random.random() < probability

    def fresh(self) -> str:
        """A name that is not taken."""
        self.count += 1
        number, letter = divmod(self.count - 1, 26)
        return chr(ord("a") + letter) + (str(number) if number else "")

    def bind(self, var: Var) -> Var:
        """Let later statements use ``var``."""
        var.memory = var.memory or len(self.vars) + 1 + self.count
        self.vars.append(var)
        return var

    def pick(self, accept: Callable[[Var], bool]) -> Var | None:
        """A tensor that ``accept`` likes, the later ones more often."""
        liked = [each for each in self.vars if not each.spent and accept(each)]
        if not liked:
            return None
        last = len(liked) - 1
        return liked[last - int(last * self.random.random() ** 2 + 0.5)] if last else liked[0]

    def floating(self, accept: Callable[[Var], bool] = lambda each: True, shape: Shape | None = None) -> Var:
        """A tensor of floats that ``accept`` likes, or a new leaf of ``shape``."""
        found = self.pick(lambda each: each.floating and accept(each) and each.dtype == self.dtype)
        return self.leaf(self.liked(accept) if shape is None else shape) if found is None else found

    def liked(self, accept: Callable[[Var], bool]) -> Shape:
        """A shape that ``accept`` likes."""
        shapes = (self.shape() for _ in range(20))
        return next((shape for shape in shapes if accept(Var("", shape, self.dtype))), (2, 3))

    def positive(self) -> Var:
        """A tensor of positive numbers, mostly."""
        if self.chance(0.1):
            return self.floating()
        return self.pick(lambda each: each.positive and each.dtype == self.dtype) or self.leaf(positive=True)

    def partner(self, of: Var) -> Var:
        """A tensor that broadcasts against ``of``."""

        def fits(each: Var) -> bool:
            whole = broadcast(each.shape, of.shape)
            return whole is not None and math.prod(whole) <= MAX_ELEMENTS

        if self.chance(0.25):
            return self.leaf(self.narrower(of.shape))
        return self.floating(fits, of.shape)

    def narrower(self, shape: Shape) -> Shape:
        """A shape that broadcasts to ``shape``."""
        kept = shape[self.random.randint(0, len(shape)) :] if self.chance(0.5) else shape
        return tuple(1 if self.chance(0.25) else size for size in kept)

    def shape(self) -> Shape:
        """A shape of the program's class, now and then of another."""
        kind = self.kind if self.chance(0.7) else self.random.choice(list(CLASSES))
        return self.random.choice(CLASSES[kind])

    def leaf(
        self,
        shape: Shape | None = None,
        *,
        positive: bool = False,
        requires_grad: bool | None = None,
        tame: bool = False,
    ) -> Var:
        """A new leaf."""
        shape = self.shape() if shape is None else shape
        tracked = self.chance(0.7) if requires_grad is None else requires_grad
        tracked = tracked and self.mode != "inference_mode"
        values = self.values(math.prod(shape), positive=positive, tame=tame)
        layout = "contiguous"
        if len(shape) > 1 and self.chance(0.15):
            layout = self.random.choice(("transposed", "strided"))
        name = self.fresh()
        self.statements.append(Leaf(name, shape, values, self.dtype, tracked, layout))
        return self.bind(Var(name, shape, self.dtype, tracked, positive=positive))

    def mask(self, shape: Shape) -> Var:
        """A new leaf of yes and no that broadcasts to ``shape``."""
        shape, name = self.narrower(shape), self.fresh()
        values = tuple(self.chance(0.5) for _ in range(math.prod(shape)))
        self.statements.append(Leaf(name, shape, values, "bool"))
        return self.bind(Var(name, shape, "bool"))

    def values(self, count: int, *, positive: bool = False, tame: bool = False) -> tuple[Scalar, ...]:
        """Numbers with few digits; in some leaves, those that reveal: zeros, ties, huge and tiny ones, nan and inf."""
        draw, style = self.random, self.random.random()
        if positive:
            return tuple(draw.randint(25, 250) / 100 for _ in range(count))
        if style < 0.12 and not tame:
            return tuple(draw.choice(SPECIALS) for _ in range(count))
        if style < 0.3:
            return tuple(draw.choice(TAME) for _ in range(count))
        return tuple(draw.randint(-250, 250) / 100 for _ in range(count))


def broadcast(*shapes: Shape) -> Shape | None:
    """The shape that ``shapes`` broadcast to, or None."""
    sizes: list[int] = []
    for place in range(1, max(map(len, shapes), default=0) + 1):
        found = {shape[-place] for shape in shapes if len(shape) >= place} - {1}
        if len(found) > 1:
            return None
        sizes.append(found.pop() if found else 1)
    return tuple(reversed(sizes))


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether ``shape`` broadcasts to ``to``."""
    return broadcast(shape, to) == to
