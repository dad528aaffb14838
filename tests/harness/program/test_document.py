"""Programs as JSON: what is written is read again, and what is no program is refused in one line."""

import json
import math

import pytest
from jsonschema import Draft202012Validator

from refgrad.errors import InvalidProgram
from refgrad.harness.program import document, generate
from refgrad.harness.program.ir import Leaf, Op, Program, Ref, Slice

LEAF = {"do": "leaf", "name": "a", "shape": [2], "values": [1.0, 2.0]}


def text(*statements, **fields):
    """A program's JSON with these statements."""
    return json.dumps({"refgrad_program": 1, "statements": list(statements), **fields})


def test_the_schema_is_one():
    """What is published is a valid JSON Schema."""
    Draft202012Validator.check_schema(document.schema())


@pytest.mark.parametrize("seed", range(0, 400, 4))
def test_round_trip(seed):
    """A program that was drawn is read as it was written."""
    program = generate(seed)
    assert repr(document.loads(document.dumps(program))) == repr(program)


def test_special_values():
    """nan, the infinities and slices survive the journey."""
    leaf = Leaf("a", (3,), (math.nan, math.inf, -0.0))
    part = Op("b", "getitem", (Ref("a"), (Slice(None, -1, None), None, "...")))
    scaled = Op("c", "mul", (Ref("b"), -math.inf))
    program = Program((leaf, part, scaled))
    assert repr(document.loads(document.dumps(program))) == repr(program)


def test_file(tmp_path):
    """A program is written to a file and read from it."""
    document.write(generate(3), tmp_path / "p.json")
    assert document.dumps(document.read(tmp_path / "p.json")) == document.dumps(generate(3))


REFUSED = {
    "empty": ("", "no JSON"),
    "truncated": (text(LEAF)[:-9], "no JSON"),
    "no object": ("[]", "is not of type 'object'"),
    "another format": (text(LEAF, refgrad_program=2), "1 was expected"),
    "unknown statement": (text({"do": "exec", "code": "1"}), "'exec' is not one of"),
    "unknown field": (text({**LEAF, "code": "1"}), "'code' was unexpected"),
    "bare nan": ('{"refgrad_program": 1, "seed": NaN}', 'NaN is written "nan"'),
    "twice": ('{"refgrad_program": 1, "refgrad_program": 1}', "a key is given twice"),
    "long number": (text(LEAF).replace("2.0", "9" * 5000), "a number of 5000 digits"),
    "deep": ("[" * 100_000, "nested deeper than 24"),
    "huge": (" " * (document.MAX_BYTES + 1), "larger than 1,048,576 bytes"),
    "not text": (b"\xff\xfe", "no JSON"),
    "unknown op": (text(LEAF, {"do": "op", "name": "b", "op": "system", "args": []}), "unknown op 'system'"),
    "dunder op": (text(LEAF, {"do": "op", "name": "b", "op": "__class__", "args": []}), "does not match"),
    "unknown tensor": (text({"do": "backward", "target": "z"}), "no tensor 'z' has been made"),
    "taken name": (text(LEAF, LEAF), "the name 'a' is taken"),
    "keyword": (text({**LEAF, "name": "lambda"}), "'lambda' is no name"),
    "newline in name": (text({**LEAF, "name": "a\n"}), "is no name"),
    "count": (text({**LEAF, "shape": [3]}), "shape [3] holds 3 values, not 2"),
    "elements": (text({**LEAF, "shape": [4096, 4096]}), "16,777,216 elements"),
    "statements": (
        text(*({**LEAF, "name": f"a{i}"} for i in range(150)), {"do": "block", "mode": "no_grad", "body": [
            {**LEAF, "name": f"b{i}"} for i in range(150)]}), "301 statements"),
    "fraction": (text({**LEAF, "dtype": "int64"}), "int64 holds whole numbers"),
    "misfit": (text(LEAF, {"do": "grad", "names": ["b", "c"], "outputs": ["a"], "inputs": ["a"]}), "2 names for 1 inputs"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(given, says):
    """What is malformed, out of bounds or hostile is refused in one line that names the file and what is wrong."""
    with pytest.raises(InvalidProgram) as caught:
        document.loads(given, source="p.json")
    message = str(caught.value)
    assert message.startswith("p.json: ")
    assert says in message
    assert "\n" not in message
    assert len(message) < 300
