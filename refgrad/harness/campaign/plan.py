"""What a campaign runs: everything that decides its programs and its verdicts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from refgrad.errors import InvalidCampaign
from refgrad.harness.program.generator import DTYPES

__all__ = ["Plan"]

FORMAT = 1
PROGRAMS = 10**9  # that a seed is good for, before the next seed's begin


@dataclass(frozen=True, slots=True)
class Plan:
    """One campaign: two with the same plan run the same programs.

    ``torch`` is the version of PyTorch that is a witness, empty where there is none; ``shard`` is how many programs are
    one piece of work.
    """

    backend: str
    version: str
    torch: str = ""
    seed: int = 0
    dtypes: tuple[str, ...] = DTYPES
    invalid: float = 0.1
    shard: int = 100
    refgrad: str = ""
    format: int = FORMAT

    def seeds(self, shard: int) -> range:
        """The seeds of the programs of a shard."""
        first = self.seed * PROGRAMS + shard * self.shard
        return range(first, first + self.shard)

    def record(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self) | {"dtypes": list(self.dtypes)}

    @classmethod
    def read(cls, record: Any, source: str) -> Self:
        """The plan that ``record`` records.

        Errors: ``InvalidCampaign`` for anything else.
        """
        if not isinstance(record, dict) or set(record) != {field.name for field in fields(cls)}:
            raise InvalidCampaign(f"{source}: no campaign that this version of refgrad understands")
        return cls(**record | {"dtypes": tuple(record["dtypes"])})

    def differences(self, other: Plan) -> list[str]:
        """What is not the same in the two, in words."""
        mine, theirs = self.record(), other.record()
        return [f"{name} {theirs[name]!r}, not {mine[name]!r}" for name in mine if mine[name] != theirs[name]]
