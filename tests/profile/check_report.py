#!/usr/bin/python3
"""Opens the report of a profile in headless Chromium, reads its values, clicks, and takes a screenshot.

Usage: check_report.py PROGRAM FOLDER
PROGRAM writes FOLDER/profile.html. Exit status 77 where there is no Chromium.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


class Browser:
    """Chromium's debugging protocol over a pair of pipes: JSON texts that end in a zero byte."""

    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.back, from_browser = os.pipe()

        def as_three_and_four():
            one, other = os.dup(to_browser), os.dup(from_browser)
            os.dup2(one, 3)
            os.dup2(other, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=as_three_and_four, close_fds=False)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.session, self.rest = 0, None, b""

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                read = os.read(self.back, 1 << 20)
                if not read:
                    sys.exit("Chromium has gone")
                self.rest += read
            text, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(text)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Page.navigate", url=url)
        for _ in range(200):
            if self.value("document.readyState") == "complete" and self.value("location.href") == url:
                return
            time.sleep(0.1)
        sys.exit(f"{url} does not load")

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def screenshot(self, path, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} where {wanted!r} was expected")


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("there is no Chromium here")
        sys.exit(77)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([program, folder, "0.05"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(chromium, profile)
        try:
            browser.open((folder / "profile.html").resolve().as_uri())
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
            browser.value("document.getElementById('by-scope').click()")
            if "Sequential" not in " ".join(browser.value(names)) and "0" not in browser.value(names):
                sys.exit(f"no module among the scopes: {browser.value(names)}")
            filled = "(() => { const c = document.getElementById('flame'); const d = c.getContext('2d')" \
                     ".getImageData(0, 0, c.width, c.height).data; return d.some(v => v > 0); })()"
            check("the drawing", browser.value(filled), True)
            browser.screenshot(folder / "profile.png", 1200, 900)
            browser.screenshot(folder / "profile_narrow.png", 390, 844)
            check("a page as wide as its window", browser.value("document.documentElement.scrollWidth <= innerWidth"), True)
        finally:
            browser.close()
    print("the report reads well")


main()
