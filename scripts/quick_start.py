#!/usr/bin/env python3
"""Does what docs/quick-start.md says, to the letter, and says how long each part took.

Usage: scripts/quick_start.py FOLDER [--installed PREFIX]
Writes the page's files into FOLDER, which must be new, and runs its commands: as root it installs the packages, builds
xgrad from this checkout, builds the project and runs it. Fails where a command does, or prints something else than the
page says. With --installed the first two parts are left out: xgrad is installed in PREFIX already.
"""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```[ \t]*$", re.S | re.M)


def run(commands, folder):
    began = time.monotonic()
    done = subprocess.run(["sh", "-e", "-c", commands], cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    print(f"{time.monotonic() - began:6.1f} s  " + commands.strip().split("\n")[0], flush=True)
    if done.returncode != 0:
        sys.exit(done.stdout + f"ended with status {done.returncode}")
    return done.stdout


def main():
    if len(sys.argv) not in (2, 4) or (len(sys.argv) == 4 and sys.argv[2] != "--installed"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    text = (ROOT / "docs/quick-start.md").read_text()
    commands, printed, files = [], [], []
    for m in FENCE.finditer(text):
        if m[1] == "sh":
            commands.append(m[2])
        elif m[1] == "text":
            printed.append(m[2].strip())
        else:  # the file that the paragraph above is about
            name = re.findall(r"`([\w.]+)`", text[:m.start()].rstrip().rsplit("\n\n", 1)[1])[0]
            (folder / name).write_text(m[2])
            files.append(name)
    packages, library, project = commands
    if len(sys.argv) == 4:
        project = project.replace("~/xgrad-installed", str(Path(sys.argv[3]).resolve()))
    else:
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        run(packages, folder)
        run(library, ROOT)
    output = run(project, folder)
    missing = [line for block in printed for line in block.split("\n") if line not in output]
    print(output + "\n".join("the page says, and nothing printed: " + line for line in missing), end="")
    print(f"{len(files)} files, {len(printed)} outputs, {len(missing)} faults")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
