"""Headless Chromium for tests that look at pages: it opens them, reads values, clicks and takes pictures."""
import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


class Moved(Exception):
    """The page went away while it was asked, for another one or for itself anew."""


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
        self.number, self.session, self.rest, self.complaints = 0, None, b"", []

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
            if answer.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(answer["params"]["exceptionDetails"])
            if answer.get("id") == self.number:
                if "navigated" in answer.get("error", {}).get("message", ""):
                    raise Moved
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, url):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Page.navigate", url=url)
        self.wait_until("document.readyState === 'complete' && location.href === " + json.dumps(url))

    def reload(self):
        self.value("window.is_old = true")
        with contextlib.suppress(Moved):
            self.value("location.reload()")
        self.wait_for_reload()

    def wait_for_reload(self):
        """Of a page that has set window.is_old, and loads itself again."""
        self.wait_until("document.readyState === 'complete' && window.is_old === undefined && location.href !== 'about:blank'")

    def wait_until(self, expression, seconds=20):
        for _ in range(10 * seconds):
            with contextlib.suppress(Moved):
                if self.value(expression):
                    return
            time.sleep(0.1)
        sys.exit(f"never: {expression}")

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def mouse(self, kind, x, y, **more):
        """`kind` is mouseMoved, mousePressed, mouseReleased or mouseWheel."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, begin, end):
        """From one point of the window to another, with the left button down."""
        self.mouse("mouseMoved", *begin)
        self.mouse("mousePressed", *begin, button="left", clickCount=1)
        self.mouse("mouseMoved", *end, button="left")
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def place(self, selector):
        """[left, top, width, height] in the window, after scrolling there."""
        return self.value(f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); "
                          f"return [r.left, r.top, r.width, r.height]; }})(document.querySelector({json.dumps(selector)}))")

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        """"light" or "dark"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path, whole=False):
        more = {}
        if whole:
            size = self.value("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
            more = {"captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png", **more)["data"]))

    def close(self):
        self.process.kill()
        self.process.wait()


class open_browser:
    """with open_browser() as browser: ... Exit status 77 where there is no Chromium."""

    def __enter__(self):
        chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not chromium:
            print("there is no Chromium here")
            sys.exit(77)
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.browser = Browser(chromium, self.profile.name)
        return self.browser

    def __exit__(self, *_):
        self.browser.close()
        self.profile.cleanup()


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} where {wanted!r} was expected")
