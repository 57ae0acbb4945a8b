"""Counts from Spark are the counts of the embedded counter and of a naive model, exactly, and still so when a worker dies in mid-job.

    check.py target/debug/segue-pipeline            on a made-up log, on a cluster of two workers on loopback

It needs pyspark and pyarrow (environment.py finds or makes them), and fails where anything differs; it never skips.
"""

import collections
import datetime
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

import naive
import pyarrow
import pyarrow.parquet as parquet
from cluster import Cluster

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = ROOT / "pipeline" / "sql" / "counts.py"
UNITS_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
# Each: a name, the rules, and what the log's times are.
CASES = [
    ("distinct", naive.Rules(mode="distinct", depth=2), "s"),
    ("changes", naive.Rules(mode="changes", depth=3, gap_days=1.5, user_day_max=4, witness_max=5, request_users_share=1.0), "timestamp"),
    ("raw", naive.Rules(mode="raw", depth=1, gap_days=0.5, user_day_max=3, window_days=30, request_users_share=0.3), "ms"),
]
INT, LONG = "int32", "int64"
HISTORY = {"h1": INT, "h2": INT, "h3": INT}
COLUMNS = {
    "counts": {**HISTORY, "next": INT, "day": INT, "seen": LONG},
    "support": {**HISTORY, "next": INT, "day": INT, "users": LONG, "witnesses": f"list<element: {LONG}>"},
    "tails": {**HISTORY, "users": LONG},
    "requests": {"user": LONG, "ts": LONG, "history": f"list<element: {INT}>", "next": INT},
}
KILLED = ("killed", naive.Rules(mode="raw", depth=3, user_day_max=7), "us")


def main():
    # Told to stop, it takes its cluster down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    pipeline = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="segue-spark-") as directory:
        directory = pathlib.Path(directory)
        generate = f"generate --events-count 30000 --users 300 --clusters 40 --months 3 --format parquet --out {directory / 'log'}"
        subprocess.run([pipeline, *generate.split()], check=True, capture_output=True)
        events = tied(parquet.read_table(directory / "log" / "events.parquet").to_pylist())
        with Cluster(directory, workers=2) as cluster:
            for case in CASES:
                Check(directory, pipeline, events, case).run(cluster)
            Check(directory, pipeline, events, KILLED).run(cluster, cluster.workers[1])
    print("Spark, the embedded counter and the naive model agree")


def tied(events):
    """The same log, and harder: equal times, rows that are alike, users of one event, and no order; (user, ts_s, cluster)."""
    draw = random.Random(7)
    spelled = ["user {}", "{}", "0{}"]
    rows = [(spelled[event["user"] % 3].format(event["user"]), event["ts"] // 600 * 600, event["cluster"]) for event in events]
    rows += draw.choices(rows, k=len(rows) // 20)
    rows += [(f"once {number}", rows[0][1] + number, 1) for number in range(20)]
    draw.shuffle(rows)
    return rows


class Check:
    def __init__(self, directory, pipeline, events, case):
        self.pipeline, self.events = pipeline, events
        self.name, self.rules, self.times = case
        self.directory = directory / self.name
        self.directory.mkdir()
        self.catalogue = directory / "log" / "clusters.csv"

    def run(self, cluster, victim=None):
        self.write_log()
        expected = naive.count([(user, time * UNITS_US["s"], cluster) for user, time, cluster in self.events], self.rules)
        self.embedded(expected)
        job = cluster.submit(SCRIPT, self.flags(self.directory / "spark") + self.spark_flags())
        if victim is not None:
            job.wait_for(victim.has_shuffled)
            victim.kill()
            assert job.runs(), "the job ended before the worker was killed"
        job.finish()
        assert victim is None or job.lost() > 0, "the job did not lose the executor that was killed"
        compare(f"{self.name}: Spark", read(self.directory / "spark", self.rules), expected)
        print(f"{self.name}: {len(expected.counts)} counts, {len(expected.support)} supports, {len(expected.tails)} tails, {len(expected.requests)} requests alike", flush=True)

    def write_log(self):
        """Several files, with rows among them that are no events."""
        unit = UNITS_US["s"] // UNITS_US.get(self.times, 1)
        stamp = (lambda time: datetime.datetime.fromtimestamp(time, datetime.UTC)) if self.times == "timestamp" else (lambda time: time * unit)
        kind = pyarrow.timestamp("us", tz="UTC") if self.times == "timestamp" else pyarrow.int64()
        rows = [(user, stamp(time), cluster, 1.0) for user, time, cluster in self.events]
        time = rows[0][1]
        rows += [(None, time, 1, 1.0), ("", time, 1, 1.0), ("nobody", None, 1, 1.0), ("nobody", time, None, 1.0), ("nobody", time, 4_000, 1.0)]
        rows += [("nobody", time, 1, 0.5), ("nobody", time, 1, None)]
        schema = pyarrow.schema([("who", pyarrow.string()), ("at", kind), ("what", pyarrow.int64()), ("how", pyarrow.float64())])
        files = self.directory / "events"
        files.mkdir()
        for number in range(5):
            columns = list(zip(*rows[number::5]))
            table = pyarrow.table([pyarrow.array(column, field.type) for column, field in zip(columns, schema)], schema=schema)
            parquet.write_table(table, files / f"{number}.parquet")

    def flags(self, out):
        rules = self.rules
        words = f"--user-column who --time-column at --cluster-column what --weight-column how --mode {rules.mode} --depth {rules.depth}"
        words += f" --ties by-cluster --max-user-day {rules.user_day_max} --witnesses {rules.witness_max} --request-users {rules.request_users_share}"
        words += f" --time-unit {self.times}" if self.times in UNITS_US else ""
        words += f" --gap-days {rules.gap_days}" if rules.gap_days is not None else ""
        return ["--events", self.directory / "events", "--catalogue", self.catalogue, "--out", out, *words.split()]

    def spark_flags(self):
        window = ["--window-days", self.rules.window_days] if self.rules.window_days is not None else []
        return ["--catalogue-version", "generated", "--files", 2, *window]

    def embedded(self, expected):
        out = self.directory / "embedded"
        subprocess.run([self.pipeline, "count", *self.flags(out)], check=True, capture_output=True)
        compare(f"{self.name}: the embedded counter", read(out, self.rules), expected)


def read(directory, rules):
    """A directory of kept counts, its steps those of the rules' window."""
    about = json.loads((directory / "_counts.json").read_text())
    expected = {"format": "segue-counts 1", **{key: getattr(rules, key) for key in ("mode", "depth", "gap_days", "user_day_max", "witness_max")}}
    assert {key: about[key] for key in expected} == expected, (about, expected)
    last_day = about["to_us"] // naive.US_PER_DAY
    inside = lambda day: rules.window_days is None or day > last_day - rules.window_days
    counts, support, tails, requests = collections.Counter(), {}, collections.Counter(), collections.Counter()
    for row in rows(directory, "counts"):
        if inside(row["day"]):
            once(counts, (history(row), row["next"], row["day"]), row["seen"])
    for row in rows(directory, "support"):
        if inside(row["day"]):
            once(support, (history(row), row["next"], row["day"]), (row["users"], row["witnesses"] and tuple(row["witnesses"])))
    for row in rows(directory, "tails"):
        once(tails, history(row), row["users"])
    for row in rows(directory, "requests") if rules.request_users_share else []:
        if inside(row["ts"] // naive.US_PER_DAY):
            requests[row["user"], row["ts"], tuple(row["history"]), row["next"]] += 1
    return naive.Counts(counts, support, tails, requests, about["users"], about["sequences"], about["from_us"], about["to_us"])


def rows(directory, table):
    """A table's rows, after a look at the types of its columns."""
    found = parquet.read_table(directory / table)
    types = {field.name: str(field.type).replace(" not null", "") for field in found.schema}
    assert types == COLUMNS[table], (table, types)
    return found.to_pylist()


def once(table, key, value):
    assert key not in table, f"{key} is there twice"
    table[key] = value


def history(row):
    clusters = [row[name] for name in ("h1", "h2", "h3")]
    length = clusters.index(None) if None in clusters else len(clusters)
    assert all(cluster is None for cluster in clusters[length:]), row
    return tuple(clusters[:length])


def compare(who, got, expected):
    for table in ("counts", "support", "tails", "requests"):
        ours, theirs = getattr(got, table), getattr(expected, table)
        if ours != theirs:
            differs = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
            shown = "\n".join(f"  {key}: {ours.get(key)}, expected {theirs.get(key)}" for key in differs[:10])
            sys.exit(f"{who}: {len(differs)} of {len(theirs)} {table} differ\n{shown}")
    for figure in ("users", "sequences", "from_us", "to_us"):
        if getattr(got, figure) != getattr(expected, figure):
            sys.exit(f"{who}: {figure} is {getattr(got, figure)}, expected {getattr(expected, figure)}")


if __name__ == "__main__":
    main()
