"""The programs on the pages of docs: finds them, makes one source of many, runs each in a folder of its own, compares.

A ```cpp block is the body of a function of its own, or, if it has an `int main`, a program with what it needs at
namespace scope. What it prints to std::cout, and then what() of the exception that it throws, is the ```text block that
follows it. ```cpp continued runs in the folder of the block before it, among its files; ```cpp refused must not
compile, and each line of its text stands in what the compiler says.
"""
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

PREAMBLE = """// Made by scripts/reference.py from pages of docs.
#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <xgrad/xgrad.hpp>
#include <xgrad/xtensor.hpp>

namespace xg = xgrad;
"""

# Every block runs in a child, so that none sees another's random numbers, threads or crash.
MAIN = """
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Block {
  void (*run)();
  const char* folder;
};

const Block blocks[] = {
%s};

[[noreturn]] void run(const Block& block, const std::string& output) {
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || dup2(file, 1) < 0 || chdir(block.folder) != 0) _exit(125);
  std::string thrown;
  try {
    block.run();
  } catch (const std::exception& fault) {
    thrown = fault.what();
  }
  if (!thrown.empty()) std::cout << '\\x01' << thrown << '\\n';
  std::cout.flush();
  std::fflush(stdout);
  _exit(0);
}

}  // namespace

int main(int, char** arguments) {
  std::filesystem::current_path(arguments[1]);
  int number = 0;
  for (const Block& block : blocks) {
    const std::string name = std::to_string(number++);
    std::filesystem::create_directories(block.folder);
    const pid_t child = fork();
    if (child == 0) run(block, std::filesystem::absolute(name + ".output").string());
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) std::ofstream(name + ".status") << status;
  }
  return 0;
}
"""


class Block:
    """One program of a page, with the text that follows it, or None."""

    def __init__(self, page, line, kind, code, text):
        self.page, self.line, self.kind, self.code, self.text = page, line, kind, code, text

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def without_declarations(text):
    """The page with the lines of its declarations as blanks: they are no programs."""
    pattern = r"<!-- declaration:.*?<!-- end of declaration -->"
    return re.sub(pattern, lambda m: "\n" * m[0].count("\n"), text, flags=re.S)


def blocks_of(page, text):
    """The page's programs in order; a fault, a string, for what is none."""
    fence = re.compile(r"^```([^\n`]*)\n(.*?)^```[ \t]*$", re.S | re.M)
    text = without_declarations(text)
    fences = [(m.start(), m.end(), m[1].strip(), m[2]) for m in fence.finditer(text)]
    found, faults = [], []
    for k, (start, end, info, code) in enumerate(fences):
        if info.split()[:1] != ["cpp"]:
            continue
        line, kind = text.count("\n", 0, start) + 1, " ".join(info.split()[1:])
        follows = k + 1 < len(fences) and fences[k + 1][2] == "text" and len(fences[k + 1][3].strip()) > 0
        if kind not in ("", "refused", "continued"):
            faults.append(f"{page}:{line}: there is no kind '{kind}' of program: it is none, refused or continued")
        elif not follows:
            faults.append(f"{page}:{line}: no ```text block with what it prints follows this program")
        else:
            found.append(Block(page, line, kind, code, fences[k + 1][3]))
    return found, faults


def source_of_block(block, number):
    code = block.code
    at_line = f'#line {block.line + 1} "{block.page}"\n'
    if not re.search(r"^int main\(", code, re.M):
        return f"void block_{number}() {{\n{at_line}{code}}}\n"
    code = re.sub(r"^#include\b.*$", "", code, flags=re.M)
    call = f"space_{number}::main({'' if re.search(r'^int main[(] *[)]', code, re.M) else '0, nullptr'})"
    # Only the real main returns 0 where it says nothing.
    code = re.sub(r"(^int main[(].*?)^}", r"\1return 0; }", code, flags=re.M | re.S)
    return f"namespace space_{number} {{\n{at_line}{code}}}\nvoid block_{number}() {{\n{call};\n}}\n"


def source_of(blocks, preamble=PREAMBLE):
    """One source whose program runs all of these blocks."""
    parts, table, folder = [preamble, "namespace {\n"], [], 0
    for number, block in enumerate(blocks):
        folder = folder if block.kind == "continued" else number
        parts.append(source_of_block(block, number))
        table.append(f'    {{block_{number}, "{folder}"}},\n')
    return "".join(parts) + "}  // namespace\n" + '#line 1 "made by scripts/reference.py"' + MAIN % "".join(table)


def normal(text):
    lines = [line.rstrip() for line in text.rstrip().split("\n")]
    return lines


def printed(folder, number):
    """What a block has printed; what it threw stands on a line of its own."""
    output = folder / f"{number}.output"
    text = output.read_text(errors="replace") if output.exists() else ""
    before, thrown, after = text.partition("\x01")
    if thrown and before and not before.endswith("\n"):
        before += "\n"
    status = folder / f"{number}.status"
    return before + after + (f"\nended with status {status.read_text()}" if status.exists() else "")


def compare(blocks, folder):
    """The faults of blocks that have run in `folder`."""
    faults = []
    for number, block in enumerate(blocks):
        wanted, got = normal(block.text), normal(printed(folder, number))
        if wanted != got:
            faults.append(f"{block.place}: the page says\n" + indented(wanted) + "\n  and the program prints\n" +
                          indented(got))
    return faults


def indented(lines):
    return "\n".join("    " + line for line in lines)


class Compiler:
    """How programs of pages are compiled and linked."""

    def __init__(self, command, flags, include):
        self.command, self.flags, self.include = command, flags, include
        self.linked = []  # libxgrad and what it needs
        self.preamble = PREAMBLE  # what a source begins with

    def arguments(self):
        return [*self.command, *self.flags, "-w", *(f"-I{folder}" for folder in self.include)]

    def precompile(self, headers):
        """Reads what every program includes once for all, for as long as `headers` are as they are (g++ alone)."""
        version = subprocess.run([*self.command, "--version"], capture_output=True, text=True, check=False).stdout
        if "clang" in version or "Free Software" not in version:
            return
        state = repr([PREAMBLE, version, self.flags]).encode() + b"".join(path.read_bytes() for path in headers)
        cache = Path(tempfile.gettempdir()) / f"xgrad-pages-{os.getuid()}" / hashlib.sha256(state).hexdigest()[:16]
        header = cache / "preamble.hpp"
        if not (cache / "preamble.hpp.gch").exists():
            cache.mkdir(parents=True, exist_ok=True)
            header.write_text(PREAMBLE)
            made = cache / f"{os.getpid()}.gch"
            subprocess.run([*self.arguments(), "-x", "c++-header", str(header), "-o", str(made)], check=True)
            made.rename(cache / "preamble.hpp.gch")
        self.flags, self.preamble = [*self.flags, "-include", str(header)], ""


def run_program(program, blocks):
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        done = subprocess.run([program, folder], capture_output=True, text=True, errors="replace", check=False,
                              env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # it forks: no threads before that
        if done.returncode != 0:
            return [f"the program of the blocks ended with status {done.returncode}: {done.stderr.strip()}"]
        return compare(blocks, Path(folder))


def run_blocks(blocks, compiler):
    """Compiles and runs blocks that must compile, and gives the faults."""
    if not blocks:
        return []
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        source, program = Path(folder) / "blocks.cpp", Path(folder) / "blocks"
        source.write_text(source_of(blocks, compiler.preamble))
        done = subprocess.run([*compiler.arguments(), str(source), "-o", str(program),
                               *compiler.linked], capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0:
            return run_program(program, blocks)
        if len(blocks) == 1:
            return [f"{blocks[0].place}: does not compile\n" + indented(done.stderr.split("\n")[:30])]
        named = {block.page for block in blocks if f"{block.page}:" in done.stderr}
        wrong = [block for block in blocks if block.page in named]
        errors = [line for line in done.stderr.split("\n") if "error" in line][:30]
        if not named or len(wrong) == len(blocks):
            return ["does not compile\n" + indented(errors or done.stderr.split("\n")[:30])]
        faults = [f"{page}: does not compile" for page in sorted(named)] + ["\n" + indented(errors)]
        return faults + run_blocks([block for block in blocks if block.page not in named], compiler)


def run_refused(blocks, compiler):
    """The faults of blocks that must not compile: all at once, and those that this does not settle one by one.

    A compiler may say of two blocks that make the same mistake only once what it is.
    """
    if not blocks:
        return []
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        source = Path(folder) / "blocks.cpp"
        parts = [source_of_block(block, number) for number, block in enumerate(blocks)]
        source.write_text(compiler.preamble + "".join(parts))
        done = subprocess.run([*compiler.arguments(), "-fsyntax-only", str(source)], capture_output=True, text=True,
                              errors="replace", check=False, env={**os.environ, "LC_ALL": "C"})
    faults, open_ones = [], []
    for block in blocks:
        said = " ".join(done.stderr.split())
        lines = range(block.line, block.line + block.code.count("\n") + 2)
        missing = [line for line in normal(block.text) if " ".join(line.split()) not in said]
        if not missing and any(f"{block.page}:{line}:" in done.stderr for line in lines):
            continue
        errors = [line for line in done.stderr.split("\n") if "error" in line][:12]
        open_ones.append(block)
        faults.append(f"{block.place}: the compiler does not say\n" + indented(missing) + "\n  but\n" +
                      indented(errors or ["nothing: it compiles"]))
    if len(blocks) == 1:
        return faults
    return [fault for block in open_ones for fault in run_refused([block], compiler)]


def default_compiler_flags(command):
    """What the library's headers want beside -std=c++20 (see CMakeLists.txt)."""
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    if "clang" in version:
        number = int(re.search(r"version (\d+)", version)[1])
        return ["-fno-relaxed-template-template-args"] if 19 <= number < 21 else []
    return ["-fno-new-ttp-matching"]


def compiler_of(command, root, include, folder):
    """The compiler for a checkout: a link in `folder` gives its headers the path that installed ones have."""
    if not include:
        (Path(folder) / "xgrad").symlink_to(Path(root).resolve())
        include = [folder]
    if not shutil.which(command[0]):
        raise SystemExit(f"there is no compiler {command[0]}")
    return Compiler(command, ["-std=c++20", "-O0", *default_compiler_flags(command)], include)


def library_of(build, library):
    """The libxgrad to link, in a build folder unless it is named."""
    if library is None:
        files = (Path(build) / "libxgrad.a", Path(build) / "libxgrad.so")
        library = next((file for file in files if file.exists()), None)
    if library is None or not Path(library).exists():
        raise SystemExit(f"there is no libxgrad in {build}; --build names a build folder, or --library the library")
    return library
