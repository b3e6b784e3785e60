"""The mistakes that scripts/mutate.py makes: which there are in a file, and how they are drawn.

Plain text is read, not C++: what the rules make of it need not compile, and the compiler sorts that out.
"""
import bisect
import collections
import itertools
import random
import re

NUMBER = r"(?<![\w.])\.?\d(?:[eEpP][+-]|'?[\w.])*"

# `text` takes the place of [start, end) of the file; `before` and `after` are the lines around it.
Mutant = collections.namedtuple("Mutant", "path line kind start end text before after")


# ---- What is code: a file's text with spaces in place of what is left alone


def code_of(text):
    def blank(found):
        part = found.group()
        if re.match(NUMBER, part):
            return part
        if part[-1] in "\"'" and len(part) > 1:  # its quotes stay, so that a literal is still an operand
            return part[-1] + re.sub(r"[^\n]", " ", part[1:-1]) + part[-1]
        return re.sub(r"[^\n]", " ", part)

    text = re.sub(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|' + NUMBER + r"|'(?:\\.|[^'\\\n])+'"
                  r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.DOTALL | re.MULTILINE)
    for opening in (r"\b(?:static_assert|noexcept|alignas|assert)\s*\(", r"\btemplate\s*<", r"\[\["):
        for found in list(re.finditer(opening, text)):
            end = closing(text, found.end() - 1) if text[found.start()] != " " else found.end()
            text = text[:found.start()] + re.sub(r"[^\n]", " ", text[found.start():end]) + text[end:]
    return re.sub(r"\b(?:using|typedef|concept|friend)\b[^;]*;|\brequires\b[^\n{;]*", blank, text)


def closing(text, start):
    """The end of the brackets that open at `start`."""
    pair, depth = {"(": "()", "[": "[]", "{": "{}", "<": "<>"}[text[start]], 0
    for i in range(start, len(text)):
        depth += (text[i] == pair[0]) - (text[i] == pair[1] and text[i - 1] != "-")
        if depth == 0:
            return i + 1
    return len(text)


def operand_end(code, start):
    """The end of the operand at `start`: a name or a number with its calls, indices and members. None if none is there."""
    head = re.compile(r"[-!*&~]?(?:" + NUMBER + r"|(?:::)?[A-Za-z_]\w*(?:::\w+)*|(?=\()|([\"'])\s*\1)").match(code, start)
    if not head or head.group() in ("return", "throw", "delete", "new", "if", "for", "while", "else", "case", "do"):
        return None
    end = head.end()
    while end < len(code):
        angle = re.compile(r"<[^;{}()\s][^;{}()]*>(?=[({:])").match(code, end)
        member = re.compile(r"(?:\.|->|::)(?:template )?~?[A-Za-z_]\w*").match(code, end)
        if angle or member:
            end = (angle or member).end()
        elif code[end] in "([{":
            end = closing(code, end)
        else:
            break
    return end


class Blocks:
    """The brackets around each place, and what stands before a brace."""

    def __init__(self, code):
        self.code, self.inner, self.opener, stack = code, [], {}, []
        for i, c in enumerate(code):
            if c in ")]}" and stack:
                self.opener[i] = stack.pop()
            self.inner.append(stack[-1] if stack else -1)
            if c in "([{":
                stack.append(i)

    def head(self, brace):
        i = brace - 1
        while i >= 0 and self.code[i] not in ";{}([":
            i = self.opener.get(i, 0) - 1 if self.code[i] in ")]" else i - 1
        return self.code[i + 1:brace].strip()

    def is_block(self, brace):
        return brace >= 0 and self.code[brace] == "{" and bool(re.search(
            r"(?:\)|\]|:|\b(?:const|noexcept|override|final|else|do|try|mutable)|->[^()]*|^)$", self.head(brace)))

    def returned(self, place):
        """The type that the function around `place` gives, if it is a truth value or a number."""
        brace = self.inner[place]
        while self.is_block(brace) and re.match(r"(?:if|for|while|switch|catch)\b|(?:.*\b)?(?:else|do|try)\b|$|case\b",
                                                self.head(brace)):
            brace = self.inner[brace]
        if not self.is_block(brace):
            return None
        found = re.match(r"(?:(?:static|inline|constexpr|virtual)\s+)*(bool|int|double|float|(?:std::)?size_t|"
                         r"std::ptrdiff_t|std::u?int\d+_t)\s+[\w:]+", self.head(brace))
        return found.group(1) if found else None


# ---- The mistakes: each rule gives (kind, start, end, what comes there)


def swaps(code):
    for kind, pairs in (("sign", "+ - += -= * / *= /="), ("bound", "< <= > >="), ("mask", "& | &= |="),
                        ("condition", "&& || == !=")):
        names = pairs.split()
        for found in re.finditer(r"(?<=\s)(?:" + "|".join(map(re.escape, names)) + r")(?=\s)", code):
            at = names.index(found.group())
            around = code[:found.start()].rstrip()[-1:] + code[found.end():].lstrip()[:1]
            if kind != "sign" or '"' not in around:
                yield kind, found.start(), found.end(), names[at ^ 1]
    for found in re.finditer(r"(?:[(\[{,]|[=?:<>&|*/+-]\s|\breturn\s)\s*(-)(?=[\w(.])", code):
        yield "sign", found.start(1), found.end(1), ""
    for found in re.finditer(r"(?<![\w])(!)(?=[\w(:*])", code):
        if not code[:found.start()].endswith("operator"):
            yield "condition", found.start(), found.end(), ""
    for found in re.finditer(r"\b(?:true|false)\b", code):
        yield "condition", found.start(), found.end(), {"true": "false", "false": "true"}[found.group()]


def terms(code):
    for found in re.finditer(r"\s+([-+*/])\s+", code):
        end = operand_end(code, found.end())
        factor = re.compile(r"\s+[*/%]\s+")
        while end and found.group(1) in "+-" and factor.match(code, end):
            end = operand_end(code, factor.match(code, end).end())
        if end:
            yield "term", found.start(), end, ""


def statements(code, blocks):
    for found in re.finditer(r"(?:[;{})]|\belse\b)\s+(?=[\w(*:])", code):
        start = found.end()
        end = operand_end(code, start) if blocks.is_block(blocks.inner[start]) else None
        if end and re.match(r"\s(?:[-+*/%&|^]|<<|>>)=\s", code[end:end + 5]):
            while end < len(code) and code[end] not in ";)]}":
                end = closing(code, end) if code[end] in "([{" else end + 1
        elif end and code[end - 1] != ")":
            end = None
        if end and code[end:end + 1] == ";" and not re.search(r"\b(?:reserve|__builtin_prefetch)\(", code[start:end]) \
                and code.count("\n", start, end) < 3:  # what is only quicker, and what is easily noticed
            yield "statement", start, end, ""


def numbers(code):
    for found in re.finditer(NUMBER, code):
        before, after, number = code[:found.start()], code[found.end():found.end() + 1], found.group()
        if number == "0" and after == ";" and re.search(r"\)[\sa-z]*=\s$", before[-40:]):
            continue  # a function without a body
        if after == "]" and re.search(r"(?<!\breturn)(?<=[\w>])\s\w+\[$|\(\*\w+\[$", before[-60:]):
            continue  # a longer array is no mistake
        whole = re.fullmatch(r"(0|[1-9][\d']*)([uUlLzZ]*)", number)
        text = str(int(whole[1].replace("'", "")) + 1) + whole[2] if whole else "(" + number + " + 1)"
        yield "constant", found.start(), found.end(), text
    for found in re.finditer(r"(?<=\s)(?:<<|>>|<<=|>>=)\s+(\w+)(?=[\s;),])", code):
        line = code[code.rfind("\n", 0, found.start()) + 1:code.find("\n", found.end())]
        if '"' not in line and not re.fullmatch(NUMBER, found.group(1)):
            yield "mask", found.start(1), found.end(1), "(" + found.group(1) + " + 1)"
    for found in re.finditer(r"\bfor \([^;=()]*\s\w+ = (?=[A-Za-z_(])", code):
        end = operand_end(code, found.end())
        if end and code[end] in ";,":
            yield "start", end, end, " + 1"


def returns(code, blocks):
    for found in re.finditer(r"\breturn\s+([^;{}]+);", code):
        kind = blocks.returned(found.start())
        for constant in {None: (), "bool": ("false", "true")}.get(kind, ("0",)):
            if found.group(1) not in ("true", "false") and not re.fullmatch(NUMBER, found.group(1)):
                yield "return", found.start(1), found.end(1), constant


def mutants_of(path, text):
    code = code_of(text)
    blocks = Blocks(code)
    starts = [0] + [found.end() for found in re.finditer("\n", text)]
    rules = (swaps(code), terms(code), statements(code, blocks), numbers(code), returns(code, blocks))
    for kind, start, end, new in sorted(set(mutation for rule in rules for mutation in rule)):
        new += "\n" * (text[start:end].count("\n") - new.count("\n"))  # lines keep their numbers
        left, right = text.rfind("\n", 0, start + 1) + 1 if text[start] != "\n" else text.rfind("\n", 0, start) + 1, end
        right = text.find("\n", max(end, start + 1) - 1)
        right = len(text) if right < 0 else right
        before, after = text[left:right], text[left:start] + new + text[end:right]
        yield Mutant(path, bisect.bisect_right(starts, start), kind, start, end, new,
                     " ".join(before.split()), " ".join(after.split()))


# ---- Drawing


def drawn(texts, seed):
    """Mutants without end or repetition, until none is found any more."""
    generator, paths, known, seen, misses = random.Random(seed), sorted(texts), {}, set(), 0
    weights = [texts[path].count("\n") + 1 for path in paths]
    while paths and misses < 1000:
        path = generator.choices(paths, weights)[0]
        if path not in known:
            known[path] = collections.defaultdict(lambda: collections.defaultdict(list))
            for mutant in mutants_of(path, texts[path]):
                known[path][mutant.line][mutant.kind].append(mutant)
        misses += 1
        if known[path]:
            kinds = known[path][generator.choice(sorted(known[path]))]
            mutant = generator.choice(kinds[generator.choice(sorted(kinds))])
            if mutant not in seen:
                seen.add(mutant)
                misses = 0
                yield mutant


# ---- That it does: lines of a file, and what each may become


PLANTED = """
// x + 1 < 2
 #define TWICE(x) ((x) + \\
                   (x))
static_assert(1 + 1 == 2 &&
              true);
template <int size = 3>
bool below(int x, int limit) {  /* a < b */
  x += 'a' - "b + c"[0];  // - 1
    | statement: ; | sign: x -= 'a' - "b + c"[0]; | term: x += 'a'; | constant: x += 'a' - "b + c"[1];
  if (x == limit && !done) call(x);
    | condition: if (x != limit && !done) call(x); | condition: if (x == limit || !done) call(x);
    | condition: if (x == limit && done) call(x); | statement: if (x == limit && !done) ;
  for (int i = first(x); i < 1'000; ++i) Thing thing(i);
    | start: for (int i = first(x) + 1; i < 1'000; ++i) Thing thing(i);
    | bound: for (int i = first(x); i <= 1'000; ++i) Thing thing(i);
    | constant: for (int i = first(x); i < 1001; ++i) Thing thing(i);
  return x > limit;
    | bound: return x >= limit; | return: return false; | return: return true;
}
Array scaled(const Array* a, std::vector<Array>& b) {
  return f(-a->rows * b[k].get<T>(c) + d);
    | sign: return f(a->rows * b[k].get<T>(c) + d); | sign: return f(-a->rows / b[k].get<T>(c) + d);
    | term: return f(-a->rows + d); | sign: return f(-a->rows * b[k].get<T>(c) - d);
    | term: return f(-a->rows * b[k].get<T>(c));
}
struct Options {
  Options(int x);
  virtual int rows() const = 0;
  T lanes[4];
  double rate = 1e-3;
    | constant: double rate = (1e-3 + 1);
  bool is_set(int k) const { return bits >> k & 2u; }
    | mask: bool is_set(int k) const { return bits >> (k + 1) & 2u; }
    | mask: bool is_set(int k) const { return bits >> k | 2u; }
    | constant: bool is_set(int k) const { return bits >> k & 3u; }
    | return: bool is_set(int k) const { return false; } | return: bool is_set(int k) const { return true; }
};
"""


def self_test():
    """What is wrong, one sentence each."""
    lines, expected = [], set()
    for line in PLANTED.splitlines():
        if re.match(r"    \| ", line):
            for kind, after in re.findall(r"\| (\w+): (.*?)(?= \| \w+: |$)", line):
                expected.add((len(lines), kind, after))
        else:
            lines.append(line)
    text = "\n".join(lines)
    found = set()
    for mutant in mutants_of("planted", text):
        found.add((mutant.line, mutant.kind, re.sub(r"\s*// - 1$", "", mutant.after)))
    wrong = [f"not made: {one}" for one in sorted(expected - found)]
    wrong += [f"made and not expected: {one}" for one in sorted(found - expected)]

    many = {"long": "x = a + b;\n" * 900, "short": "x = a + b;\n" * 100, "none": "// a + b\n" * 500}
    first, again, other = (list(itertools.islice(drawn(many, seed), 500)) for seed in (7, 7, 8))
    long = sum(mutant.path == "long" for mutant in first)
    wrong += ["a seed does not repeat its mutants"] * (first != again) + ["seeds draw the same"] * (first == other)
    wrong += ["a mutant is drawn twice"] * (len(set(first)) != 500)
    wrong += [f"{long} of 500 mutants are in nine tenths of the lines"] * (not 420 <= long <= 480)
    few = list(drawn({"few": "x = a + b;"}, 1))
    return wrong + [f"{len(few)} mutants drawn of the 2 that there are"] * (len(few) != 2)
