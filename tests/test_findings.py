"""What ``docs/findings.md`` says of released libraries is what they do."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

TEXT = (Path(__file__).parent.parent / "docs" / "findings.md").read_text(encoding="utf-8")
LIBRARIES = {
    "PyTorch": "torch", "mygrad": "mygrad", "HIPS autograd": "autograd", "tinygrad": "tinygrad", "MLX": "mlx",
    "micrograd": "micrograd", "JAX": "jax", "PaddlePaddle": "paddlepaddle",
}  # fmt: skip


def findings():
    """Each script with what it prints, the library and the release it is of."""
    for part in TEXT.split("\n## ")[1:]:
        library, _, release = part.partition("\n")[0].rpartition(" ")
        scripts = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", part, re.DOTALL)
        assert len(scripts) == part.count("```python"), f"{library}: a script without what it prints"
        for number, (script, printed) in enumerate(scripts):
            yield pytest.param(LIBRARIES[library], release, script, printed, id=f"{LIBRARIES[library]}-{number}")


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # PyTorch's own use of it, in torch.func
@pytest.mark.filterwarnings("ignore:torch.triangular_solve is deprecated")
@pytest.mark.filterwarnings("ignore:No ccache found")  # PaddlePaddle's word on import
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a library divides by zero on its way to what is told
@pytest.mark.parametrize(("library", "release", "script", "printed"), list(findings()))
def test_as_told(library, release, script, printed, capsys, request):
    """A script runs on its own, and prints what is told."""
    try:
        installed = version(library).partition("+")[0]
    except PackageNotFoundError:
        pytest.skip(f"{library} is not installed")
    if installed != release:
        pytest.skip(f"{library} {installed} is installed, the finding is of {release}")
    assert "refgrad" not in script
    assert len(script.splitlines()) <= 15
    # Dynamo knows functions by file and line, and would take one script's for another's
    exec(compile(script, request.node.name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == printed
