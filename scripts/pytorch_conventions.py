#!/usr/bin/python3
"""Fills PyTorch's columns of docs/conventions.md.

Usage: scripts/pytorch_conventions.py [page]
Runs every row of the page in PyTorch, in double, writes what comes out into the columns beside ours, marks the
rows that differ and counts them in the page's first lines. What differs is printed: the section on it is
written by hand, and tests/ops/test_conventions_of_pytorch.cpp says what it lacks. Needs PyTorch (Debian: python3-torch).
"""
import math
import re
import sys
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

warnings.simplefilter("ignore")
INF = math.inf


def matrix(x):
    return x.reshape(2, 2)


def image(x, width):
    return x.reshape(1, 1, width, width)


def line(x):
    return x.reshape(1)


def step(x):
    return torch.heaviside(x, torch.zeros_like(x))


# As the page spells a function; `name(x...)` takes all of its arguments as one tensor. Those that PyTorch lacks
# are None.
FUNCTIONS = {
    "step(x)": step,
    "sign(x)": torch.sign,
    "floor(x)": torch.floor,
    "ceil(x)": torch.ceil,
    "round(x)": torch.round,
    "trunc(x)": torch.trunc,
    "last of cumprod(x...)": lambda x: torch.cumprod(x, 0)[-1],
    "values of max_with_indices(x...)": lambda x: torch.max(x, 0).values,
    "values of min_with_indices(x...)": lambda x: torch.min(x, 0).values,
    "masked_fill(x, m, 7)": lambda x, m: x.masked_fill(m.bool(), 7),
    "abs(x)": torch.abs,
    "relu(x)": F.relu,
    "leaky_relu(x)": F.leaky_relu,
    "elu(x)": F.elu,
    "elu(x, 0.5)": lambda x: F.elu(x, 0.5),
    "selu(x)": F.selu,
    "gelu(x)": F.gelu,
    "silu(x)": F.silu,
    "mish(x)": F.mish,
    "sigmoid(x)": torch.sigmoid,
    "softplus(x)": F.softplus,
    "softsign(x)": F.softsign,
    "hardtanh(x)": F.hardtanh,
    "maximum(a, b)": torch.maximum,
    "minimum(a, b)": torch.minimum,
    "clamp(x, low, high)": torch.clamp,
    "equal(a, b)": lambda a, b: (a == b).double(),
    "not_equal(a, b)": lambda a, b: (a != b).double(),
    "less(a, b)": lambda a, b: (a < b).double(),
    "less_equal(a, b)": lambda a, b: (a <= b).double(),
    "divide(a, b)": torch.divide,
    "reciprocal(x)": torch.reciprocal,
    "sqrt(x)": torch.sqrt,
    "rsqrt(x)": torch.rsqrt,
    "pow(x, y)": torch.pow,
    "log(x)": torch.log,
    "log2(x)": torch.log2,
    "log1p(x)": torch.log1p,
    "expm1(x)": torch.expm1,
    "x * log(x)": lambda x: x * torch.log(x),
    "asin(x)": torch.asin,
    "acos(x)": torch.acos,
    "atan(x)": torch.atan,
    "atan2(y, x)": torch.atan2,
    "tanh(x)": torch.tanh,
    "erf(x)": torch.erf,
    "erfc(x)": torch.erfc,
    "logaddexp(a, b)": torch.logaddexp,
    "logsumexp(x...)": lambda x: torch.logsumexp(x, 0),
    "max(x...)": torch.max,
    "min(x...)": torch.min,
    "max(x...) along its axis": lambda x: torch.max(x, 0).values,
    "min(x...) along its axis": lambda x: torch.min(x, 0).values,
    "first of sort(x...)": lambda x: torch.sort(x, stable=True).values[0],
    "last of sort(x...)": lambda x: torch.sort(x, stable=True).values[-1],
    "first of topk(x...)": lambda x: torch.topk(x, 1).values[0],
    "argmax(x...)": lambda x: torch.argmax(x).double(),
    "argmin(x...)": lambda x: torch.argmin(x).double(),
    "max_pool2d(x...) of a 2x2 window": lambda x: F.max_pool2d(image(x, 2), 2).sum(),
    "max_pool2d(x...) of one element, padded": lambda x: F.max_pool2d(image(x, 1), 3, padding=1).sum(),
    "avg_pool2d(x...) of one element, padded": lambda x: F.avg_pool2d(image(x, 1), 3, padding=1).sum(),
    "determinant(x...) of a 2x2 matrix": lambda x: torch.linalg.det(matrix(x)),
    "logdet(x...) of a 2x2 matrix": lambda x: torch.logdet(matrix(x)),
    "sum of inverse(x...) of a 2x2 matrix": lambda x: torch.linalg.inv(matrix(x)).sum(),
    "sum of cholesky(x...) of a 2x2 matrix": lambda x: torch.linalg.cholesky(matrix(x)).sum(),
    "var(x...) with ddof 1": lambda x: torch.var(x, dim=0, correction=1),
    "var(x...) with ddof 2": lambda x: torch.var(x, dim=0, correction=2),
    "std(x...)": lambda x: torch.std(x, dim=0, correction=0),
    "std(x...) with ddof 1": lambda x: torch.std(x, dim=0, correction=1),
    "first of layer_norm(x...)": lambda x: F.layer_norm(x, x.shape)[0],
    "first of softmax(x...)": lambda x: torch.softmax(x, 0)[0],
    "dropout(x, 0)": lambda x: F.dropout(x, 0),
    "dropout(x, 1)": lambda x: F.dropout(x, 1),
    "prod(x...)": torch.prod,
    "norm(x...)": torch.linalg.vector_norm,
    "norm(x...) with p 1": lambda x: torch.linalg.vector_norm(x, 1),
    "norm(x...) with p inf": lambda x: torch.linalg.vector_norm(x, INF),
    "where(true, a, b)": lambda a, b: torch.where(torch.tensor(True), a, b),
    "where(false, a, b)": lambda a, b: torch.where(torch.tensor(False), a, b),
    "where(x, a, b)": lambda x, a, b: torch.where(x.bool(), a, b),
    "where(x > 0, log(x), 0)": lambda x: torch.where(x > 0, torch.log(x), 0.0),
    "where(x > 0, log(where(x > 0, x, 1)), 0)": lambda x: torch.where(
        x > 0, torch.log(torch.where(x > 0, x, 1.0)), 0.0
    ),
    "l1_loss(p, t)": F.l1_loss,
    "huber_loss(p, t)": F.huber_loss,
    "binary_cross_entropy(p, t)": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits(z, t)": F.binary_cross_entropy_with_logits,
    "kl_div(q, t) of logarithms q": lambda q, t: F.kl_div(line(q), line(t), reduction="batchmean"),
    "cross_entropy_of_probabilities(p, t)": None,
    "square(x)": torch.square,
}


def spell(number):
    return repr(float(number) + 0.0).removesuffix(".0")  # -0 is 0


def spell_all(tensors):
    return ", ".join(spell(n) for tensor in tensors for n in tensor.reshape(-1))


def arguments(operation, at):
    numbers = [float(n) for n in at.split(",")]
    if "(x...)" in operation:
        return [torch.tensor(numbers, dtype=torch.double, requires_grad=True)]
    return [torch.tensor(n, dtype=torch.double, requires_grad=True) for n in numbers]


def gradients(y, x, create_graph=False):
    shares = torch.autograd.grad(y, x, create_graph=create_graph, allow_unused=True)
    return [torch.zeros_like(a) if share is None else share for a, share in zip(x, shares)]


def run(operation, at):
    """Value and gradient, as the page spells them."""
    function = FUNCTIONS[operation]
    if function is None:
        return "-", "-"
    x = arguments(operation, at)
    try:
        y = function(*x)
    except RuntimeError:
        return "error", "error"
    if not y.requires_grad:
        return spell(y), "none"
    try:
        return spell(y), spell_all(gradients(y, x))
    except RuntimeError as error:
        return spell(y), "none" if "not implemented" in str(error) else "error"


def run_twice(operation, at):
    """The gradient of the gradient's sum."""
    function = FUNCTIONS[operation]
    if function is None:
        return "-"
    x = arguments(operation, at)
    try:
        slope = sum(share.sum() for share in gradients(function(*x), x, create_graph=True))
        if not slope.requires_grad:
            return spell_all(torch.zeros_like(a) for a in x)
        return spell_all(gradients(slope, x))
    except RuntimeError as error:
        return "none" if "not implemented" in str(error) else "error"


def same_number(ours, theirs):
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    if math.isinf(ours) or math.isinf(theirs):
        return ours == theirs
    return abs(ours - theirs) <= 1e-12 * abs(ours) + 1e-300


def same(ours, theirs):
    """Two cells agree: no gradient and one of zeros do, too, and so do two errors."""
    if theirs == "-" or (ours, theirs) == ("ValueError", "error"):
        return True
    if ours == "none":
        return theirs == "none" or all(float(n) == 0 for n in theirs.split(","))
    if theirs in ("error", "none") or ours == "ValueError":
        return False
    left, right = ours.split(","), theirs.split(",")
    return len(left) == len(right) and all(same_number(float(a), float(b)) for a, b in zip(left, right))


def main():
    page = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs/conventions.md")
    lines, rows, differing, absent = [], 0, 0, 0
    second_order = False
    for text in page.read_text().splitlines():
        if text.startswith("## "):
            second_order = text.startswith("## Second derivatives")
        ours = 3 if second_order else 4
        if text.startswith("| operation |"):
            names = [cell.strip() for cell in text.strip("|").split("|")][:ours]
            names += ["PyTorch"] if second_order else ["PyTorch's value", "PyTorch's gradient"]
            text = "| " + " | ".join(names + ["differs"]) + " |"
        elif text.startswith("|---"):
            text = "|" + "---|" * (5 if second_order else 7)
        elif text.startswith("| "):
            cells = [cell.strip() for cell in text.strip("|").split("|")][:ours]
            if cells[0] not in FUNCTIONS:
                sys.exit(f"{cells[0]} is not among this script's functions; add it, or None if PyTorch has none")
            theirs = [run_twice(*cells[:2])] if second_order else list(run(*cells[:2]))
            differs = not all(same(a, b) for a, b in zip(cells[2:], theirs))
            rows, differing, absent = rows + 1, differing + differs, absent + (theirs[0] == "-")
            if differs:
                print(" | ".join(cells + theirs))
            text = "| " + " | ".join(cells + theirs) + (" | yes |" if differs else " | |")
        lines.append(text)
    result = "\n".join(lines) + "\n"
    version = ".".join(torch.__version__.split(".")[:2])
    count = f"Of {rows} rows, {differing} differ in PyTorch {version}, and {absent} it has not."
    result, found = re.subn(r"Of \d+ rows,\s+\d+ differ in PyTorch [\d.]+,\s+and \d+ it has not\.", count, result)
    if found != 1:
        sys.exit('the page has no sentence "Of 1 rows, 1 differ in PyTorch 1.0, and 1 it has not."')
    page.write_text(result)
    print(count)


if __name__ == "__main__":
    main()
