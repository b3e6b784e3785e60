#!/usr/bin/env python3
"""Usage: index_cases.py > index_cases.txt
What NumPy makes of random index expressions, a case a line, for test_subscript.cpp:

  shape | items | shape of the result | hash of its elements | hash of the gradient
  shape | items | refused

Items stand between blanks: i-1 an integer, s0:_:2 a slice, a2x2:0,1,-1,0 an index array, m3:101 a mask, e an
ellipsis, n a new axis. x holds the numbers of its elements, 0, 1, 2 and so on. The gradient is that of
sum(x[...] * w) with w = 1, 2, ... 9, 1, 2 and so on, put back by np.add.at. Hashes are over integers.
"""
import random
import warnings

import numpy as np

SEED, CASES = 20, 1000


def fingerprint(numbers):
    value = 0
    for number in numbers:
        value = (value * 31 + int(number) + 1) % 2147483647
    return value


def dims(shape):
    return "x".join(map(str, shape))


def end(extent):
    return None if random.random() < 0.55 else random.randint(-extent - 1, extent + 1)


outside = []


def position(extent):
    if extent == 0 or random.random() < 0.01:
        outside.append(random.choice([extent, -extent - 1]))
        return outside[-1]
    return random.randint(-extent, extent - 1)


def index_array(extent, common):
    """An array that broadcasts to the common shape, most of the time."""
    shape = [1 if random.random() < 0.25 else n for n in common[random.randint(0, len(common)):]]
    if random.random() < 0.02:
        shape = shape + [random.randint(2, 4)]
    if extent == 0 and random.random() < 0.8:
        shape = shape + [0]
    array = np.array([position(extent) for _ in range(int(np.prod(shape)))], dtype=np.int64).reshape(shape)
    return array, f"a{dims(shape)}:" + ",".join(map(str, array.ravel()))


def mask(extents, common):
    """A mask that holds as often as the common shape is long, most of the time."""
    extents = list(extents)
    if extents and random.random() < 0.02:
        extents[random.randrange(len(extents))] += 1
    count = int(np.prod(extents))
    wanted = common[-1] if common and random.random() < 0.9 else random.randint(0, count)
    flat = np.zeros(count, dtype=bool)
    flat[random.sample(range(count), min(wanted, count))] = True
    return flat.reshape(extents), f"m{dims(extents)}:" + "".join("01"[int(holds)] for holds in flat)


def expression(shape):
    common = [random.randint(0 if random.random() < 0.03 else 1, 3) for _ in range(random.randint(0, 2))]
    basic_only = random.random() < 0.25
    index, words, axis, has_ellipsis = [], [], 0, False

    def add(item, word):
        index.append(item)
        words.append(word)

    while axis < len(shape) and random.random() < 0.95:
        kind = random.random()
        if kind < 0.07 and len(words) < 6:
            add(None, "n")
        elif kind < 0.12 and (not has_ellipsis or random.random() < 0.1):
            has_ellipsis = True
            add(Ellipsis, "e")
            axis = min(len(shape), axis + random.randint(0, len(shape) - axis))
        elif kind < 0.27:
            item = position(shape[axis])
            add(item, f"i{item}")
            axis += 1
        elif kind < 0.53 or basic_only:
            step = random.choice([None, None, None, 1, 2, -1, -1, -2]) if random.random() < 0.99 else 0
            item = slice(end(shape[axis]), end(shape[axis]), step)
            add(item, "s" + ":".join("_" if part is None else str(part)
                                     for part in (item.start, item.stop, item.step)))
            axis += 1
        elif kind < 0.85:
            add(*index_array(shape[axis], common))
            axis += 1
        else:
            axes = random.choice([0, 1, 1, 1, 2])
            add(*mask(shape[axis:axis + axes], common))
            axis += axes
    if random.random() < 0.01:
        add(0, "i0")
    return tuple(index), words


def case():
    shape = [random.choice([0, 1, 2, 3, 4] if random.random() < 0.1 else [2, 3, 4])
             for _ in range(random.choice([0, 1, 2, 2, 3, 3, 3, 4, 4]))]
    outside.clear()
    index, words = expression(shape)
    size = int(np.prod(shape))
    x = np.arange(size).reshape(shape)
    head = f"{dims(shape)} | {' '.join(words)} | "
    try:
        # NumPy announces that an index out of range will be an error where nothing is chosen, too; xgrad has it so.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = np.asarray(x[index])
    except (IndexError, ValueError):
        return head + "refused"
    if outside:
        return head + "refused"
    weights = (np.arange(result.size) % 9 + 1).reshape(result.shape)
    gradient = np.zeros(shape, dtype=np.int64)
    np.add.at(gradient, index, weights)
    return head + f"{dims(result.shape)} | {fingerprint(result.ravel())} | {fingerprint(gradient.ravel())}"


def main():
    random.seed(SEED)
    made = set()
    while len(made) < CASES:
        line = case()
        if line not in made and line.count("x") < 60:
            made.add(line)
            print(line)


main()
