//! The default of every key, each with the reason for its value; it must never read anything at run time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// All interfaces: the HTTP door is the service's public face. 8080 needs no privilege.
pub const HTTP_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8080);

/// Ten thousand keep-alive connections cost about 150 MB at worst; a load balancer in front opens a few hundred.
pub const HTTP_CONNECTIONS_MAX: u64 = 10_000;

/// Above the 60 s after which the common load balancers drop idle connections, so that the service is never the first
/// to hang up on one that is about to be used again.
pub const HTTP_HEADER_READ_TIMEOUT_MS: u64 = 75_000;

/// The largest body allowed arrives in a tenth of this over 20 Mbit/s.
pub const HTTP_BODY_READ_TIMEOUT_MS: u64 = 5_000;

/// A full batch (256 histories of 256 ids of 5 digits) is under half of it.
pub const HTTP_BODY_BYTES_MAX: u64 = 1024 * 1024;

/// All interfaces, on the port that gRPC examples and tools assume.
pub const GRPC_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 50051);

/// One HTTP/2 connection carries many calls, so a fleet of clients needs far fewer than over HTTP/1.1.
pub const GRPC_CONNECTIONS_MAX: u64 = 1_000;

/// The same room as an HTTP body: both doors take the same questions.
pub const GRPC_MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Above what one client keeps in flight, below what lets a single connection fill `request.in_flight_max`.
pub const GRPC_STREAMS_MAX: u64 = 256;

/// Shorter than the idle timeouts of common load balancers (60 s and up), so that a dead peer is found before them.
pub const GRPC_KEEPALIVE_INTERVAL_MS: u64 = 30_000;

/// Loopback only: whoever reaches this door can change what is served.
pub const ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// A release of 50 million histories is about 2 GB; four of them fit.
pub const ADMIN_PUSH_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// Probes, one or two scrapers and an operator: a handful each.
pub const ADMIN_CONNECTIONS_MAX: u64 = 64;

/// Above the scrape intervals in use (15 s, 30 s), so that a scraper keeps its connection; a dripping client holds one of 64.
pub const ADMIN_HEADER_READ_TIMEOUT_MS: u64 = 60_000;

/// A network that delivers nothing for so long has lost the sender; the push can be continued.
pub const ADMIN_BODY_IDLE_TIMEOUT_MS: u64 = 10_000;

/// Long enough to start a failed push again by hand without sending everything anew.
pub const ADMIN_PUSH_IDLE_MAX_MS: u64 = 600_000;

/// What may be read here names releases and figures, no user and no secret; and scrapers and probes rarely hold a token.
pub const ADMIN_READS: &str = "open";

/// Who asks for client certificates wants nobody without one; a kubelet's probes, which have none, are the exception.
pub const ADMIN_TLS_CLIENT_REQUIRED: bool = true;

/// Zero means one worker per core, which is what a machine of its own wants.
pub const RUNTIME_WORKERS: u64 = 0;

/// A runtime per core with its own accept queue spends about half the CPU of a shared one on small requests.
pub const RUNTIME_FLAVOR: &str = "per_core";

/// The table looks at the last three clusters at most; the rest serves only as what `exclude_history` leaves out.
pub const REQUEST_HISTORY_MAX: u64 = 256;

/// One shelf of a recommender's page.
pub const REQUEST_LIMIT_DEFAULT: u64 = 10;

/// More than any record holds (64), so a caller can drain a record and see the next rung.
pub const REQUEST_LIMIT_MAX: u64 = 100;

/// Room for everything a client would reasonably hide from one user.
pub const REQUEST_EXCLUDE_MAX: u64 = 1_000;

/// Larger batches gain nothing: past about a hundred the cost per item is flat.
pub const REQUEST_BATCH_MAX: u64 = 256;

/// A thousand times a table lookup: a request that needs longer is stuck, and its caller has given up.
pub const REQUEST_DEADLINE_DEFAULT_MS: u64 = 100;

/// Whatever a caller asks for, no request outlives this; half of `drain.grace_ms`.
pub const REQUEST_DEADLINE_MAX_MS: u64 = 10_000;

/// Sixteen full batches at once. Past it, waiting would only make every answer late, so requests are shed.
pub const REQUEST_IN_FLIGHT_MAX: u64 = 4_096;

/// The most specific answer first, and always something at the end. The model stands before the suffix: it reads that
/// suffix's record, and the rest of the history besides.
pub const ANSWER_RUNGS: &[&str] = &["table", "model", "suffix", "popular"];

/// A stat of one small file: cheap, and a new release is seen within seconds.
pub const RELEASE_POLL_MS: u64 = 2_000;

/// A release that cannot show a right answer is not put in front of users.
pub const RELEASE_GOLDEN_REQUIRED: bool = true;

/// A rollback is wanted when there is no time to load anything. It costs the memory of a table.
pub const RELEASE_KEEP_PREVIOUS: bool = true;

/// Two weeks of releases at four a week; of 2 GB each they take 16 GB of disk.
pub const RELEASE_RETIRED_MAX: u64 = 8;

/// About 1 MB of memory. A history asked for more often than one in so many is in the file for certain.
pub const UNSEEN_HISTORIES_MAX: u64 = 16_384;

/// All: counting costs 100 to 200 ns (measured, histories known and new), and only questions that the table cannot answer pay it.
pub const UNSEEN_SAMPLE: f64 = 1.0;

/// What a kill loses at most. A finer time would begin to tell users apart.
pub const UNSEEN_FLUSH_MS: u64 = 3_600_000;

/// Two weeks of hours, longer than the longest pause between refreshes; at most about 250 MB.
pub const UNSEEN_FILES_MAX: u64 = 336;

/// A release that was made to be served with a model is not itself without: that must be somebody's decision.
pub const MODEL_MISSING: &str = "refuse";

/// At least twice as fast, and the best candidate is the same in at least 99 of 100 answers.
pub const MODEL_PRECISION: &str = "quantised";

/// Zero means a quarter of the cores: the others answer from the table, which is what most questions need.
pub const MODEL_THREADS: u64 = 0;

/// What one thread answers in `model.timeout_ms`, in full batches: whoever stood further back would wait in vain.
pub const MODEL_QUEUE_MAX: u64 = 64;

/// Past it, a question of a batch costs no less, and all of a batch wait for its last.
pub const MODEL_BATCH_MAX: u64 = 16;

/// Less than a question computed alone takes, so that waiting for company cannot cost more than it saves.
pub const MODEL_BATCH_WINDOW_US: u64 = 100;

/// Many times what an answer takes, and a fifth of the time that a request has.
pub const MODEL_TIMEOUT_MS: u64 = 20;

/// At two hundred questions a second, a machine that stalls for a moment loses fewer in a row.
pub const MODEL_BREAKER_FAILURES: u64 = 20;

/// One question in so long pays for finding out whether the model has recovered, and no more are lost than that once it has.
pub const MODEL_BREAKER_OPEN_MS: u64 = 1_000;

/// About half a kilobyte each: 16 MB, and some minutes of distinct questions at hundreds a second.
pub const MODEL_MEMO_MAX: u64 = 32_768;

/// Long enough for load balancers and kube-proxy to see the un-ready probe and stop sending.
pub const DRAIN_LAME_DUCK_MS: u64 = 5_000;

/// With the lame-duck time it stays below the 30 s that Kubernetes grants before it kills.
pub const DRAIN_GRACE_MS: u64 = 20_000;

/// People start it first; a deployment sets `json`.
pub const LOG_FORMAT: &str = "human";

/// One line for each start, swap, failure and stop; per-request lines need `debug`, which doubles a request's CPU.
pub const LOG_LEVEL: &str = "info";

/// A user id, a UUID or a SHA-256 in hexadecimal, with room to spare.
pub const REQUEST_UNIT_BYTES_MAX: u64 = 128;

/// A tenth of a second's questions at ten thousand a second: the shadow's thread may be kept waiting for so long.
pub const SHADOW_QUEUE_MAX: u64 = 1_024;

/// What the model answers is a part of what a release answers.
pub const SHADOW_MODEL: bool = true;

/// A canary that goes wrong answers for at most so long before it is noticed.
pub const CANARY_CHECK_MS: u64 = 500;

/// Long enough for some thousand answers at a hundred a second, short enough that a good hour does not hide a bad minute.
pub const CANARY_WINDOW_MS: u64 = 60_000;

/// Below it, a handful of unlucky answers looks like a bad release.
pub const CANARY_SAMPLES_MIN: u64 = 200;

/// Releases that follow each other differ by a hundredth or two: the histories that are asked for move.
pub const CANARY_FALLBACK_EXCESS_MAX: f64 = 0.05;

/// A model that is slower than the one before shows here first.
pub const CANARY_DEGRADED_EXCESS_MAX: f64 = 0.02;

/// No answer should ever be late: one in a hundred is not chance.
pub const CANARY_ERROR_EXCESS_MAX: f64 = 0.01;

/// Twice as slow is another release; less can be the cold start of its model's memory.
pub const CANARY_LATENCY_PERCENT_MAX: u64 = 200;

/// The goal for an answer is one millisecond at the 99th percentile, so what keeps to it is fast enough.
pub const CANARY_LATENCY_FLOOR_US: u64 = 1_000;

/// Half an hour sees some thousand users at every hour of traffic.
pub const CANARY_BAKE_S: u64 = 1_800;

/// Making a release the one that serves is a decision; a deployment that trusts its gates can leave it to the service.
pub const CANARY_PROMOTE: bool = false;

/// Each gate stands for a fault that was published somewhere and was found by users.
pub const GATES_ON: bool = true;

/// A signature that is there and wrong is a fault; demanding one needs keys, which is an operator's decision.
pub const GATES_SIGNATURE: &str = "present";

/// A monthly catalogue may change much, but one that forgets half of what users saw belongs to something else.
pub const GATES_CATALOGUE_KEPT_MIN: f64 = 0.5;

/// Nothing: older data than what serves means that a wrong file was published. A rollback is not judged by it.
pub const GATES_WINDOW_OLDER_MAX_S: u64 = 0;

/// As the pipeline's own gate: half of the histories gone means that part of the log was not read.
pub const GATES_COVERAGE_MIN: f64 = 0.5;

/// Growth tenfold in one refresh is a log read twice, or another shape.
pub const GATES_TIMES_MAX: u64 = 10;

/// Beside coverage, which counts histories: half of the bytes means that width or depth were changed.
pub const GATES_SIZE_MIN: f64 = 0.5;

/// With fewer, a release is a trial or a demonstration, and what follows it may be anything.
pub const GATES_COMPARED_HISTORIES_MIN: u64 = 1_000;

/// All: the questions are the table's own rows, so that one wrong answer is damage.
pub const GATES_GOLDEN_RIGHT_MIN: f64 = 1.0;

/// Requests, connections and a push need some; below a twentieth, systems begin to kill.
pub const GATES_MEMORY_FREE_MIN: f64 = 0.05;

/// An error of half a percent at most, for a few milliseconds of a thread that nobody waits for.
pub const GATES_CHURN_HISTORIES_MAX: u64 = 10_000;

/// Locking needs a limit that most systems do not grant.
pub const MEMORY_LOCK: &str = "off";

/// Memory that the system cannot take back is for machines that serve nothing else, and tables of many gigabytes.
pub const MEMORY_HUGE_PAGES: bool = false;

/// A page that is not there costs its first reader as much as thousands of answers.
pub const MEMORY_PREFAULT: bool = true;

/// The name under which what users see is published.
pub const PULL_CHANNEL: &str = "production";

/// A new release is there within a minute, which is soon for one that comes a few times a week; a look is one small request.
pub const PULL_INTERVAL_MS: u64 = 30_000;

/// As long as the interval: a fleet of ten loads one after the other rather than all at once.
pub const PULL_JITTER_MS: u64 = 30_000;

/// Half of a gigabit line, so that a pull leaves room for the answers; 2 GB take half a minute.
pub const PULL_BYTES_PER_S_MAX: u64 = 64 * 1024 * 1024;

/// Who moves the channel has decided; every check stands between.
pub const PULL_THEN: &str = "activate";
