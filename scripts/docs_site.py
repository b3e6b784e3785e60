#!/usr/bin/env python3
"""What scripts/docs.sh does beside calling Sphinx.

Usage: scripts/docs_site.py --stage FOLDER    lays out what Sphinx reads: the pages of docs, the changelog,
                                              CONTRIBUTING.md, sources that pages link to, and a list of each room's
                                              reference
       scripts/docs_site.py --check FOLDER    fails on a link within the built pages whose page, file or anchor is not
                                              there, and on anything that a browser would fetch from elsewhere
       scripts/docs_site.py --self-test
"""
import html.parser
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.dont_write_bytecode = True
import declarations
import reference

ROOT = Path(__file__).resolve().parent.parent

CONFIGURATION = '''
project = "xgrad"
author = "the authors of xgrad"
html_title = "xgrad"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_copy_source = False
html_show_copyright = False
highlight_language = "text"
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_static_path = ["site"]
html_css_files = ["site.css"]
'''

# A declaration's line has up to 110 characters; what a program prints is read whole, an error's sentence above all.
# Pictures are drawn for 720 points. On a telephone long words in titles and tables are broken rather than cut off;
# names in a table's first column stay whole.
STYLE = """.main { min-width: 0; }
.content { box-sizing: border-box; width: 64em; max-width: 100%; }
@media (min-width: 63.1em) { .sidebar-drawer { width: calc(50% - 32em); } }
article { overflow-wrap: break-word; }
.highlight-text pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.content img { max-width: min(100%, 45em); }
h1, h2, h3 { overflow-wrap: anywhere; }
@media (max-width: 46em) {
  h1 { font-size: 2em; }
  h2 { font-size: 1.6em; }
  .content table { font-size: 0.85em; }
  .content td + td { min-width: 10em; overflow-wrap: anywhere; }
}
"""

# The pages that the start page leads to, in the order of the side bar; a page of docs that is missing here is an error.
PAGES = {
    "Start": "quick-start how-to coming-from xtensor",
    "Learn": "course beyond programs",
    "Use": "training compiling measuring files debugging conventions performance reliability",
    "Inside": "architecture operations adding-an-operation adding-a-layer adding-an-optimizer adding-a-file-format "
              "contributing changelog",
}

ROOMS = {
    "core": "Values and the graph: Variables, Arrays, shapes, scopes, random numbers, memory, threads, errors.",
    "ops": "Operations on Variables.",
    "derivatives": "Derivatives of functions, checks of gradients, operations of one's own, checkpoints.",
    "compile": "Functions that are captured once and replayed.",
    "nn": "Modules, layers, initial values.",
    "optim": "Optimizers, learning rates over time, clipping.",
    "data": "Data sets, loaders, tables, images, points.",
    "io": "Files of arrays and modules, drawings of graphs.",
    "train": "Training by one call, metrics.",
    "profile": "How long models and operations take.",
}

LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def outside_code(text, change):
    """The text with `change` made to what is no block of code."""
    parts = re.split(r"(^```.*?^```[ \t]*$)", text, flags=re.S | re.M)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def page_of_source(name):
    return "sources/" + name + ".md"


def staged_text(path, text, sources):
    """A page's text with its links led to where the site has what they name; files of the code go to `sources`."""
    depth = "../" * (len(path.relative_to(ROOT / "docs").parts) - 1) if "docs" in path.parts else ""

    def led(match):
        target, mark, anchor = match[2].partition("#")
        if not target or re.match(r"\w+:", target):
            return match[0]
        file = (path.parent / target).resolve()
        name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else target
        if name in ("CONTRIBUTING.md", "CHANGELOG.md"):
            target = depth + name.lower()
        elif file.is_dir():
            target = target.rstrip("/") + "/index.md"
        elif name.startswith("docs/"):
            target = depth + name[len("docs/"):]
        elif file.is_file():
            sources.add(name)
            target = depth + page_of_source(name)
        return match[1] + target + mark + anchor + match[3]

    return outside_code(text, lambda part: LINK.sub(led, part))


def first_sentence(declaration):
    """What a declaration's comment begins with, for a list."""
    lines = [line.strip()[3:].strip() for line in declaration.text.split("\n") if line.strip().startswith("///")]
    text = " ".join(lines)
    sentence = re.split(r"(?<=[^.]\.) (?=[A-Z])|(?<=[^.])[:;] ", text)[0].rstrip(".;:")
    if sentence.count("`") % 2:
        sentence = sentence.replace("`", "")
    parts = sentence.split("`")  # every second one is code
    return "`".join(part if k % 2 else re.sub(r"([*_<>|\[\]\\])", r"\\\1", part) for k, part in enumerate(parts))


def opening(page):
    """The first sentence of a page's own text."""
    text = " ".join(page.text.partition("<!-- end of declaration -->")[2].partition("\n## ")[0].split())
    return re.split(r"(?<=\.) |: ", text)[0].rstrip(".") if not text.startswith("**") else ""


def room_page(room, text, pages, symbols):
    rows = []
    for page in sorted(pages, key=lambda one: one.name.lower()):
        if page.room == room:
            known = [one for name in page.symbols for one in symbols.get((room, name), [])]
            said = next(filter(None, map(first_sentence, known)), "") or opening(page)
            rest = "; with " + ", ".join(f"`{name}`" for name in page.symbols[1:]) if page.symbols[1:] else ""
            rows.append(f"| [`{page.symbols[0]}`]({page.path.name}) | {said}{rest} |")
    table = "\n".join(["| page | what it is |", "|---|---|", *rows])
    names = sorted((page.path.stem for page in pages if page.room == room), key=str.lower)
    tree = "\n".join(["```{toctree}", ":hidden:", *names, "```"])
    return f"# Reference: {room}\n\n{text}\n\n{table}\n\n{tree}\n"


def toctrees():
    trees = []
    for caption, names in PAGES.items():
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names.split(), "```"]))
    rooms = "\n".join(f"{room} <reference/{room}/index>" for room in ROOMS)
    trees.insert(3, "\n".join(["```{toctree}", ":hidden:", ":caption: Reference", "", rooms, "```"]))
    return "\n\n".join(trees) + "\n"


def stage(folder):
    listed = " ".join(PAGES.values()).split()
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if page.stem not in listed + ["index"]]
    if missing:
        sys.exit("scripts/docs_site.py has no place for " + ", ".join(missing))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    sources = set()
    for path in sorted((ROOT / "docs").rglob("*.md")):
        (folder / path.relative_to(ROOT / "docs")).write_text(staged_text(path, path.read_text(), sources))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (folder / name.lower()).write_text(staged_text(ROOT / name, (ROOT / name).read_text(), sources))
    for name in sorted(sources):
        page = folder / page_of_source(name)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"---\norphan: true\n---\n# {name}\n\n````cpp\n{(ROOT / name).read_text()}\n````\n")
    pages, symbols = reference.pages_of(ROOT), declarations.read_all(ROOT)
    for room, text in ROOMS.items():
        (folder / "reference" / room).mkdir(parents=True, exist_ok=True)
        (folder / "reference" / room / "index.md").write_text(room_page(room, text, pages, symbols))
    with (folder / "index.md").open("a") as start:
        start.write("\n" + toctrees())
    (folder / "conf.py").write_text(CONFIGURATION)
    (folder / "site").mkdir()
    (folder / "site/site.css").write_text(STYLE)
    print(f"{len(list(folder.rglob('*.md')))} pages")


class Built(html.parser.HTMLParser):
    """The links, loaded files and anchors of a built page."""

    def __init__(self):
        super().__init__()
        self.links, self.loaded, self.anchors = [], [], {""}

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.anchors |= {known[name] for name in ("id", "name") if known.get(name)}
        if known.get("href") and tag == "a":
            self.links.append(known["href"])
        elif known.get("href") and known.get("rel") not in ("canonical", "search", "index", "next", "prev"):
            self.loaded.append(known["href"])
        if known.get("src"):
            self.loaded.append(known["src"])


def read_built(path):
    built = Built()
    built.feed(path.read_text(errors="replace"))
    return built


def link_faults(folder):
    """What is wrong with the links of the pages in a folder; how many pages and links there are."""
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pages = {name: read_built(folder / name) for name in sorted(files) if name.endswith(".html")}
    faults, links = [], 0
    for name, built in pages.items():
        for target in built.loaded + built.links:
            links += 1
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if target in built.loaded and parts.scheme != "data":
                    faults.append(f"{name}: loads {target} from elsewhere")
                continue
            file = os.path.normpath(os.path.join(os.path.dirname(name), unquote(parts.path))) if parts.path else name
            if file not in files:
                faults.append(f"{name}: there is no {target}")
            elif file in pages and unquote(parts.fragment) not in pages[file].anchors:
                faults.append(f"{name}: there is no anchor {target}")
    for path in folder.rglob("*.css"):
        for target in re.findall(r"(?:url\(|@import\s+)[\"']?(https?:[^\"')\s]+)", path.read_text(errors="replace")):
            faults.append(f"{path.relative_to(folder)}: loads {target} from elsewhere")
    return sorted(set(faults)), len(pages), links


def check(folder):
    faults, pages, links = link_faults(folder)
    if pages == 0:
        faults.append(f"there are no pages in {folder}")
    print("\n".join(faults + [f"{pages} pages, {links} links, {len(faults)} faults"]))
    return 1 if faults else 0


def self_test():
    good = '<a href="b.html#x">b</a><a href="#y">y</a><p id="y"></p><img src="p.png"><a href="https://e.org">e</a>'
    cases = [(good, ""), (good + '<a href="c.html">', "no c.html"), (good + '<a href="b.html#z">', "anchor b.html#z"),
             (good + '<a href="#q">', "anchor #q"), (good + '<script src="https://e.org/a.js"></script>', "elsewhere"),
             (good + '<img src="q.png">', "no q.png"),
             (good + '<link rel="stylesheet" href="//e.org/a.css">', "elsewhere")]
    faults = []
    for text, said in cases:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "a.html").write_text(text)
            (folder / "b.html").write_text('<p id="x"></p>')
            (folder / "p.png").write_text("")
            got = " ".join(link_faults(folder)[0])
            if said not in got or (not said and got):
                faults.append(f"of a page with '{said}' the check says '{got}'")
    moved = staged_text(ROOT / "docs/reference/ops/a.md", "[a](../../how-to.md#b) [c](../../../xgrad.hpp) [d](#e)\n"
                        "```cpp\n[](int x)\n```\n", set())
    if moved != "[a](../../how-to.md#b) [c](../../sources/xgrad.hpp.md) [d](#e)\n```cpp\n[](int x)\n```\n":
        faults.append("links are led to " + moved)
    print("\n".join(faults + [f"{len(faults)} faults"]))
    return 1 if faults else 0


def main():
    action, *rest = sys.argv[1:] or [""]
    if action == "--stage" and len(rest) == 1:
        return stage(Path(rest[0]))
    if action == "--check" and len(rest) == 1:
        return check(Path(rest[0]))
    if action == "--self-test" and not rest:
        return self_test()
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
