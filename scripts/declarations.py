"""Reads the public declarations of the headers that <xgrad/xgrad.hpp> brings in, as the reference's pages show them.

A small reader for headers as this repository writes them, not for C++: comments, namespaces, classes, functions,
aliases, constants, concepts and enumerations. What is not for users stays out: the namespaces in HIDDEN, kernels,
`= delete`, specialisations, explicit instantiations, forward declarations, private members, and what has a comment that
begins with "For the library", above it or behind it. One above stands for the lines right below, too, up to the next.
"""
import re
from pathlib import Path

ROOMS = "core ops derivatives compile nn optim data io train profile".split()
HIDDEN = {"detail", "formulas", "functions", "memory", "kernels", "simd", "isa", "xt", "std"}
FOR_THE_LIBRARY = re.compile(r"\s*//[/!]?<?\s*For the library\b")
DELETED = re.compile(r"=\s*delete\s*;$")
KEYWORD = re.compile(r"\b(class|struct|union|enum)\b")


class Declaration:
    """One declaration: its symbol, what pages show of it, and where it stands."""

    def __init__(self, header, namespace, name, text, line, joined):
        self.header, self.namespace, self.name, self.text, self.line = header, namespace, name, text, line
        self.joined = joined  # it stands right below the declaration before it

    @property
    def room(self):
        return self.header.split("/")[0]


def reached_headers(root):
    """The headers that xgrad.hpp reaches."""
    found = []

    def reach(path):
        name = path.relative_to(root).as_posix()
        if name in found:
            return
        found.append(name)
        for included in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            for candidate in (path.parent / included, root / included):
                if candidate.exists():
                    reach(candidate.resolve())
                    break

    root = Path(root).resolve()
    reach(root / "xgrad.hpp")
    return sorted(found)


def public_headers(root):
    """Those of them that lie in a room, without those of kernels."""
    return [name for name in reached_headers(root) if name.split("/")[0] in ROOMS and "/simd/" not in name]


def blanked(text):
    """The text with comments and preprocessor lines as blanks and literals as x, of the same length."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*'
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " " if m[0][0] != '"' else "x", m[0]), text, flags=re.S | re.M)


def close_of(code, start):
    """The place of the bracket that closes the one at `start`."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    stack = []
    for i in range(start, len(code)):
        if code[i] in pairs:
            stack.append(pairs[code[i]])
        elif stack and code[i] == stack[-1]:
            stack.pop()
            if not stack:
                return i
    raise ValueError("a bracket is not closed")


def angle_close(code, start):
    depth, i = 0, start
    while i < len(code):
        if code[i] in "([{":
            i = close_of(code, i)
        elif code[i] == "<":
            depth += 1
        elif code[i] == ">" and code[i - 1] != "-":
            depth -= 1
            if depth == 0:
                return i
        i += 1
    raise ValueError("an angle bracket is not closed")


def bare(code):
    """A declaration without template heads, parenthesised constraints and attributes; same length."""
    code = list(code)

    def blank(first, last):
        for k in range(first, last + 1):
            code[k] = " "

    text = "".join(code)
    for m in re.finditer(r"\btemplate\s*<", text):
        blank(m.start(), angle_close(text, m.end() - 1))
    text = "".join(code)
    for m in re.finditer(r"\[\[", text):
        blank(m.start(), close_of(text, m.start()))
    text = "".join(code)
    for m in re.finditer(r"\b(requires|decltype|alignas|explicit|noexcept)\s*\(", text):
        if text[m.start()] != " ":
            last = close_of(text, m.end() - 1)
            if m[1] != "explicit" or text[m.end() - 1:last + 1].strip("() ") in ("true", "false"):
                blank(m.start(), last)
    return "".join(code)


def without_last_parentheses(code):
    """`requires` of `requires` and of `requires(const R& r)`."""
    depth = 0
    for i in range(len(code) - 1, -1, -1) if code.endswith(")") else ():
        depth += (code[i] == ")") - (code[i] == "(")
        if depth == 0:
            return code[:i].rstrip()
    return code


def end_of(code, start):
    """Where the declaration at `start` ends: (its end, where its signature ends, is it a class's)."""
    i, equals, colon, seen_parenthesis = start, False, False, False
    head = bare_head(code, start)
    keyword = KEYWORD.search(head)
    is_class = bool(keyword) and "(" not in head[:keyword.start()] and not head.strip().startswith("friend")
    signature = None
    while i < len(code):
        c = code[i]
        if c == ";":
            return i + 1, signature or i, is_class
        if code.startswith("operator", i) and not (code[i - 1].isalnum() or code[i - 1] == "_"):
            i = re.compile(r"operator\s*(\(\s*\)|\[\s*\]|[^\w\s(]+)?").match(code, i).end()
            continue
        if c == "<" and re.search(r"\btemplate\s*$", code[start:i]):
            i = angle_close(code, i)
        elif c in "([":
            seen_parenthesis = seen_parenthesis or c == "("
            i = close_of(code, i)
        elif c == "{":
            last = close_of(code, i)
            before = code[start:i].rstrip()
            is_constraint = re.search(r"\brequires$", without_last_parentheses(before))
            is_member_value = colon and re.search(r"[\w>]$", before)
            if is_class or equals or is_constraint or is_member_value or not seen_parenthesis:
                if is_class and signature is None:
                    signature = i
                i = last
            else:
                return last + 1, signature or i, False
        elif c == "=" and code[i + 1] != "=" and code[i - 1] not in "=!<>+-*/":
            equals = True
        elif c == ":" and seen_parenthesis and not equals and not is_class and ":" not in (code[i - 1], code[i + 1]):
            colon, signature = True, signature or i  # what follows are a constructor's initialisers
        i += 1
    raise ValueError("the declaration does not end: " + code[start:start + 80])


def bare_head(code, start):
    """The declaration's text up to its first brace or semicolon outside of heads, without heads and constraints."""
    i = start
    while i < len(code) and code[i] not in ";{":
        if code[i] in "([":
            i = close_of(code, i)
        i += 1
    try:
        return bare(code[start:i])
    except ValueError:
        return bare(code[start:end_of_line(code, i)])


def end_of_line(code, i):
    found = code.find(";", i)
    return len(code) if found < 0 else found


def name_of(code):
    """The symbol that a declaration (blanked) declares; None if it is none of the kinds that have a page."""
    text = bare(code).strip()
    m = re.match(r"using\s+(\w+)\s*=", text) or re.match(r"(?:inline\s+)?concept\s+(\w+)", text)
    if m:
        return m[1]
    if re.match(r"(using|friend|static_assert|typedef|extern)\b", text):
        return None
    if "operator" in text and re.search(r"\boperator\b", text.split("{")[0]):
        before = re.search(r"(\w+\s*::\s*)?\boperator\b", text)
        return None if before[1] else "operators"
    keyword = KEYWORD.search(text)
    parenthesis = text.find("(")
    if keyword and (parenthesis < 0 or keyword.start() < parenthesis):
        m = re.match(r"(?:enum\s+)?(?:class|struct|union|enum)\s+(\w+)\s*([<;:{]|final\b|$)", text[keyword.start():])
        if not m or m[2] == "<" or "{" not in text:
            return None  # a specialisation or a forward declaration
        return m[1]
    equals = re.search(r"(?<![=!<>])=(?!=)", text)
    if parenthesis >= 0 and (not equals or parenthesis < equals.start()):
        m = re.search(r"((?:\w+|>)\s*::\s*)?(~?\w+)\s*$", text[:parenthesis])
        return None if not m or m[1] else m[2]
    m = re.search(r"(\w+)\s*(\[[^\]]*\]\s*)?$", re.split(r"(?<![=!<>])=(?!=)|[{;]", text)[0].rstrip())
    return m[1] if m else None


def shown_signature(text, code, start, signature, end, is_class):
    """What pages show of the declaration text[start:end]."""
    if is_class and "{" in code[start:end]:
        opening = code.index("{", signature)
        closing = close_of(code, opening)
        if re.search(r"\benum\b", bare_head(code, start)):
            return text[start:end]
        default = "private" if re.search(r"\bclass\b", bare_head(code, start)) else "public"
        head = text[start:opening].rstrip() + " {"
        members = shown_members(text, code, opening + 1, closing, default)
        return head + ("\n" + members + "\n" + indent_at(text, start) if members else "") + "};"
    if code[end - 1] == ";" and signature >= end - 1:
        return text[start:end]
    return text[start:signature].rstrip() + ";"


def items(text, code, start, end):
    """Yields (first, start, end, signature, is_class, comment, joined) of what stands between two places, in order."""
    i, comment_start, last_end = start, None, None
    while i < end:
        if text[i].isspace():
            i += 1
            continue
        if text.startswith("//", i):
            line_end = text.find("\n", i)
            if comment_start is None:
                comment_start = i
            i = line_end
            if re.match(r"\n[ \t]*(\n|$)", text[i:end]):
                comment_start = None  # a section's, not the declaration's
            continue
        if code[i].isspace():  # a preprocessor line
            i = max(text.find("\n", i), i + 1)
            comment_start = None
            continue
        first = comment_start if comment_start is not None else i
        joined = last_end is not None and not re.search(r"\n\s*\n", text[last_end:first])
        i = yield first, i, joined  # send() says where the item ends
        yield
        trailing = re.compile(r"[ \t]*//[^\n]*").match(text, i)
        if trailing and trailing.end() <= end:
            i = trailing.end()
        last_end, comment_start = i, None


def trailing_comment(text, end):
    m = re.compile(r"[ \t]*//[^\n]*").match(text, end)
    return m[0] if m else ""


def is_for_the_library(text, signature, stop):
    """Whether the comment behind a declaration says so, or that behind its opening brace."""
    brace = text.find("{", signature, stop)
    return any(FOR_THE_LIBRARY.match(trailing_comment(text, place)) for place in (stop, brace + 1 or stop))


def indent_at(text, place):
    """The blanks before a place in its line."""
    return re.search(r"[ \t]*$", text[:place])[0]


def is_noise(member):
    """Whether a member says nothing to users: deleted, inherited, asserted, a friend or a forward declaration."""
    if re.match(r"(static_assert|using\s+\w+(<[^;]*>)?(::\w+)+|typedef)\b", member) or DELETED.search(member):
        return True
    if member.startswith("friend"):
        return "operator" not in member
    return bool(re.fullmatch(r"(class|struct|union|enum)\s+\w+\s*;", member))


def shown_members(text, code, start, end, access):
    lines, hidden, pending_gap = [], False, False
    shown_access = access if access == "public" else None  # a struct's members need no label
    walk = items(text, code, start, end)
    for first, i, joined in walk:
        label = re.compile(r"(public|private|protected)\s*:(?!:)").match(code, i)
        if label:
            access = label[1]
            hidden = False
            walk.send(label.end())
            continue
        stop, signature, is_class = end_of(code, i)
        walk.send(stop)
        comment, tail = text[first:i], trailing_comment(text, stop)
        declared = bare(code[i:stop]).strip()
        hidden = bool(FOR_THE_LIBRARY.match(comment)) or (hidden and joined and not comment.strip())
        if hidden or is_for_the_library(text, signature, stop) or access == "private" or is_noise(declared):
            pending_gap = pending_gap or not joined
            continue
        if access != shown_access:
            lines += [""] * bool(lines) + [indent_at(text, first)[:-1] + access + ":"]
            shown_access, pending_gap, joined = access, False, True
        if lines and (not joined or pending_gap):
            lines.append("")
        pending_gap = False
        body = shown_signature(text, code, i, signature, stop, is_class)
        lines.append(indent_at(text, first) + text[first:i] + body + tail)
    return "\n".join(lines)


def read_header(root, header):
    """The public declarations of one header, in its order."""
    text = (Path(root) / header).read_text()
    code = blanked(text)
    found = []

    def read(start, end, spaces):
        walk, hidden = items(text, code, start, end), False
        for first, i, joined in walk:
            opened = re.compile(r"(?:inline\s+)?namespace\s*([\w:]*)\s*\{").match(code, i)
            if opened:
                closing = close_of(code, opened.end() - 1)
                names = spaces + [name for name in opened[1].split("::") if name]
                if opened[1] and not HIDDEN & set(names):
                    read(opened.end(), closing, names)
                walk.send(closing + 1)
                continue
            if re.compile(r"namespace\s+\w+\s*=").match(code, i):
                walk.send(code.index(";", i) + 1)
                continue
            stop, signature, is_class = end_of(code, i)
            walk.send(stop)
            comment, tail = text[first:i], trailing_comment(text, stop)
            hidden = bool(FOR_THE_LIBRARY.match(comment)) or (hidden and joined and not comment.strip())
            declared = code[i:stop]
            name = name_of(declared)
            is_for_users = not (hidden or is_for_the_library(text, signature, stop) or DELETED.search(declared))
            if not name or not is_for_users or spaces[:1] != ["xgrad"]:
                continue
            body = shown_signature(text, code, i, signature, stop, is_class)
            found.append(Declaration(header, "::".join(spaces), name, comment + body + tail,
                                     text.count("\n", 0, first) + 1, joined))

    try:
        read(0, len(text), [])
    except ValueError as fault:
        raise ValueError(f"{header}: {fault}") from fault
    return found


def read_all(root):
    """{(room, symbol): its declarations}, in the order of headers and lines.

    Overloads that several rooms declare in one namespace are the last room's, operators each room's own.
    """
    found = [one for header in public_headers(root) for one in read_header(root, header)]
    rooms = {}
    for one in found:
        key = (one.namespace, one.name)
        rooms[key] = max(one.room, rooms.get(key, one.room), key=ROOMS.index)
    symbols = {}
    for one in found:
        room = one.room if one.name == "operators" else rooms[one.namespace, one.name]
        symbols.setdefault((room, one.name), []).append(one)
    return symbols


def shown(declarations):
    """The declarations as one block of a page, by header."""
    lines, place = [], None
    for declaration in declarations:
        here = (declaration.header, declaration.namespace)
        if here != place:
            lines += [""] * bool(lines) + [f"// <xgrad/{here[0]}>, namespace {here[1]}"]
            place = here
        elif declaration.text.startswith("//"):
            lines.append("")
        lines.append(declaration.text)
    return "\n".join(lines)
