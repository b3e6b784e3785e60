#!/usr/bin/env python3
"""Checks, completes and runs the pages of docs/reference: one page a public symbol.

Usage: scripts/reference.py --check | --write | --symbols | --run [pages...] | --self-test
--symbols lists the public symbols of the headers that <xgrad/xgrad.hpp> brings in, each with its page or a dash.
--write   puts the declarations, with their comments, from the headers into the pages that name them.
--check   fails on a symbol without a page, a page that names none, has no example, or shows an old declaration.
--run     compiles the programs of pages (all of the reference, docs/index.md and docs/quick-start.md if none is named)
          against a libxgrad, runs each in an empty folder, and compares what it prints with the page. What a page says
          is verified by people: nothing here writes it.
For CMake: --generate SOURCE writes the programs of pages as one source, --compare PROGRAM runs what was made of it, and
--refused looks at the programs alone that must not compile.
It needs Python 3.9 and a compiler, and no package.
"""
import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import declarations
import page_programs

BLOCK = re.compile(r"(<!-- declaration: ([^>]*?) -->\n)(.*?)(<!-- end of declaration -->)", re.S)
PAGES_A_PROGRAM = 40


class Page:
    def __init__(self, root, path):
        self.path, self.name = path, path.relative_to(root).as_posix()
        self.text = path.read_text()
        self.room = path.parent.name
        found = BLOCK.search(self.text)
        self.symbols = [name.strip() for name in found[2].split(",")] if found else []
        self.has_one_block = len(BLOCK.findall(self.text)) == 1

    def written(self, symbols):
        """The text with the declarations as the headers have them."""
        known = [declaration for name in self.symbols for declaration in symbols.get((self.room, name), [])]
        block = "```cpp\n" + declarations.shown(known) + "\n```\n" if known else ""
        return BLOCK.sub(lambda m: m[1] + block + m[4], self.text, count=1)


def pages_of(root):
    folder = root / "docs/reference"
    return [Page(root, path) for path in sorted(folder.glob("*/*.md")) if path.name != "index.md"]


def page_faults(page, symbols):
    """What is wrong with one page."""
    if not page.has_one_block:
        return [f"{page.name}: one comment '<!-- declaration: names -->' and its end stand on a page"]
    faults = [f"{page.name}: {page.room} has no public symbol {name}" for name in page.symbols
              if (page.room, name) not in symbols]
    if page.symbols[0] != page.path.stem:
        faults.append(f"{page.name}: a page is called as its first symbol, {page.symbols[0]}")
    if not page.text.startswith(f"# `{page.symbols[0]}`\n"):
        faults.append(f"{page.name}: the title is '# `{page.symbols[0]}`'")
    blocks, bad = page_programs.blocks_of(page.name, page.text)
    faults += bad
    if not re.search(r"^## Example$", page.text, re.M) or not any(block.kind != "refused" for block in blocks):
        faults.append(f"{page.name}: no example that is run")
    if not faults and page.written(symbols) != page.text:
        faults.append(f"{page.name}: its declaration is not that of the header; run scripts/reference.py --write")
    for link in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.text):
        if not (page.path.parent / link).exists():
            faults.append(f"{page.name}: there is no page {link}")
    return faults


def check(root):
    symbols, pages = declarations.read_all(root), pages_of(root)
    faults, pages_by_symbol, lower = [], {}, {}
    for page in pages:
        faults += page_faults(page, symbols)
        other = lower.setdefault(page.name.lower(), page.name)
        if other != page.name:
            faults.append(f"{page.name}: differs from {other} by case alone; one page for both")
        for name in page.symbols:
            if (page.room, name) in pages_by_symbol:
                faults.append(f"{page.name}: {name} has a page, {pages_by_symbol[page.room, name].name}")
            pages_by_symbol[page.room, name] = page
    for (room, name), found in symbols.items():
        if (room, name) not in pages_by_symbol:
            faults.append(f"{found[0].header}:{found[0].line}: {name} has no page in docs/reference/{room}")
    print("\n".join(faults + [f"{len(symbols)} symbols, {len(pages)} pages, {len(faults)} faults"]))
    return 1 if faults else 0


def write(root):
    symbols = declarations.read_all(root)
    for page in pages_of(root):
        text = page.written(symbols)
        if text != page.text:
            page.path.write_text(text)
            print(page.name)
    return 0


def list_symbols(root):
    named = {(page.room, name): page.name for page in pages_of(root) for name in page.symbols}
    for (room, name), found in declarations.read_all(root).items():
        print(room, name, found[0].header, named.get((room, name), "-"))
    return 0


def blocks_of(root, paths):
    blocks, faults = [], []
    for path in paths:
        found, bad = page_programs.blocks_of(path.relative_to(root).as_posix(), path.read_text())
        blocks += found
        faults += bad
    return blocks, faults


def paths_of(root, given):
    if not given:
        return [page.path for page in pages_of(root)] + [
            path for path in (root / "docs/index.md", root / "docs/quick-start.md") if path.exists()]
    paths = []
    for name in given:
        path = next((path for path in (Path(name), root / name) if path.exists()), None)
        if path is None:
            sys.exit(f"there is no page {name}")
        path = path.resolve()
        paths += sorted(file for file in path.rglob("*.md") if file.name != "index.md") if path.is_dir() else [path]
    return paths


def run(root, options):
    """Runs the programs of pages, or compiles those that must be refused, or does both."""
    paths, done, faults = paths_of(root, options.pages), 0, []
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        compiler = page_programs.compiler_of(options.compiler.split(), root, options.include, folder)
        if options.run:
            library = page_programs.library_of(options.build or root / "build/release", options.library)
            compiler.linked = [str(library), *options.link.split()]
        if options.include is None:
            compiler.precompile([root / "xtensor.hpp"] + [root / name for name in declarations.reached_headers(root)])
        at_once = PAGES_A_PROGRAM if options.run else max(len(paths), 1)
        for first in range(0, len(paths), at_once):
            blocks, bad = blocks_of(root, paths[first:first + at_once])
            refused = [block for block in blocks if block.kind == "refused"]
            if options.run:
                bad += page_programs.run_blocks([block for block in blocks if block.kind != "refused"], compiler)
            bad += page_programs.run_refused(refused, compiler)
            if bad:
                print("\n".join(bad), flush=True)
            faults += bad
            done += len(blocks) if options.run else len(refused)
    print(f"{len(paths)} pages, {done} programs, {len(faults)} faults")
    return 1 if faults else 0


def generate(root, options):
    blocks, faults = blocks_of(root, paths_of(root, options.pages))
    if faults:
        print("\n".join(faults))
        return 1
    text = page_programs.source_of([block for block in blocks if block.kind != "refused"])
    if not options.generate.exists() or options.generate.read_text() != text:
        options.generate.parent.mkdir(parents=True, exist_ok=True)
        options.generate.write_text(text)
    return 0


def compare(root, options):
    blocks, faults = blocks_of(root, paths_of(root, options.pages))
    faults += page_programs.run_program(options.compare, [block for block in blocks if block.kind != "refused"])
    print("\n".join(faults + [f"{len(blocks)} programs, {len(faults)} faults"]))
    return 1 if faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="pages, or folders of pages")
    for action in ("check", "write", "symbols", "run", "refused", "self-test"):
        parser.add_argument("--" + action, action="store_true")
    parser.add_argument("--generate", type=Path, metavar="SOURCE")
    parser.add_argument("--compare", type=Path, metavar="PROGRAM")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the checkout")
    parser.add_argument("--build", type=Path, help="a build folder with libxgrad; build/release of the checkout")
    parser.add_argument("--library", type=Path, help="libxgrad itself")
    parser.add_argument("--include", type=Path, help="the folder that has xgrad/xgrad.hpp; the checkout's headers")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    parser.add_argument("--link", default="-lopenblas -lminizip -lz -ldl -pthread", help="what a static libxgrad needs")
    options = parser.parse_args()
    root = options.root.resolve()
    actions = [(options.check, check), (options.write, write), (options.symbols, list_symbols)]
    for wanted, action in actions:
        if wanted:
            return action(root)
    actions = [(options.run or options.refused, run), (options.generate, generate), (options.compare, compare)]
    for wanted, action in actions:
        if wanted:
            return action(root, options)
    if options.self_test:
        import reference_self_test
        return reference_self_test.run()
    parser.error("one of --check, --write, --symbols, --run, --self-test")


if __name__ == "__main__":
    sys.exit(main())
