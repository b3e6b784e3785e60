#!/usr/bin/python3
"""Opens the report of a profile in headless Chromium, reads its values, clicks, and takes a screenshot.

Usage: check_report.py PROGRAM FOLDER
PROGRAM writes FOLDER/profile.html. Exit status 77 where there is no Chromium.
"""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from browser import check, open_browser  # noqa: E402


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    with open_browser() as browser:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([program, folder, "0.05"], check=True, stdout=subprocess.DEVNULL)
        browser.open((folder / "profile.html").resolve().as_uri())
        browser.resize(1200, 900)
        names = "[...document.querySelectorAll('#table tbody tr td:first-child')].map(c => c.textContent)"
        rows = browser.value(names)
        for name in ("linear", "relu", "cross_entropy", "SGD", "sweep"):
            if name not in rows:
                sys.exit(f"no row of {name} in {rows}")
        calls = "[...document.querySelectorAll('#table tbody tr')].find(r => r.firstChild.textContent === 'linear')" \
                ".children[1].textContent"
        check("calls of linear", browser.value(calls), "200")
        share = "[...document.querySelectorAll('#table tbody tr td:nth-child(6)')].map(c => parseFloat(c.textContent))"
        shares = browser.value(share)
        check("rows from the longest on", shares, sorted(shares, reverse=True))
        outside = browser.value("(d => 100 * d.outside / d.seconds)(JSON.parse(document.getElementById('data').textContent))")
        if abs(sum(shares) + outside - 100) > 1:
            sys.exit(f"the shares add up to {sum(shares)} % and {outside} % of the program's own")
        browser.value("document.querySelector('#table th').click()")
        check("rows by name", browser.value(names), sorted(rows))
        browser.reload()
        check("the order outlives a reload", browser.value(names), sorted(rows))
        browser.value("document.getElementById('by-scope').click()")
        if "Sequential" not in " ".join(browser.value(names)) and "0" not in browser.value(names):
            sys.exit(f"no module among the scopes: {browser.value(names)}")
        filled = "(() => { const c = document.getElementById('flame'); const d = c.getContext('2d')" \
                 ".getImageData(0, 0, c.width, c.height).data; return d.some(v => v > 0); })()"
        check("the drawing", browser.value(filled), True)
        left, top, width, _ = browser.place("#flame")
        browser.mouse("mouseMoved", left + 4, top + 10)
        if not browser.value("document.getElementById('tip').textContent"):
            browser.mouse("mouseMoved", left + width / 2, top + 10)
        browser.screenshot(folder / "profile.png")
        browser.resize(390, 844)
        browser.screenshot(folder / "profile_narrow.png")
        check("a page as wide as its window", browser.value("document.documentElement.scrollWidth <= innerWidth"), True)
        check("complaints of the page", browser.complaints, [])
    print("the report reads well")


main()
