-- Kept counts (format "segue-counts 1") of a log, in Spark's SQL: the same rows that `segue-pipeline count` writes.
--
-- Reads the view `log` (user: its hash; ts_us, cluster, weight; null where a value cannot be read) and `catalogue` (id). Leaves the views
-- `counts`, `support`, `tails` and `requests`, which are the format's tables, `figures` and `sequences`. `counts.py` makes the views, sets the
-- variables, runs these statements in order and writes the tables.
--
-- One heavy pass: one shuffle by user, in which every window is evaluated, then one by (history, next, day). Nothing may depend on the
-- order of files or on how often a task is run: every window's order is total up to rows that are alike in all columns.

DECLARE OR REPLACE VARIABLE mode STRING DEFAULT 'distinct';   -- distinct: the first of each cluster in a sequence; changes: no repeat of the last; raw
DECLARE OR REPLACE VARIABLE depth INT DEFAULT 2;              -- the longest history, 1 to 3
DECLARE OR REPLACE VARIABLE gap_us BIGINT DEFAULT NULL;       -- a longer pause ends a sequence
DECLARE OR REPLACE VARIABLE user_day_max BIGINT DEFAULT NULL; -- steps of one user and UTC day that count
DECLARE OR REPLACE VARIABLE weight_min DOUBLE DEFAULT NULL;   -- events that weigh less are no positive engagement
DECLARE OR REPLACE VARIABLE to_day INT DEFAULT NULL;          -- the last UTC day, since 1970: later events do not exist
DECLARE OR REPLACE VARIABLE window_days INT DEFAULT NULL;     -- days up to the last one whose steps count; earlier ones are only history
DECLARE OR REPLACE VARIABLE witness_max INT DEFAULT 32;       -- users of one row from which on they are not named
DECLARE OR REPLACE VARIABLE request_users_share DOUBLE DEFAULT 0; -- the share of users whose steps are kept as requests

-- Each row with its UTC day and the reason why it is no event, in the order in which the embedded reader looks.
CREATE OR REPLACE TEMPORARY VIEW judged AS
SELECT /*+ BROADCAST(catalogue) */
  user, ts_us, CAST(cluster AS INT) AS cluster, CAST((ts_us - PMOD(ts_us, 86400000000)) DIV 86400000000 AS INT) AS day,
  CASE
    WHEN ts_us IS NULL THEN 'time'
    WHEN cluster IS NULL THEN 'cluster'
    WHEN id IS NULL THEN 'unknown_cluster'
    WHEN weight_min IS NOT NULL AND (weight IS NULL OR ISNAN(weight)) THEN 'weight'
    WHEN weight_min IS NOT NULL AND weight < weight_min THEN 'below_weight'
    WHEN user IS NULL THEN 'user'
    WHEN to_day IS NOT NULL AND FLOOR((ts_us - PMOD(ts_us, 86400000000)) DIV 86400000000) > to_day THEN 'after_window'
  END AS reason
FROM log LEFT JOIN catalogue ON cluster = id;

CREATE OR REPLACE TEMPORARY VIEW figures AS
SELECT reason, COUNT(*) AS log_rows, MIN(ts_us) AS from_us, MAX(ts_us) AS to_us, COUNT(DISTINCT user) AS users
FROM judged GROUP BY reason;

CREATE OR REPLACE TEMPORARY VIEW events AS
SELECT user, ts_us, cluster, day FROM judged WHERE reason IS NULL;

-- A user's events in order. `place` makes that order total: rows that are alike get different places, and any of them may get any.
CREATE OR REPLACE TEMPORARY VIEW ordered AS
SELECT user, ts_us, cluster, day,
  ROW_NUMBER() OVER by_time AS place,
  COALESCE(ts_us - LAG(ts_us) OVER by_time > gap_us, FALSE) AS cut
FROM events
WINDOW by_time AS (PARTITION BY user ORDER BY ts_us, cluster);

CREATE OR REPLACE TEMPORARY VIEW sequenced AS
SELECT user, ts_us, cluster, day, place,
  SUM(CASE WHEN cut THEN 1 ELSE 0 END) OVER (PARTITION BY user ORDER BY place ROWS UNBOUNDED PRECEDING) AS sequence
FROM ordered;

-- What the mode leaves of each sequence.
CREATE OR REPLACE TEMPORARY VIEW items AS
SELECT user, ts_us, cluster, day, place, sequence
FROM (
  SELECT user, ts_us, cluster, day, place, sequence,
    ROW_NUMBER() OVER (PARTITION BY user, sequence, cluster ORDER BY place) AS times,
    LAG(cluster) OVER (PARTITION BY user, sequence ORDER BY place) AS last
  FROM sequenced
)
WHERE CASE mode WHEN 'distinct' THEN times = 1 WHEN 'changes' THEN last IS NULL OR last <> cluster ELSE TRUE END;

-- The steps of sequences of two items or more, each with the clusters before it, the most recent first.
CREATE OR REPLACE TEMPORARY VIEW steps AS
SELECT user, next, ts_us, day, h1, h2, h3, history,
  ROW_NUMBER() OVER (PARTITION BY user, day ORDER BY place) AS of_day,
  LEAD(place) OVER (PARTITION BY user ORDER BY place) IS NULL AS last
FROM (
  SELECT user, cluster AS next, ts_us, day, place,
    LAG(cluster, 1) OVER in_sequence AS h1, LAG(cluster, 2) OVER in_sequence AS h2, LAG(cluster, 3) OVER in_sequence AS h3,
    LEAD(cluster) OVER in_sequence AS follower,
    COLLECT_LIST(cluster) OVER (PARTITION BY user, sequence ORDER BY place ROWS BETWEEN 16 PRECEDING AND 1 PRECEDING) AS history
  FROM items
  WINDOW in_sequence AS (PARTITION BY user, sequence ORDER BY place)
)
WHERE h1 IS NOT NULL OR follower IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW counted AS
SELECT *,
  (user_day_max IS NULL OR of_day <= user_day_max)
    AND (window_days IS NULL OR day > COALESCE(to_day, (SELECT MAX(day) FROM events)) - window_days) AS counts
FROM steps;

-- What each step adds: itself after each history; where its user is, if it is the last; a sequence, if it is the first.
CREATE OR REPLACE TEMPORARY VIEW added AS
SELECT counted.user, add.h1, add.h2, add.h3, add.next, add.day
FROM counted LATERAL VIEW STACK(6,
  counts, NULL, NULL, NULL, next, day,
  counts AND h1 IS NOT NULL, h1, NULL, NULL, next, day,
  counts AND h2 IS NOT NULL AND depth >= 2, h1, h2, NULL, next, day,
  counts AND h3 IS NOT NULL AND depth >= 3, h1, h2, h3, next, day,
  last, next, IF(depth >= 2, h1, NULL), IF(depth >= 3, h2, NULL), NULL, NULL,
  h1 IS NULL, NULL, NULL, NULL, NULL, NULL
) add AS taken, h1, h2, h3, next, day
WHERE add.taken;

-- Summed first within users, whom the shuffle before has put together, so that each is met once a day behind a (history, next).
CREATE OR REPLACE TEMPORARY VIEW of_users AS
SELECT user, h1, h2, h3, next, day, COUNT(*) AS seen FROM added GROUP BY user, h1, h2, h3, next, day;

CREATE OR REPLACE TEMPORARY VIEW summed AS
SELECT h1, h2, h3, next, day, SUM(seen) AS seen, COUNT(*) AS users,
  IF(COUNT(*) < witness_max, SORT_ARRAY(COLLECT_LIST(IF(witness_max > 0, user, NULL))), NULL) AS witnesses
FROM of_users GROUP BY h1, h2, h3, next, day;

-- Computed once, for all tables below.
CACHE LAZY TABLE summed;

CREATE OR REPLACE TEMPORARY VIEW counts AS
SELECT h1, h2, h3, next, day, seen FROM summed WHERE next IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW support AS
SELECT h1, h2, h3, next, day, users, witnesses FROM summed WHERE next IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW tails AS
SELECT h1, h2, h3, users FROM summed WHERE next IS NULL AND h1 IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW sequences AS
SELECT COALESCE(SUM(seen), 0) AS sequences FROM summed WHERE next IS NULL AND h1 IS NULL;

-- Computed apart, of these users alone: a hash is as good as a draw, and the same in every run.
CREATE OR REPLACE TEMPORARY VIEW requests AS
SELECT user, ts_us AS ts, history, next
FROM counted
WHERE counts AND h1 IS NOT NULL AND request_users_share > 0
  AND (request_users_share >= 1 OR (IF(user < 0, 18446744073709551616D, 0D) + user) / 18446744073709551615D < request_users_share);
