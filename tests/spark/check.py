"""Counts from Spark are the counts of the embedded counter and of a naive model, exactly, and still so when a worker dies in mid-job.

    check.py target/debug/segue-pipeline            on a made-up log, on a cluster of two workers on loopback

It needs pyspark and pyarrow (environment.py finds or makes them), and fails where anything differs; it never skips.
"""

import collections
import datetime
import json
import pathlib
import random
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
    ("changes", naive.Rules(mode="changes", depth=3, gap_days=1.5, user_day_max=4), "timestamp"),
    ("raw", naive.Rules(mode="raw", depth=1, gap_days=0.5, user_day_max=3, window_days=30), "ms"),
]
KILLED = ("killed", naive.Rules(mode="raw", depth=3, user_day_max=7), "us")


def main():
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
    rows = [(f"user {event['user']}", event["ts"] // 600 * 600, event["cluster"]) for event in events]
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
        print(f"{self.name}: {len(expected.counts)} counts, {len(expected.support)} supports, {len(expected.tails)} tails alike", flush=True)

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
        words += f" --user-day-max {rules.user_day_max}"
        words += f" --time-unit {self.times}" if self.times in UNITS_US else ""
        words += f" --gap-days {rules.gap_days}" if rules.gap_days is not None else ""
        return ["--events", self.directory / "events", "--catalogue", self.catalogue, "--out", out, *words.split()]

    def spark_flags(self):
        window = ["--window-days", self.rules.window_days] if self.rules.window_days is not None else []
        return ["--catalogue-version", "generated", "--files", 2, *window]

    def embedded(self, expected):
        out = self.directory / "embedded"
        subprocess.run([self.pipeline, "count", *self.flags(out), "--witness-max", "1000000"], check=True, capture_output=True)
        compare(f"{self.name}: the embedded counter", read(out, self.rules), expected)


def read(directory, rules):
    """A directory of kept counts, its support as of the rules' window."""
    about = json.loads((directory / "_counts.json").read_text())
    assert about["format"] == "segue-counts 1", about
    for key in ("mode", "depth", "gap_days", "user_day_max"):
        assert about[key] == getattr(rules, key), (key, about)
    rows = {table: parquet.read_table(directory / table).to_pylist() for table in ("counts", "support", "tails")}
    last_day = about["to_us"] // naive.US_PER_DAY
    inside = lambda row: row["day"] is None or rules.window_days is None or row["day"] > last_day - rules.window_days
    counts, tails = collections.Counter(), collections.Counter()
    for row in filter(inside, rows["counts"]):
        assert row["seen"] > 0 and (history(row), row["next"], row["day"]) not in counts, row
        counts[history(row), row["next"], row["day"]] = row["seen"]
    for row in rows["tails"]:
        tails[history(row)] += row["users"]
    support = supported(filter(inside, rows["support"]))
    return naive.Counts(counts, support, tails, about["users"], about["sequences"], about["from_us"], about["to_us"])


def supported(rows):
    """Users of each (history, next): of the whole directory where a row says no day, else counted from each day's witnesses."""
    users, witnesses = collections.Counter(), collections.defaultdict(set)
    for row in rows:
        key = (history(row), row["next"])
        if row["day"] is None:
            assert key not in users, row
            users[key] = row["users"]
        else:
            assert len(row["witnesses"]) == row["users"], row
            witnesses[key].update(row["witnesses"])
    return users + collections.Counter({key: len(those) for key, those in witnesses.items()})


def history(row):
    clusters = [row[name] for name in ("h1", "h2", "h3")]
    length = clusters.index(None) if None in clusters else len(clusters)
    assert all(cluster is None for cluster in clusters[length:]), row
    return tuple(clusters[:length])


def compare(who, got, expected):
    for table in ("counts", "support", "tails"):
        ours, theirs = getattr(got, table), getattr(expected, table)
        if ours != theirs:
            differs = sorted(key for key in ours.keys() | theirs.keys() if ours[key] != theirs[key])
            shown = "\n".join(f"  {key}: {ours[key]}, expected {theirs[key]}" for key in differs[:10])
            sys.exit(f"{who}: {len(differs)} of {len(theirs)} {table} differ\n{shown}")
    for figure in ("users", "sequences", "from_us", "to_us"):
        if getattr(got, figure) != getattr(expected, figure):
            sys.exit(f"{who}: {figure} is {getattr(got, figure)}, expected {getattr(expected, figure)}")


if __name__ == "__main__":
    main()
