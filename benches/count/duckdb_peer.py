"""Counts the same log with DuckDB: the ten most frequent clusters after every pair of clusters.

Prints one line of JSON: seconds, processor seconds, peak of memory, and a digest that must equal ours. Usage:
duckdb_peer.py EVENTS.parquet [users]; with `users` each count comes with its number of different users, as ours does.
"""

import json
import resource
import sys
import time

import duckdb

QUERY = """
WITH steps AS (
    SELECT "user", lag(cluster, 2) OVER w AS h2, lag(cluster) OVER w AS h1, cluster AS next
    FROM read_parquet(?)
    WINDOW w AS (PARTITION BY "user" ORDER BY ts, cluster)
), counts AS (
    SELECT h2, h1, next, count(*) AS seen, {users} AS users FROM steps WHERE h2 IS NOT NULL GROUP BY ALL
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY h2, h1 ORDER BY seen DESC, next) AS place FROM counts
)
SELECT count(*), sum(((h2::HUGEINT * 1000003 + h1) * 1000003 + next) * place + seen), sum(users)
FROM ranked WHERE place <= 10
"""

database = duckdb.connect()
users = 'count(DISTINCT "user")' if sys.argv[2:] == ["users"] else "0"
started = time.perf_counter()
rows, digest, _ = database.execute(QUERY.replace("{users}", users), [sys.argv[1]]).fetchone()
elapsed_s = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(
    json.dumps(
        {
            "elapsed_s": elapsed_s,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,
            "rows": rows,
            "digest": str(digest),
        }
    )
)
