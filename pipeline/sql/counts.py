"""Counts a log on Apache Spark into the kept counts that `segue-pipeline refresh --counts` takes.

    spark-submit counts.py --events s3a://bucket/log --catalogue catalogue.jsonl --out s3a://bucket/counts/2026-11-21
    python counts.py --remote sc://host:15002 ...            the same through Spark Connect

It makes the log's view, sets the variables of counts.sql, runs that text and writes its tables; it must hold no rule of counting itself.
"""

import argparse
import csv
import datetime
import json
import pathlib
import sys

from pyspark.sql import SparkSession

FORMAT = "segue-counts 1"
MANIFEST = "_counts.json"
TABLES = ("counts", "support", "tails", "requests")
# Microseconds in one of each unit of times that are bare numbers; a Parquet timestamp brings its own.
UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
US_PER_DAY = 86_400_000_000
EPOCH = datetime.date(1970, 1, 1)
# Floats up to this size hold every integer: tools that lost a column's type write 22.0 for 22.
EXACT_FLOAT_MAX = 9007199254740992
WHOLE = ("tinyint", "smallint", "int", "bigint", "boolean")
FRACTIONS = ("float", "double")


def main():
    settings = arguments()
    spark = session(settings)
    out = Place(settings.out)
    if out.read(MANIFEST) is not None:
        sys.exit(f"{settings.out} holds counts already; give another --out")
    ids, version = catalogue(settings)
    spark.sql(f"SELECT EXPLODE(FROM_JSON('{json.dumps(ids)}', 'ARRAY<INT>')) AS id").createOrReplaceTempView("catalogue")
    log(spark, settings).createOrReplaceTempView("log")
    run(spark, variables(settings))
    rows = {row["reason"]: row for row in spark.table("figures").collect()}
    print(json.dumps({"rows": {reason or "events": row["log_rows"] for reason, row in rows.items()}}), flush=True)
    check(rows, settings)
    # With all tasks there are: fewer files would mean fewer tasks.
    spark.sql("SELECT COUNT(*) FROM summed").collect()
    for table in TABLES:
        if table == "requests" and not settings.request_users:
            continue
        frame = spark.table(table)
        frame = frame.repartition(settings.files) if table == "requests" else frame.coalesce(settings.files)
        frame.write.mode("overwrite").parquet(f"{settings.out}/{table}", compression="zstd")
    # Last: a directory with it holds every row.
    out.write(MANIFEST, manifest(spark, settings, version, rows[None]))
    # A Connect server outlives the job.
    spark.sql("UNCACHE TABLE IF EXISTS summed")
    spark.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--events", action="append", required=True, help="a file, directory or pattern that every worker can read; may be given again")
    add("--format", choices=("parquet", "csv", "json"), default="parquet")
    add("--catalogue", required=True, help="clusters: CSV with a header, or a release's catalogue.jsonl; a file of the submitting machine")
    add("--catalogue-version", help="the catalogue's name as releases of it say [default: as manifest.json beside the catalogue says]")
    add("--out", required=True, help="the directory to make, on storage that every worker can write")
    add("--mode", choices=("distinct", "changes", "raw"), default="distinct", help="whether a cluster may come twice in a sequence")
    add("--gap-days", type=positive, help="a longer pause begins a new sequence [default: one sequence per user]")
    add("--ties", choices=("by-cluster",), default="by-cluster", help="what decides between events of one user and one time; rows have no order here")
    add("--depth", type=int, choices=(1, 2, 3), default=2, help="the longest history")
    add("--max-user-day", type=whole, default=2**32 - 1, help="at most so many steps of one user and UTC day count, the first ones [default: all]")
    add("--witnesses", type=int, default=32, help="users of one row from which on they are not named; 0 names none, and is faster")
    add("--request-users", type=float, default=0.0, help="the share of users whose steps are kept as questions to judge by")
    add("--window-days", type=whole, help="only steps of this many days up to the last count [default: all]")
    add("--to-day", type=day, help="the last UTC day, as 2026-11-21: later events do not exist [default: that of the last event]")
    add("--user-column", default="user")
    add("--time-column", default="ts")
    add("--time-unit", choices=tuple(UNITS), default="s", help="of times that are bare numbers")
    add("--cluster-column", default="cluster")
    add("--weight-column", help="how strong the engagement was")
    add("--min-weight", type=float, default=1.0, help="events that weigh less are left out")
    add("--catalogue-id-column", default="cluster")
    add("--strict", action="store_true", help="fail where a row cannot be used, instead of counting it")
    add("--files", type=whole, default=8, help="files of each table at most")
    add("--remote", help="a Spark Connect server, sc://host:port")
    return parser.parse_args()


def positive(text):
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return number


def whole(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return number


def day(text):
    return (datetime.date.fromisoformat(text) - EPOCH).days


def session(settings):
    builder = SparkSession.builder.remote(settings.remote) if settings.remote else SparkSession.builder.appName("segue counts")
    spark = builder.getOrCreate()
    # A timestamp without a zone is UTC, here as in the embedded reader.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    return spark


def catalogue(settings):
    """The ids of all clusters, and the catalogue's name."""
    path = pathlib.Path(settings.catalogue)
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            ids = [json.loads(line)["id"] for line in file]
        else:
            ids = [int(row[settings.catalogue_id_column]) for row in csv.DictReader(file)]
    if not ids or len(set(ids)) < len(ids) or not all(0 <= id < 2**31 for id in ids):
        sys.exit(f"{path}: expected cluster ids from 0 to {2**31 - 1}, each once; see --catalogue-id-column")
    beside = path.with_name("manifest.json")
    version = settings.catalogue_version or (json.loads(beside.read_text())["catalogue"] if beside.exists() else None)
    if version is None:
        sys.exit("give --catalogue-version, or the catalogue.jsonl of a release: counts and releases must be of one catalogue")
    return ids, version


def log(spark, settings):
    """The log's four columns; null where a value cannot be read."""
    reader = spark.read.format(settings.format)
    if settings.format == "csv":
        reader = reader.option("header", True)
    frame = reader.load(settings.events)
    types = dict(frame.dtypes)
    columns = [settings.user_column, settings.time_column, settings.cluster_column] + [settings.weight_column][: settings.weight_column is not None]
    missing = [column for column in columns if column not in types]
    if missing:
        sys.exit(f"the events have no column {missing}, got {frame.columns}; name it with a --...-column flag")
    typed = [(f"`{column}`", types[column]) for column in columns]
    weight = f"TRY_CAST({typed[3][0]} AS DOUBLE)" if settings.weight_column else "CAST(NULL AS DOUBLE)"
    return frame.selectExpr(
        f"{user(*typed[0])} AS user",
        f"{time_us(*typed[1], UNITS[settings.time_unit])} AS ts_us",
        f"TRY_CAST({integer(*typed[2])} AS INT) AS cluster",
        f"{weight} AS weight",
    )


def user(column, kind):
    """A user's hash; text that is an integer in its usual spelling has that integer's."""
    if kind in WHOLE or kind in FRACTIONS:
        return hashed(integer(column, kind))
    text = f"NULLIF(CAST({column} AS STRING), '')"
    usual = f"IF({text} RLIKE '^(0|-?[1-9][0-9]*)$', TRY_CAST({text} AS BIGINT), NULL)"
    return f"COALESCE({hashed(usual)}, {hashed(text)})"


def hashed(value):
    # XXHASH64 gives null a hash too.
    return f"IF({value} IS NULL, NULL, XXHASH64({value}))"


def integer(column, kind):
    if kind in WHOLE:
        return f"CAST({column} AS BIGINT)"
    number = f"TRY_CAST({column} AS DOUBLE)"
    exact = f"CASE WHEN {number} = FLOOR({number}) AND ABS({number}) <= {EXACT_FLOAT_MAX} THEN CAST({number} AS BIGINT) END"
    return exact if kind in FRACTIONS else f"COALESCE(TRY_CAST({column} AS BIGINT), {exact})"


def time_us(column, kind, unit):
    if kind in ("timestamp", "timestamp_ntz", "date"):
        return f"UNIX_MICROS(CAST({column} AS TIMESTAMP))"
    if kind in WHOLE:
        return f"TRY_MULTIPLY(CAST({column} AS BIGINT), {unit}L)"
    number = f"(TRY_CAST({column} AS DOUBLE) * {unit})"
    nearest = f"CASE WHEN ABS{number} <= {EXACT_FLOAT_MAX} THEN CAST(ROUND{number} AS BIGINT) END"
    return nearest if kind in FRACTIONS else f"COALESCE(TRY_MULTIPLY(TRY_CAST({column} AS BIGINT), {unit}L), {nearest})"


def variables(settings):
    return {
        "mode": f"'{settings.mode}'",
        "depth": settings.depth,
        "gap_us": None if settings.gap_days is None else int(settings.gap_days * US_PER_DAY),
        "user_day_max": settings.max_user_day,
        "weight_min": None if settings.weight_column is None else settings.min_weight,
        "to_day": settings.to_day,
        "window_days": settings.window_days,
        "witness_max": settings.witnesses,
        "request_users_share": settings.request_users,
    }


def run(spark, variables):
    """Runs the statements of counts.sql; each ends with a semicolon at the end of a line."""
    text = pathlib.Path(__file__).with_name("counts.sql").read_text(encoding="utf-8")
    lines = (line.split("--")[0].rstrip() for line in text.splitlines())
    statements = [statement for statement in "\n".join(lines).split(";\n") if statement.strip()]
    declared = [statement for statement in statements if "DECLARE" in statement]
    for statement in declared:
        spark.sql(statement)
    for name, value in variables.items():
        spark.sql(f"SET VARIABLE {name} = {'NULL' if value is None else value}")
    for statement in statements[len(declared) :]:
        spark.sql(statement.rstrip().rstrip(";"))


def check(rows, settings):
    refused = {reason: row["log_rows"] for reason, row in rows.items() if reason not in (None, "below_weight", "after_window")}
    if refused and settings.strict:
        sys.exit(f"rows were refused: {refused}; without --strict they are only counted")
    if None not in rows:
        sys.exit(f"no event could be read of {settings.events}: {refused}")


def manifest(spark, settings, version, events):
    return {
        "format": FORMAT,
        "mode": settings.mode,
        "gap_days": settings.gap_days,
        "ties": "by-cluster",
        "depth": settings.depth,
        "user_day_max": settings.max_user_day,
        "witness_max": settings.witnesses,
        "catalogue": version,
        "from_us": events["from_us"],
        "to_us": events["to_us"],
        "users": events["users"],
        "sequences": spark.table("sequences").first()["sequences"],
    }


class Place:
    """A directory of this machine, or of a store that pyarrow knows (s3, gs, hdfs), for the one file that Spark does not write."""

    def __init__(self, url):
        self.files, self.path = None, url.removeprefix("file://")
        if "://" in self.path:
            from pyarrow import fs

            self.files, self.path = fs.FileSystem.from_uri(url.replace("s3a://", "s3://", 1))

    def read(self, name):
        path = f"{self.path}/{name}"
        try:
            with open(path, "rb") if self.files is None else self.files.open_input_stream(path) as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, name, content):
        path, data = f"{self.path}/{name}", (json.dumps(content, indent=2) + "\n").encode()
        if self.files is not None:
            with self.files.open_output_stream(path) as file:
                file.write(data)
            return
        partial = pathlib.Path(f"{path}.partial")
        partial.write_bytes(data)
        partial.rename(path)


if __name__ == "__main__":
    main()
