"""Finds a Python that can run Spark, or makes one: a virtual environment in the directory given, kept for the next time.

Prints the path of its interpreter. Ends with 3 and the reason where this machine cannot have it, and never takes a failure for that.
"""

import os
import pathlib
import re
import subprocess
import sys

SKIPPED = 3
JAVA_MIN = 17
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")
# What pip says where no index answers, as opposed to one that has no such package.
UNREACHABLE = re.compile(r"NewConnectionError|ConnectTimeout|Read timed out|ProxyError|Max retries|Name or service not known|Retrying \(")


def main():
    check_java()
    made = pathlib.Path(sys.argv[1]).resolve() / "venv" / "bin" / "python"
    for python in filter(None, [os.environ.get("SEGUE_SPARK_PYTHON"), sys.executable, str(made)]):
        if can(python):
            print(python)
            return
    install(made)
    print(made)


def check_java():
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError):
        skip(f"there is no java on the path; Spark needs Java {JAVA_MIN}")
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < JAVA_MIN:
        skip(f"Spark needs Java {JAVA_MIN}, got {said.splitlines()[0]}")


def can(python):
    command = [python, "-c", "import pyarrow.parquet, pyspark; assert pyspark.__version__ >= '4'"]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def install(python):
    venv = python.parent.parent
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True, stdout=sys.stderr)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20", "-r", REQUIREMENTS]
    installed = subprocess.run(command, capture_output=True, text=True)
    if installed.returncode == 0 and can(python):
        return
    said = (installed.stdout + installed.stderr).strip()
    if UNREACHABLE.search(said):
        skip(f"pyspark is not installed and no package index can be reached: {said.splitlines()[-1]}")
    sys.exit(f"{REQUIREMENTS.name} cannot be installed:\n{said}")


def skip(reason):
    if os.environ.get("SEGUE_SPARK") == "required":
        sys.exit(f"SEGUE_SPARK=required, but {reason}")
    print(f"SKIPPED, counts from Spark: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


if __name__ == "__main__":
    main()
