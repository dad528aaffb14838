"""Run a command in an empty folder, so that the installed wheel is used and not the checkout: ``outside.py FOLDER COMMAND...``."""

import subprocess
import sys
from pathlib import Path

folder = Path(sys.argv[1]) / "outside"
folder.mkdir(parents=True, exist_ok=True)
command = [str(Path(sys.executable).with_name(sys.argv[2])), *sys.argv[3:]]
sys.exit(subprocess.call(command, cwd=folder))
