"""What scripts/reference.py --self-test runs: headers and pages made for it, with one fault each."""
import tempfile
from pathlib import Path

import declarations
import page_programs
import reference

HEADER = '''// A header; this comment is nobody's.
#pragma once
#include "other.hpp"

namespace xgrad {

template <class T>
class Variable;

namespace detail {
int hidden();
}

/// Twice x.
template <class T>
requires(sizeof(T) > 0 && requires(const T& t) { t.x; }) T twice(const T& x) {
  return x;  // "}" and {
}
float twice(float x);
void twice(bool x) = delete;  // no number

/// For the library: nobody's.
int inner();
int inner(int);

/// A box.
template <class T>
class Box : public Base<T> {
  static_assert(true);

 public:
  using value_type = T;
  /// Makes one.
  explicit Box(int n) noexcept : a_{n}, b_(n) {}
  Box(const Box&) = delete;

  /// The size.
  int size() const { return a_ < b_ ? a_ : b_; }
  int raw() const { return a_; }  // For the library
  int rawer() const {  // For the library
    return b_;
  }
  struct Part {
    int x = 0;  ///< of it
  };

 protected:
  virtual void changed() = 0;

 private:
  int a_, b_;
};

/// Kinds.
enum class Kind { one, two };
inline constexpr int most = 8;
using Boxes = Box<Box<int>>;
template <class T>
concept Small = requires(T t) { t.size(); } && sizeof(T) < 8;
/// Adds.
template <class A>
auto operator+(A&& a, A&& b) -> decltype(a.x + b.x) { return a.x + b.x; }
template <>
class Box<bool> {};
extern template class Box<int>;

}  // namespace xgrad
'''

BOX = '''// <xgrad/core/a.hpp>, namespace xgrad
/// A box.
template <class T>
class Box : public Base<T> {
 public:
  using value_type = T;
  /// Makes one.
  explicit Box(int n) noexcept;

  /// The size.
  int size() const;
  struct Part {
    int x = 0;  ///< of it
  };

 protected:
  virtual void changed() = 0;
};'''

TWICE = '''// <xgrad/core/a.hpp>, namespace xgrad
/// Twice x.
template <class T>
requires(sizeof(T) > 0 && requires(const T& t) { t.x; }) T twice(const T& x);
float twice(float x);'''

PAGE = '''# `twice`

<!-- declaration: twice -->
```cpp
''' + TWICE + '''
```
<!-- end of declaration -->

## Example

```cpp
std::cout << 4;
```

```text
4
```
'''

# What is done to the page, and what the check says of it.
FAULTS = [
    (lambda page: page, ""),
    (lambda page: page.replace("float twice", "double twice"), "is not that of the header"),
    (lambda page: page.replace("## Example", "## Sample"), "no example that is run"),
    (lambda page: page.replace("```text\n4\n```\n", ""), "no ```text block"),
    (lambda page: page.replace("```cpp\nstd", "```cpp quick\nstd"), "there is no kind"),
    (lambda page: page.replace("# `twice`", "# twice"), "the title is"),
    (lambda page: page.replace("declaration: twice", "declaration: twice, thrice"), "has no public symbol thrice"),
    (lambda page: page.replace("<!-- end of declaration -->", ""), "one comment"),
    (lambda page: page + "See [it](it.md).\n", "there is no page it.md"),
]


def header_faults(root):
    symbols, faults = declarations.read_all(root), []
    names = [name for room, name in symbols]
    if names != ["twice", "Box", "Kind", "most", "Boxes", "Small", "operators"]:
        faults.append(f"the symbols are {names}")
    for name, text in (("Box", BOX), ("twice", TWICE)):
        if declarations.shown(symbols.get(("core", name), [])) != text:
            faults.append(f"{name} is shown as\n" + declarations.shown(symbols.get(("core", name), [])))
    return faults


def page_test_faults(root):
    symbols, faults = declarations.read_all(root), []
    path = root / "docs/reference/core/twice.md"
    for change, said in FAULTS:
        path.write_text(change(PAGE))
        got = "\n".join(reference.page_faults(reference.Page(root, path), symbols))
        if (said not in got) or (not said and got):
            faults.append(f"of a page with '{said}' the check says '{got}'")
    path.write_text(PAGE.replace(TWICE, "old"))
    if reference.Page(root, path).written(symbols) != PAGE:
        faults.append("--write does not restore the declaration")
    return faults


def comparison_faults(root):
    blocks, faults = page_programs.blocks_of("page", PAGE)[0], []
    for output, is_right in (("4\n", True), ("4  \n\n", True), ("5\n", False), ("", False), ("\x014\n", True)):
        (root / "0.output").write_text(output)
        if bool(page_programs.compare(blocks, root)) == is_right:
            faults.append(f"'{output}' is {'no' if is_right else 'as good as'} 4")
    (root / "0.status").write_text("11")
    if not page_programs.compare(blocks, root):
        faults.append("a program that crashed is taken for a good one")
    line = 1 + PAGE.split("\n").index("std::cout << 4;")
    if f'#line {line} "page"' not in page_programs.source_of(blocks):
        faults.append("an error would not name the page's line")
    return faults


def run():
    with tempfile.TemporaryDirectory(prefix="reference-") as folder:
        root = Path(folder).resolve()
        (root / "core").mkdir()
        (root / "docs/reference/core").mkdir(parents=True)
        (root / "xgrad.hpp").write_text('#include "core/a.hpp"\n')
        (root / "core/a.hpp").write_text(HEADER)
        (root / "core/b.hpp").write_text("namespace xgrad {\nint unreached();\n}\n")
        faults = header_faults(root) + page_test_faults(root) + comparison_faults(root)
    print("\n".join(faults + [f"{len(faults)} faults"]))
    return 1 if faults else 0
