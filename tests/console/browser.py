"""A headless Chromium, spoken to over a pipe in its own protocol (CDP), with nothing but Python's standard library.

It knows no page: what is on one, and what must be, is for whoever drives it. Run by itself, it ends with 0 where a browser is
here, and with 3 where none is.
"""

import base64
import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

# Far above what anything takes, so that a hang is a failure and not a stuck build.
PATIENCE_S = 120

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-default-apps --disable-extensions --mute-audio "
    "--hide-scrollbars --remote-debugging-pipe"
).split()


def found():
    """The browser's program, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def eventually(holds, what):
    """Waits until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"it never came to be: {what}"
        # The page has a clock of its own; this only spares the processor.
        threading.Event().wait(0.02)


class Browser:
    """One browser with one page. Everything that the page logs, and every failure in it, is kept in `complaints`."""

    def __init__(self):
        self._dir = tempfile.TemporaryDirectory(prefix="segue-console-", ignore_cleanup_errors=True)
        heard, self._tell = os.pipe()
        self._hear, said = os.pipe()
        for end in (heard, said):
            os.set_inheritable(end, True)
        # The pipe's ends are the file descriptors 3 and 4 there; a shell moves them, so that no code runs between fork
        # and exec here.
        command = [found(), *FLAGS, f"--user-data-dir={self._dir.name}", "about:blank"]
        moved = ["/bin/bash", "-c", f'exec "$@" 3<&{heard} 4>&{said}', "browser", *command]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(moved, pass_fds=(heard, said), **quiet)
        os.close(heard)
        os.close(said)
        self._numbers = itertools.count(1)
        self._replies = {}
        self._lock = threading.Lock()
        self._loaded = threading.Event()
        self.complaints = []
        threading.Thread(target=self._listen, daemon=True).start()
        target = self._send("Target.createTarget", {"url": "about:blank"}, None)["targetId"]
        self._session = self._send("Target.attachToTarget", {"targetId": target, "flatten": True}, None)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        os.close(self._tell)
        self._dir.cleanup()

    def send(self, method, **parameters):
        """A command to the page, and its result."""
        return self._send(method, parameters, self._session)

    def open(self, url):
        """Goes to a page, and waits until it is there."""
        self._loaded.clear()
        self.send("Page.navigate", url=url)
        assert self._loaded.wait(PATIENCE_S), f"{url} did not load"

    def value(self, expression):
        """What an expression is in the page; a promise is waited for."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        reply = self.send("Runtime.evaluate", **asked)
        if "exceptionDetails" in reply:
            details = reply["exceptionDetails"]
            raise AssertionError(f"{expression}: {details.get('exception', {}).get('description', details)}")
        return reply["result"].get("value")

    def until(self, expression):
        """Waits until an expression is true in the page."""
        eventually(lambda: self.value(f"Boolean({expression})"), expression)

    def key(self, key, text=""):
        """Presses a key, as a person does."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Backspace": 8, " ": 32}
        known = {"key": key, "code": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        text = text or {"Enter": "\r", " ": " "}.get(key, "")
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.send("Input.dispatchKeyEvent", type="keyUp", **known)

    def type(self, text):
        """Writes into whatever has the focus."""
        self.send("Input.insertText", text=text)

    def click(self, expression):
        """Clicks in the middle of the element that an expression gives, where the page has it: what covers it gets the click."""
        self.until(expression)
        box = self.value(
            f"(() => {{ const element = {expression}; element.scrollIntoView({{ block: 'center' }});"
            "const box = element.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        mouse = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, **mouse)

    def size(self, width, height, scale=1):
        """Sets the size of the window, in CSS pixels."""
        mobile = width < 600
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)

    def prefer(self, **features):
        """Sets what the person prefers, such as `prefers_color_scheme="dark"`."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=features)

    def picture(self, path, whole=True):
        """Writes what is seen to a file."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def _send(self, method, parameters, session):
        number, reply = next(self._numbers), queue.Queue()
        self._replies[number] = reply
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        with self._lock:
            os.write(self._tell, json.dumps(message).encode() + b"\0")
        answer = reply.get(timeout=PATIENCE_S)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _listen(self):
        with os.fdopen(self._hear, "rb") as stream:
            waiting = b""
            while chunk := stream.read1(1 << 20):
                *messages, waiting = (waiting + chunk).split(b"\0")
                for message in messages:
                    self._heard(json.loads(message))

    def _heard(self, message):
        if "id" in message:
            self._replies.pop(message["id"]).put(message)
        elif message["method"] == "Page.loadEventFired":
            self._loaded.set()
        elif message["method"] == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif message["method"] == "Runtime.consoleAPICalled" and message["params"]["type"] in ("error", "warning", "assert"):
            words = [str(one.get("value", one.get("description"))) for one in message["params"]["args"]]
            self.complaints.append(" ".join(words))
        elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] in ("error", "warning"):
            entry = message["params"]["entry"]
            self.complaints.append(f"{entry['text']} ({entry.get('url', '')})")


if __name__ == "__main__":
    sys.exit(0 if found() else 3)
