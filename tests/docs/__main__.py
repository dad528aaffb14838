"""``python -m tests.docs [CHAPTER ...]``: how many of the documentation's examples run the same, and what became of the others."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.docs.examples import CHAPTERS
from tests.docs.verdicts import verdicts

total: Counter[str] = Counter()
with tempfile.TemporaryDirectory() as folder:
    for chapter in sys.argv[1:] or CHAPTERS:
        found = list(verdicts(chapter, Path(folder)))
        counts = Counter(each.outcome for each in found)
        total += counts
        print(f"{chapter}: {dict(counts)}")
        for each in found:
            if each.reason:
                print(f"    {each.outcome:9} {each.example.name}: {each.reason}")
print(f"in all: {dict(total)}")
