"""The documented conversation is one that takes place."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"


def test_the_transcript_is_true():
    """The tiny server answers the document's requests as the document says."""
    lines = re.findall(r"^ {4}([><]) (\{.*\})$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    asked, answered = ([text for mark, text in lines if mark == kind] for kind in "><")
    done = subprocess.run(
        [sys.executable, HERE / "tiny_server.py"], input="\n".join(asked), capture_output=True, text=True, check=True
    )
    assert len(answered) == 8
    assert [line.replace('": ', '":').replace(", ", ",") for line in done.stdout.splitlines()] == answered
