#!/usr/bin/python3
"""Opens the report of a training in headless Chromium: reads values, zooms, clicks, reloads, and takes screenshots.

Usage: check_report.py PROGRAM FOLDER
PROGRAM, train_digits, writes FOLDER/report.html and training.csv, which has the same numbers. Exit status 77 where there is
no Chromium.
"""
import csv
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from browser import check, open_browser  # noqa: E402

LOSS = "charts[0]"
READING = LOSS + ".reading.textContent"


def near(what, found, wanted):
    if abs(found - wanted) > 1e-3 * max(abs(wanted), 1e-9):
        sys.exit(f"{what}: {found} where {wanted} was expected")


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?", text)]


def check_curves(browser, rows):
    check("charts", browser.value("charts.map(c => c.title)"),
          ["loss", "accuracy", "learning rate", "norm of the gradients", "norm of the weights", "time an epoch"])
    epochs = len(rows)
    check("marks", browser.value("JSON.stringify(marks(0, 1, 5))"), "[0,0.2,0.4,0.6,0.8,1]")
    check("marks have an end", browser.value("marks(1, 1 + 2 ** -52, 5).length < 9 && log_marks(0, 1e-320).length < 9"), True)
    close = "marks(0.3, 0.3000001, 5)"
    check("marks are told apart", browser.value(f"new Set({close}.map(m => number(m, digits_of({close})))).size"),
          browser.value(close + ".length"))
    check("percents", browser.value("[0, 0.0001, 0.05, 0.5, 0.996, 0.9995, 0.99999, 1].map(percent)"),
          [text + "\u00A0%" for text in ("0", "< 0.1", "5.0", "50", "99.6", "> 99.9", "> 99.9", "100")])
    check("units", browser.value("[time(0.99999e-6), time(0.99999e-3), bytes(999999), bytes(999499)]"),
          ["1.00 us", "1.00 ms", "1.00 MB", "999 kB"])
    left, top, width, height = browser.place("#charts canvas")
    middle = top + height / 2
    at = lambda epoch: left + 56 + (epoch - 1) / (epochs - 1) * (width - 68)
    for epoch in (1, 37, epochs):
        browser.mouse("mouseMoved", at(epoch), middle)
        text = browser.value(READING)
        found = numbers_in(text)
        check("the epoch that is read", found[0], epoch)
        near(f"the training's loss in '{text}'", found[1], float(rows[epoch - 1][1]))
        near(f"the validation's loss in '{text}'", found[2], float(rows[epoch - 1][2]))
        accuracy = numbers_in(browser.value("charts[1].reading.textContent"))
        check("all charts read the same epoch", accuracy[0], epoch)
    browser.value(LOSS + ".canvas.focus()")
    browser.value(LOSS + ".canvas.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowLeft'}))")
    check("a key moves to the epoch before", numbers_in(browser.value(READING))[0], epochs - 1)

    browser.drag((at(20), middle), (at(40), middle))
    check("the range", browser.value("document.getElementById('range').textContent"), "Epochs 20 to 40")
    browser.mouse("mouseMoved", left + width - 12, middle)
    check("the right end of the range", numbers_in(browser.value(READING))[0], 40)
    browser.mouse("mouseWheel", left + 56 + (width - 68) / 2, middle, deltaX=0, deltaY=-100, modifiers=2)
    closer = browser.value("document.getElementById('range').textContent")
    if numbers_in(closer) not in ([22, 37], [22, 38], [23, 38]):
        sys.exit(f"closer by the wheel: {closer}")
    log = "document.querySelector('.chart button')"
    browser.value(log + ".click()")
    check("a logarithmic scale", browser.value(LOSS + ".is_log"), True)
    browser.reload()
    check("the range outlives a reload", browser.value("document.getElementById('range').textContent"), closer)
    check("the scale outlives a reload", browser.value(log + ".getAttribute('aria-pressed')"), "true")
    browser.value(log + ".click()")
    browser.value("document.getElementById('zoom').click()")
    check("all epochs", browser.value("JSON.stringify(range)"), "null")


def check_mistakes(browser):
    counts = browser.value("[...document.querySelectorAll('#confusion td')].map(c => Number(c.textContent))")
    check("cells", len(counts), 100)
    right = sum(counts[11 * k] for k in range(10))
    check("samples", sum(counts), 360)
    sentence = browser.value("document.getElementById('mistaken').textContent")
    check("right ones", numbers_in(sentence)[1:3], [right, 360])
    worst = "document.querySelectorAll('#worst figure').length"
    check("worst samples", browser.value(worst), 24)
    sizes = browser.value("[...document.querySelectorAll('#worst canvas')].map(c => [c.width, c.height])")
    check("their pictures", sizes, 24 * [[8, 8]])
    cell = next(k for k in range(100) if k % 11 and counts[k])
    browser.value(f"document.querySelectorAll('#confusion td')[{cell}].click()")
    shown = browser.value("[...document.querySelectorAll('#worst figcaption')]"
                          ".map(c => [...c.querySelectorAll('b')].map(b => b.textContent))")
    if not shown or any(pair != [str(cell // 10), str(cell % 10)] for pair in shown):
        sys.exit(f"the worst of cell {cell} are {shown}")
    browser.value(f"document.querySelectorAll('#confusion td')[{cell}].click()")
    check("all again", browser.value(worst), 24)


def check_model_and_profile(browser):
    if "Linear" not in browser.value("document.getElementById('summary').textContent"):
        sys.exit("no layer in the summary")
    first = "document.querySelector('#parameters td').textContent"
    check("the largest parameter first", browser.value(first), "0.weight")
    browser.value("document.querySelectorAll('#parameters th')[2].click()")
    check("the smallest parameter first", browser.value(first), "2.bias")
    head = "document.querySelectorAll('#parameters th')[2]"
    browser.value(head + ".focus()")
    browser.value(head + ".dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter'}))")
    check("the head that sorts keeps the focus", browser.value(f"document.activeElement === {head}"), True)
    if shutil.which("dot"):
        text = browser.value("document.querySelector('#graph-view svg').textContent")
        for part in ("inputs", "0.weight", "relu", "cross_entropy"):
            if part not in text:
                sys.exit(f"no {part} in the graph: {text}")
        box = "document.querySelector('#graph-view svg').getAttribute('viewBox')"
        before = browser.value(box)
        left, top, width, height = browser.place("#graph-view svg")
        browser.drag((left + width / 2, top + height / 2), (left + width / 2 + 50, top + height / 2 + 20))
        after = browser.value(box)
        if numbers_in(after)[0] >= numbers_in(before)[0] or numbers_in(after)[2:] != numbers_in(before)[2:]:
            sys.exit(f"dragged, the graph goes from {before} to {after}")
        browser.value("document.getElementById('graph-in').click()")
        near("the graph's width, closer", numbers_in(browser.value(box))[2], 0.7 * numbers_in(before)[2])
        browser.value("document.getElementById('graph-all').click()")
        check("all of the graph", numbers_in(browser.value(box)), numbers_in(before))
    else:
        sentence = browser.value("document.getElementById('graph-remark').textContent")
        check("a sentence for the graph", "install Graphviz" in sentence, True)
    check("the profile's title", browser.value("document.getElementById('profile-title').textContent"),
          "Profile of batches 4 to 6 of this run")
    names = browser.value("[...document.querySelectorAll('#table tbody tr td:first-child')].map(c => c.textContent)")
    for name in ("linear", "relu", "cross_entropy", "SGD", "DataLoader"):
        if name not in names:
            sys.exit(f"no row of {name} in {names}")
    facts = browser.value("Object.fromEntries([...document.querySelectorAll('.facts tr')]"
                          ".map(r => [...r.children].map(c => c.textContent)))")
    for name, wanted in {"optimizer": "SGD", "samples a batch": "100", "inputs of a batch": "[100, 64]"}.items():
        check(name, facts.get(name), wanted)


def check_reloading(browser, page, folder):
    """A page that says that the training runs looks again; what the reader has chosen stays."""
    text = page.read_text(encoding="utf-8")
    live = folder / "live.html"
    live.write_text(text.replace('"state":"finished"', '"state":"running"', 1), encoding="utf-8")
    browser.open(live.resolve().as_uri())
    browser.value("set_range(10, 30)")
    browser.value("document.querySelectorAll('#table th')[0].click()")
    browser.value("document.querySelectorAll('.chart canvas')[1].focus({preventScroll: true})")
    browser.value("scrollTo(0, 700)")
    browser.value("window.is_old = true")
    browser.wait_for_reload()
    browser.wait_until("scrollY === 700")
    check("the keyboard's place", browser.value("document.activeElement === document.querySelectorAll('.chart canvas')[1]"), True)
    check("the range", browser.value("document.getElementById('range').textContent"), "Epochs 10 to 30")
    check("the order", browser.value("document.querySelectorAll('#table th')[0].getAttribute('aria-sort')"), "ascending")
    browser.value("document.getElementById('following').click()")
    browser.reload()
    browser.value("window.is_old = true")
    time.sleep(5)
    check("a page that is not to look again stays", browser.value("window.is_old"), True)
    browser.value("document.getElementById('following').click()")
    live.write_text(text, encoding="utf-8")
    browser.wait_until("document.readyState === 'complete' && document.querySelector('#state b').textContent === 'finished'")
    browser.value("window.is_old = true")
    time.sleep(4)
    check("a page that is finished stays", browser.value("window.is_old"), True)
    check("and does not ask whether to look again", browser.value("document.getElementById('follow').hidden"), True)


def write_variant(page, path, change):
    """The page with other data: change(data) changes them."""
    text = page.read_text(encoding="utf-8")
    begin = text.index('id="data">') + len('id="data">')
    end = text.index("</script>", begin)
    data = json.loads(text[begin:end])
    change(data)
    path.write_text(text[:begin] + json.dumps(data).replace("<", "\\u003c") + text[end:], encoding="utf-8")


def check_variants(browser, page, folder):
    """Pages of other trainings: one that has just begun, one that failed, one of many classes and many epochs."""
    variant = folder / "variant.html"

    def begun(data):
        data.update(state="running", sentence="", rows=[], norms=[], written=time.time() - 1000,
                    progress={"batch": 4, "batches": 15, "loss": 2.5})
        for part in ("summary", "graph", "profile", "mistakes", "parameters"):
            data.pop(part, None)

    write_variant(page, variant, begun)
    browser.open(variant.resolve().as_uri())
    state = browser.value("document.getElementById('state').textContent")
    if not state.startswith("runningepoch 1 of 100, batch 4 of 15, loss so far 2.5. No news for 17 min"):
        sys.exit(f"one that has just begun: {state}")
    check("no mistakes yet", browser.value("document.getElementById('mistakes').hidden"), True)

    def done(data):
        data.update(state="running", sentence="", progress={"batch": 0, "batches": 15, "loss": 0})
        for row in data["rows"]:
            row[1] = row[2] = 0.1 + 1e-17 * row[0]
        data["rows"][0][1] = 0.1 + 2 ** -56
        data["norms"][-1][1] = "not measured"
        data["mistakes"]["not_numbers"] = 7
        data["graph"] = {"svg": '<svg viewBox="0 0 1 1"><title>a\x01b</title></svg>'}

    write_variant(page, variant, done)
    browser.open(variant.resolve().as_uri())
    state = browser.value("document.getElementById('state').textContent")
    check("nothing is left after the last epoch", " left" in state or "NaN" in state, False)
    check("no norm", browser.value("charts[3].reading.textContent"), "epoch 100: not measured")
    check("samples of NaN", browser.value("document.getElementById('mistaken').textContent").endswith(
        "Not among them: 7 of which it predicts NaN."), True)
    check("a graph that is not XML", "cannot be read" in browser.value("document.getElementById('graph-remark').textContent"),
          True)
    check("and what comes after it", browser.value("document.querySelectorAll('#options tr').length > 3"), True)

    def failed(data):
        data.update(state="failed", sentence="after 3 whole epochs: <b>no</b> </script>")
        data["rows"] = data["rows"][:3]
        data["rows"][1][1] = None
        data["graph"] = {"remark": "no graph"}

    write_variant(page, variant, failed)
    browser.open(variant.resolve().as_uri())
    check("one that failed", browser.value("document.getElementById('state').textContent"),
          "failedafter 3 whole epochs: <b>no</b> </script>.")
    browser.value("set_cursor(1)")
    check("a loss that is not finite", browser.value(READING).startswith("epoch 2: training not finite, validation "), True)

    def large(data):
        data["rows"] = [[epoch, 1 + (epoch % 7 == 0) * 1e-3 * epoch] + data["rows"][0][2:] for epoch in range(1, 20001)]
        data["epochs"] = 20000
        data["mistakes"].update(classes=1000, is_matrix=False, confusions=[[3, 8, 5], [1, 2, 9]])
        data["class_names"] = [f"name {k}" for k in range(1000)]

    write_variant(page, variant, large)
    browser.open(variant.resolve().as_uri())
    check("pairs of classes", browser.value("[...document.querySelectorAll('#confusion tbody tr')].map(r => r.textContent)"),
          ["name 1name 29", "name 3name 85"])
    cost = browser.value("(() => { const began = performance.now(); for (let k = 0; k < 20; ++k) set_cursor(k); "
                         "return (performance.now() - began) / 20; })()")
    if cost > 200:
        sys.exit(f"moving the pointer over 20000 epochs takes {cost} ms each time")
    check("their range", browser.value("range"), None)


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    with open_browser() as browser:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([program, "--quick", "--no-plots", "--output", folder], check=True, stdout=subprocess.DEVNULL)
        with open(folder / "training.csv", newline="") as file:
            table = list(csv.reader(file))
        rows = [row for row in table if row and row[0].isdigit()]
        page = folder / "report.html"
        browser.open(page.resolve().as_uri())
        browser.resize(1200, 900)
        check("the state", browser.value("document.getElementById('state').textContent"), "finishedafter 100 epochs.")
        check_curves(browser, rows)
        check_mistakes(browser)
        check_model_and_profile(browser)
        for name in ("light", "dark"):
            browser.scheme(name)
            browser.value("scrollTo(0, 0)")
            browser.screenshot(folder / f"report_{name}.png", whole=True)
        check("dark paper", browser.value("getComputedStyle(document.body).backgroundColor"), "rgb(20, 24, 31)")
        browser.scheme("light")
        browser.resize(390, 844)
        browser.screenshot(folder / "report_narrow.png", whole=True)
        check("a page as wide as its window", browser.value("document.documentElement.scrollWidth <= innerWidth"), True)
        browser.resize(1200, 900)
        check_reloading(browser, page, folder)
        check_variants(browser, page, folder)
        check("complaints of the page", json.dumps(browser.complaints), "[]")
    print("the report reads well")


main()
