"""Who is to blame: a candidate's trace against the reference's and torch's, and the questions that come before blame."""

from refgrad.harness.oracle.finding import Finding
from refgrad.harness.oracle.judge import judge, minimal

__all__ = ["Finding", "judge", "minimal"]
