#!/usr/bin/python3
"""Makes small mistakes in the library's code, one at a time, and names those that no test notices.

Usage: scripts/mutate.py [--count 60] [--seed N] [--minutes M] [--jobs J] [--list] [--sources-only]
                         [--folder DIR] [--skip FILE] [files or folders...] | --self-test
Draws a file in proportion to its lines, a line of it, and one of the mistakes that can be made there: a sign, a term or a
statement that is missing, a bound, a constant, a loop's start, a mask, a condition, what is returned. The same seed
draws the same mistakes from the same tree; --list only shows them.
Each is built in a git worktree of what is committed, and meets the tests in the order in which they guard the file:
those of its name, those of its room (its floor, in core), all of xgrad_tests, and for kernels the instruction sets
that this processor would not choose. What fails, crashes, leaks or does not end is killed. What does not compile,
or compiles to the same program, does not count, and another is drawn.
By hand or at night: a source costs the compilation of that file and a link, a header that of all that include it,
which may be the whole library and its tests; --sources-only leaves headers out. --folder keeps the worktree and its
build for the next time (a folder beside the checkout shares its ccache best). Exit status 1 if a mistake survives that
--skip (scripts/mutants_equivalent.txt) does not list with the reason why it is none.
"""
import argparse
import collections
import hashlib
import itertools
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import mutations

ROOT = Path(__file__).resolve().parent.parent
ROOMS = "core ops derivatives compile nn optim io data train profile".split()
LEAST_SECONDS = 60  # that a test may take, whatever it takes without a mistake


def texts_of(tree, wanted, sources_only):
    texts = {}
    for room in ROOMS:
        for path in sorted((tree / room).rglob("*.?pp")):
            name = path.relative_to(tree).as_posix()
            if any(name == one or name.startswith(one.rstrip("/") + "/") for one in wanted or ROOMS):
                if path.suffix == ".cpp" or (path.suffix == ".hpp" and not sources_only):
                    texts[name] = path.read_text()
    if not texts:
        sys.exit("no source of the library is called " + " ".join(wanted))
    return texts


def equivalents(file):
    """Paragraphs of: the file, "- " and the line, "+ " and the mutant's, the reason."""
    known = {}
    for paragraph in re.split(r"\n\s*\n", file.read_text() if file.exists() else ""):
        lines = [line for line in paragraph.strip().splitlines() if not line.startswith("#")]
        if lines and (len(lines) < 4 or lines[1][:2] != "- " or lines[2][:2] != "+ "):
            sys.exit(f"{file}: a paragraph is a file, '- ' before, '+ ' after and a reason, not: {lines[0]}")
        if lines:
            known[lines[0], lines[1][2:], lines[2][2:]] = " ".join(lines[3:])
    return known


# ---- Building and running


class Bench:
    """A worktree with its build."""

    def __init__(self, folder, jobs):
        self.tree, self.build, self.jobs = folder / "tree", folder / "tree/build/release", jobs
        self.program, self.right, self.log = self.build / "tests/xgrad_tests", folder / "unmutated_tests", folder / "log"
        self.seconds = {}
        head = self.command("git", "-C", ROOT, "rev-parse", "HEAD").strip()
        if self.tree.exists():
            self.command("git", "-C", self.tree, "checkout", "--force", "--detach", head)
        else:
            self.command("git", "-C", ROOT, "worktree", "add", "--detach", self.tree, head)
        self.command("cmake", "--preset", "release", "-DXGRAD_BUILD_EXAMPLES=OFF", "-DXGRAD_BUILD_BENCHMARKS=OFF")
        if self.make() is None:
            sys.exit(f"the tests do not build without a mutation; see {self.log}")
        shutil.copy(self.program, self.right)
        self.right_hash = self.hash()
        files = [path.relative_to(self.tree).as_posix() for path in (self.tree / "tests").rglob("test_*.cpp")]
        self.tests = sorted(f for f in files if not re.match(r"tests/(api|compile|installed|out_of_memory)/", f))

    def command(self, *words):
        done = subprocess.run([str(word) for word in words], cwd=self.tree if self.tree.exists() else ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, words))}: {done.stdout}")
        return done.stdout

    def make(self, **environment):
        """How many commands it took, or None if it failed."""
        with open(self.log, "w") as log:
            done = subprocess.run(["cmake", "--build", self.build, "--target", "xgrad_tests", "-j", str(self.jobs)],
                                  stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        steps = re.findall(r"\[(\d+)/\d+\]", self.log.read_text(errors="replace"))
        return None if done.returncode else int(steps[-1]) if steps else 0

    def hash(self):
        return hashlib.sha256(self.program.read_bytes()).hexdigest()

    def run(self, program, guards, isa, limit):
        """What failed, or None; and the seconds that it took."""
        def limits():  # what grows without end must not take the machine along
            memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        begin = time.monotonic()
        with open(self.log, "w") as log:
            process = subprocess.Popen([program, "--no-colors=true", "--abort-after=1", *guards], cwd=self.build, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limits,
                                       env={**os.environ, **({"XGRAD_ISA": isa} if isa else {})})
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = "timeout"
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        seconds = time.monotonic() - begin
        if status == 0:
            return None, seconds
        output = self.log.read_text(errors="replace")
        place = re.search(r"(tests/\S+?\.[ch]pp)(?::\d+)?: (?:FATAL |)(ERROR|LEAK)", output)
        crash = "crash" if "CRASHED" in output or (isinstance(status, int) and status < 0) else ""
        how = "timeout" if status == "timeout" else crash or ("leak" if place and place[2] == "LEAK" else "")
        return " ".join(filter(None, (place[1] if place else guards[0] if guards else "all tests", how, isa))), seconds

    def guards_of(self, path):
        """(doctest's filters, the instruction set), in the order in which they run."""
        room, name = path.split("/")[0], re.sub(r"(_kernels|_definitions)?\.[ch]pp$", "", path.split("/")[-1])
        named = [test for test in self.tests if re.fullmatch(rf"test_{name}(_\w+)?\.cpp", test.split("/")[-1])]
        named = [test for test in named if test.startswith(f"tests/{room}/")] or named
        folder = "tests/" + (path.rsplit("/", 1)[0] if room == "core" else room) + "/"
        while not any(test.startswith(folder) for test in self.tests):
            folder = folder.rstrip("/").rsplit("/", 1)[0] + "/"
        own, near, kernel_tests = ",".join("*/" + test for test in named), f"*/{folder}*", "*/tests/{}/*"
        if own:
            yield ["--source-file=" + own], ""
        yield ["--source-file=" + near] + (["--source-file-exclude=" + own] if own else []), ""
        yield ["--source-file-exclude=" + ",".join(filter(None, (near, own)))], ""
        if "_kernels." in path or path.startswith("core/kernels/"):
            for isa in ("avx2", "baseline"):
                yield ["--source-file=" + ",".join(map(kernel_tests.format, ("core", "ops", "optim")))], isa

    def limit_of(self, guards, isa):
        key = (*guards, isa)
        if key not in self.seconds:
            failed, self.seconds[key] = self.run(self.right, guards, isa, None)
            if failed:
                sys.exit(f"the tests fail without a mutation: {failed}; see {self.log}")
        return max(LEAST_SECONDS, 3 * self.seconds[key])

    def judge(self, mutant):
        """(verdict, commands that were built): what killed it, SURVIVED, or None if it does not count."""
        file = self.tree / mutant.path
        text = file.read_text()
        try:
            file.write_text(text[:mutant.start] + mutant.text + text[mutant.end:])
            built = self.make(CCACHE_READONLY="1")
            if built is None:
                return None, "does not compile"
            if self.hash() == self.right_hash:
                return None, "compiles to the same program"
            for guards, isa in self.guards_of(mutant.path):
                failed, _ = self.run(self.program, guards, isa, self.limit_of(guards, isa))
                if failed:
                    return failed, built
            return "SURVIVED", built
        finally:
            file.write_text(text)


def show(mutant, verdict, rest=""):
    print(f"{mutant.path}:{mutant.line}  {mutant.kind}  {verdict}{rest}\n    - {mutant.before}\n    + {mutant.after}", flush=True)


def judge_all(options, folder):
    known, results, passed = equivalents(options.skip), [], []
    end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    bench = Bench(folder, options.jobs)
    texts = texts_of(bench.tree, options.paths, options.sources_only)
    try:
        for mutant in mutations.drawn(texts, options.seed):
            if len(results) == options.count or time.monotonic() > end:
                break
            begin, reason = time.monotonic(), known.get((mutant.path, mutant.before, mutant.after))
            verdict, built = (None, "equivalent: " + reason) if reason else bench.judge(mutant)
            if verdict is None:
                show(mutant, built + "; another is drawn")
                passed.append(built.split(":")[0])
                continue
            results.append((mutant, verdict, built, time.monotonic() - begin))
            show(mutant, verdict, f"  {results[-1][3]:.0f} s")
    except KeyboardInterrupt:
        print("interrupted")
    print(f"\n{'file:line':38} {'kind':9} {'killed by':60} built seconds")
    for mutant, verdict, built, seconds in sorted(results, key=lambda result: result[1] != "SURVIVED"):
        print(f"{mutant.path + ':' + str(mutant.line):38} {mutant.kind:9} {verdict:60} {built:5} {seconds:7.0f}")
        if verdict == "SURVIVED":
            print(f"    - {mutant.before}\n    + {mutant.after}")
    survivors = sum(result[1] == "SURVIVED" for result in results)
    print(f"seed {options.seed}: {len(results)} mutants, {survivors} survived; not counted:",
          ", ".join(f"{count} {what}" for what, count in sorted(collections.Counter(passed).items())) or "none")
    return 1 if survivors else 0


def self_test(skip):
    """The rules make what they should, and what is listed as no mistake is still one of theirs."""
    wrong, made = mutations.self_test(), {}
    for path, before, after in equivalents(skip):
        if path not in made:
            text = (ROOT / path).read_text() if (ROOT / path).exists() else ""
            made[path] = {(mutant.before, mutant.after) for mutant in mutations.mutants_of(path, text)}
        if (before, after) not in made[path]:
            wrong.append(f"{skip.name}: there is no such mutant of {path} any more: {after}")
    print("\n".join(wrong + [f"{len(wrong)} faults"]))
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", help="files or folders of the library; all of it if none is named")
    parser.add_argument("--count", type=int, default=60, help="mutants that count")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, help="begin no mutant after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="show what would be drawn, and build nothing")
    parser.add_argument("--sources-only", action="store_true", help="no headers")
    parser.add_argument("--folder", type=Path, help="where the worktree and its build are kept")
    parser.add_argument("--skip", type=Path, default=ROOT / "scripts/mutants_equivalent.txt")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test(options.skip)
    options.seed = time.time_ns() % 1000000 if options.seed is None else options.seed
    print(f"seed {options.seed}", flush=True)
    if options.list:
        texts = texts_of(ROOT, options.paths, options.sources_only)
        for mutant in itertools.islice(mutations.drawn(texts, options.seed), options.count):
            show(mutant, "")
        return 0
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        return judge_all(options, options.folder.resolve())
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        try:
            return judge_all(options, Path(folder))
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder + "/tree"], check=False)


if __name__ == "__main__":
    sys.exit(main())
