"""A standalone Spark cluster on loopback: a master, workers with directories of their own, and jobs submitted to it.

Everything listens on ports that the system picks; a worker and its executors are one process group, and only such groups are ended.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pyspark

HOME = pathlib.Path(pyspark.__file__).parent
DAEMON_WAIT_S = 120
JOB_WAIT_S = 400
POLL_S = 0.02


class Cluster:
    """A context: what it starts ends with it."""

    def __init__(self, directory, workers):
        self.directory, self.processes = pathlib.Path(directory), []
        self.count = workers

    def __enter__(self):
        try:
            master = ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
            self.master = Daemon(self, "master", master).said(r"Starting Spark master at (spark://\S+)")
            self.workers = [self.worker(number) for number in range(self.count)]
            for worker in self.workers:
                worker.said(r"(Successfully registered) with master")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            end(process)

    def worker(self, number):
        name = f"worker-{number}"
        command = ["org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", "--cores", "1"]
        return Daemon(self, name, [*command, "--memory", "700m", "--work-dir", self.directory / name / "work", self.master])

    def submit(self, script, arguments):
        return Job(self, script, arguments)

    def start(self, name, command, log):
        """Starts a process as the head of a group of its own."""
        local = self.directory / name / "local"
        local.mkdir(parents=True, exist_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPARK_", "PYSPARK_"))}
        environment |= {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(local), "SPARK_DAEMON_MEMORY": "200m"}
        environment |= {"PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"}
        process = subprocess.Popen(
            [str(word) for word in command], cwd=self.directory / name, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self.processes.append(process)
        return process


class Daemon:
    def __init__(self, cluster, name, command):
        self.name, self.log = name, cluster.directory / f"{name}.log"
        self.local = cluster.directory / name / "local"
        with self.log.open("wb") as log:
            self.process = cluster.start(name, [HOME / "bin" / "spark-class", *command], log)

    def said(self, pattern):
        """Waits until the log says so, and gives the pattern's group."""
        return until(lambda: found(self.log, pattern), self, DAEMON_WAIT_S)

    def has_shuffled(self):
        """Whether a task of the job has left here what later ones need."""
        return next(self.local.glob("**/shuffle_*.data"), None) is not None

    def kill(self):
        end(self.process)


class Job:
    CONF = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "700m",
        "spark.executor.memory": "600m",
        "spark.executor.cores": "1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        # Both workers take part from the start.
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "120s",
        # A worker that is gone is gone: no waiting for it.
        "spark.shuffle.io.maxRetries": "1",
        "spark.shuffle.io.retryWait": "1s",
        "spark.log.structuredLogging.enabled": "false",
    }

    def __init__(self, cluster, script, arguments):
        self.name, self.log = "job", cluster.directory / "job.log"
        conf = [word for key, value in self.CONF.items() for word in ("--conf", f"{key}={value}")]
        command = [HOME / "bin" / "spark-submit", "--master", cluster.master, *conf, script, *arguments]
        with self.log.open("wb") as log:
            self.process = cluster.start(self.name, command, log)

    def runs(self):
        return self.process.poll() is None

    def wait_for(self, condition):
        until(condition, self, JOB_WAIT_S)

    def lost(self):
        """How many executors the job lost before its end."""
        return len(re.findall(r"Lost executor \d+", self.log.read_text(errors="replace")))

    def finish(self):
        try:
            code = self.process.wait(JOB_WAIT_S)
        except subprocess.TimeoutExpired:
            sys.exit(f"the job did not end within {JOB_WAIT_S} s:\n{tail(self.log)}")
        if code != 0:
            sys.exit(f"the job ended with {code}:\n{tail(self.log)}")


def until(condition, who, wait_s):
    """Waits for what a process is about to do; where it ends or takes too long, says what it said."""
    end_s = time.monotonic() + wait_s
    while not (result := condition()):
        if who.process.poll() is not None or time.monotonic() > end_s:
            sys.exit(f"{who.name} did not get so far ({who.process.poll()}):\n{tail(who.log)}")
        time.sleep(POLL_S)
    return result


def found(log, pattern):
    match = re.search(pattern, log.read_text(errors="replace"))
    return match and match[1]


def tail(log):
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


def end(process):
    """Kills a group that was started here, with SIGKILL."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
