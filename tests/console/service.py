"""A service with two releases of the demo's data in a store of its own, and somebody who asks it; no page is known here."""

import http.client
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"
DOORS = ("http", "grpc", "admin")
# However busy the machine is that tests this, every question is answered.
PATIENT = ("--request-deadline-default-ms", "60000", "--request-deadline-max-ms", "60000")
PAIRS = [[25, 8], [22, 9], [8], [], [12, 88], [3, 41]]


class Service:
    """The program, serving `first` of a store that holds `first` and `second`, or nothing of an empty one."""

    def __init__(self, program, *flags, empty=False):
        self._dir = tempfile.TemporaryDirectory(prefix="segue-console-")
        self.store = pathlib.Path(self._dir.name)
        self._program = program
        if not empty:
            shutil.copytree(DEMO / "model", self.store / "models" / "online-retail-k100")
            for version in ("first", "second"):
                self._publish(version)
            self.run("activate", "--dir", self.store, "first")
        ports = [word for door in DOORS for word in (f"--{door}-listen", "127.0.0.1:0")]
        command = [program, "serve", "--release-dir", self.store, *ports, "--drain-lame-duck-ms", "0", "--log-format", "json", *PATIENT, *flags]
        log = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "env": {}}
        self._process = subprocess.Popen(command, **log)
        self.log = []
        self.addresses = self._announced()
        threading.Thread(target=lambda: self.log.extend(self._process.stdout), daemon=True).start()
        self.page = f"http://{self.addresses['admin']}/"
        while not empty and not self.shown("/healthz")["ready"]:
            assert self._process.poll() is None, "".join(self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self._dir.cleanup()

    def stop(self):
        """Stops the program, and waits until it has."""
        self._process.terminate()
        self._process.wait(120)

    def run(self, *words):
        """Runs another command of the program."""
        subprocess.run([self._program, *words], check=True, env={}, stdout=subprocess.DEVNULL)

    def asked(self, history, unit=None):
        """The reply to one question, as a caller gets it."""
        question = {"history": history, "names": True, "limit": 10}
        return self._call("http", "POST", "/next-clusters", question | ({"unit": unit} if unit else {}))

    def shown(self, path):
        """What the operator's door shows."""
        return self._call("admin", "GET", path)

    def traffic(self):
        """Asks until told to stop."""
        return Traffic(self)

    def _publish(self, version):
        release = self.store / "releases" / version
        shutil.copytree(DEMO / "release", release)
        manifest = json.loads((release / "manifest.json").read_text())
        (release / "manifest.json").write_text(json.dumps(manifest | {"version": version}))

    def _announced(self):
        """The addresses, from the line of the log that says them."""
        for line in self._process.stdout:
            self.log.append(line)
            found = {door: re.search(rf'"{door}":"([0-9.:]+)"', line) for door in DOORS}
            if all(found.values()):
                return {door: address[1] for door, address in found.items()}
        raise AssertionError("the service did not start:\n" + "".join(self.log))

    def _call(self, door, method, path, body=None):
        connection = http.client.HTTPConnection(self.addresses[door], timeout=120)
        try:
            headers = {"content-type": "application/json"} if body is not None else {}
            connection.request(method, path, body and json.dumps(body), headers)
            reply = connection.getresponse()
            text = reply.read()
            assert reply.status == 200, f"{method} {path}: {reply.status} {text!r}"
            return json.loads(text)
        finally:
            connection.close()


class Traffic:
    """Questions one after the other, on a thread of their own."""

    def __init__(self, service):
        self._service = service
        self._end = threading.Event()
        self.failures = []
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        assert not self.failures, self.failures[:3]

    def _ask(self):
        number = 0
        while not self._end.wait(0.005):
            number += 1
            try:
                self._service.asked(PAIRS[number % len(PAIRS)], f"unit-{number}")
            except (AssertionError, OSError) as error:
                self.failures.append(error)
