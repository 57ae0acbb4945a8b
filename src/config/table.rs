//! The one table of keys: every section with its keys, types, defaults, bounds and help. Nothing else may name a key's
//! default or bounds; the file, the flags, the variables and the reference all come from here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::defaults::*;
use super::key::{Key, Kind, Section, WAIT_MS_MAX};
use super::settings::Settings;
use super::words::{Flavor, Locking, LogFormat, LogLevel, MissingModel, Pulled, Reads, Rung, Signing};
use crate::model::engine::Precision;
use crate::snapshot::gate::Floor;
use crate::snapshot::manifest::{FORMATS, Version};

/// Every section, in the order of the reference.
pub const SECTIONS: &[&Section] = &[
    &Http::SECTION,
    &Grpc::SECTION,
    &Admin::SECTION,
    &Runtime::SECTION,
    &Request::SECTION,
    &Answer::SECTION,
    &Release::SECTION,
    &Unseen::SECTION,
    &Model::SECTION,
    &Drain::SECTION,
    &Log::SECTION,
    &Shadow::SECTION,
    &Canary::SECTION,
    &Gates::SECTION,
    &Memory::SECTION,
    &Pull::SECTION,
];

/// Every key, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|section| section.keys)
}

/// Declares a section: the struct that holds its values, the rows of its keys, and the reading of one from the other.
macro_rules! section {
    ($(#[doc = $about:literal])+ $Section:ident in $section:literal {
        $( $(#[doc = $help:literal])+ $word:literal => $field:ident: $Type:ty = $kind:expr; )+
    }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Section { $( $(#[doc = $help])+ pub $field: $Type, )+ }

        impl $Section {
            /// The rows of this section's keys.
            pub const SECTION: Section = Section {
                name: $section,
                help: &[$($about),+],
                keys: &[$( Key {
                    section: $section,
                    word: $word,
                    name: concat!($section, ".", $word),
                    help: &[$($help),+],
                    kind: $kind,
                } ),+],
            };

            /// The section's values; `None` only if a row's kind is not its field's type.
            pub(super) fn held(settings: &Settings) -> Option<Self> {
                Some(Self { $( $field: settings.held(concat!($section, ".", $word))?, )+ })
            }
        }
    };
}

const fn number(default: u64, min: u64, max: u64) -> Kind {
    Kind::Number { default, min, max }
}

const fn wait_ms(default: u64, min: u64) -> Kind {
    Kind::Number { default, min, max: WAIT_MS_MAX }
}

section! {
    /// The HTTP door: JSON questions and answers.
    Http in "http" {
        /// Address and port to listen on.
        "listen" => listen: SocketAddr = Kind::Address { default: HTTP_LISTEN };
        /// Open connections; past it new ones wait in the system's accept queue.
        "connections_max" => connections_max: usize = number(HTTP_CONNECTIONS_MAX, 1, 1_000_000);
        /// A connection on which no request has begun for this long is closed, before twice as long: idle, sending its
        /// head too slowly, or not reading its replies. In milliseconds.
        "header_read_timeout_ms" => header_read_timeout: Duration = wait_ms(HTTP_HEADER_READ_TIMEOUT_MS, 1);
        /// Longest wait for the whole body of a request, in milliseconds.
        "body_read_timeout_ms" => body_read_timeout: Duration = wait_ms(HTTP_BODY_READ_TIMEOUT_MS, 1);
        /// Largest body, in bytes; a larger one gets 413.
        "body_bytes_max" => body_bytes_max: usize = number(HTTP_BODY_BYTES_MAX, 1_024, 64 * 1024 * 1024);
        /// File with this door's certificate and those that lead to its authority's, in PEM; the door then speaks TLS only.
        /// Read again when it changes, as are the three below.
        "tls_cert_file" => tls_cert_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/tls.crt\"" };
        /// File with the certificate's private key, in PEM.
        "tls_key_file" => tls_key_file: Option<PathBuf> = Kind::SecretFile { example: "\"/etc/segue/tls/tls.key\"" };
        /// File with the authorities, in PEM, one of which must have issued the certificate that every client then shows.
        "tls_client_ca_file" => tls_client_ca_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crt\"" };
        /// File with revocation lists, in PEM: one of each authority that issues clients' certificates or stands between. A client
        /// is refused who is on one, through one that is, or about whom only a list that has ended (nextUpdate), or none, says
        /// anything. Connections that are open stay so.
        "tls_client_crl_file" => tls_client_crl_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crl\"" };
    }
}

section! {
    /// The gRPC door: segue.v1.NextClustersService, health and reflection.
    Grpc in "grpc" {
        /// Address and port to listen on.
        "listen" => listen: SocketAddr = Kind::Address { default: GRPC_LISTEN };
        /// Open connections; past it new ones wait in the system's accept queue.
        "connections_max" => connections_max: usize = number(GRPC_CONNECTIONS_MAX, 1, 1_000_000);
        /// Largest message, in bytes; a larger one gets RESOURCE_EXHAUSTED.
        "message_bytes_max" => message_bytes_max: usize = number(GRPC_MESSAGE_BYTES_MAX, 1_024, 64 * 1024 * 1024);
        /// Calls in flight on one connection; past it the client waits.
        "streams_max" => streams_max: usize = number(GRPC_STREAMS_MAX, 1, 100_000);
        /// Time between pings on a quiet connection, in milliseconds; a peer that answers none is dropped.
        "keepalive_interval_ms" => keepalive_interval: Duration = wait_ms(GRPC_KEEPALIVE_INTERVAL_MS, 1_000);
        /// File with this door's certificate and those that lead to its authority's, in PEM; the door then speaks TLS only.
        /// Read again when it changes, as are the three below.
        "tls_cert_file" => tls_cert_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/tls.crt\"" };
        /// File with the certificate's private key, in PEM.
        "tls_key_file" => tls_key_file: Option<PathBuf> = Kind::SecretFile { example: "\"/etc/segue/tls/tls.key\"" };
        /// File with the authorities, in PEM, one of which must have issued the certificate that every client then shows.
        "tls_client_ca_file" => tls_client_ca_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crt\"" };
        /// File with revocation lists, in PEM: one of each authority that issues clients' certificates or stands between. A client
        /// is refused who is on one, through one that is, or about whom only a list that has ended (nextUpdate), or none, says
        /// anything. Connections that are open stay so.
        "tls_client_crl_file" => tls_client_crl_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crl\"" };
    }
}

section! {
    /// The operator's door: probes, metrics, reload, activate and push.
    Admin in "admin" {
        /// Address and port to listen on. Beyond loopback it needs `token_file` or `tls_client_ca_file`.
        "listen" => listen: SocketAddr = Kind::Address { default: ADMIN_LISTEN };
        /// File that names who may do what, a line each: `ROLE NAME TOKEN`, the role reader or operator, and the word certificate
        /// in the token's place for a client certificate of that name. One bare token is an operator's.
        "token_file" => token_file: Option<PathBuf> = Kind::SecretFile { example: "\"/etc/segue/admin.token\"" };
        /// Largest release that may be pushed, in bytes, all files together.
        "push_bytes_max" => push_bytes_max: u64 = number(ADMIN_PUSH_BYTES_MAX, 1_024, 1 << 50);
        /// Open connections; past it new ones wait in the system's accept queue.
        "connections_max" => connections_max: usize = number(ADMIN_CONNECTIONS_MAX, 1, 10_000);
        /// Longest wait for the whole head of a request, in milliseconds; also ends an idle connection.
        "header_read_timeout_ms" => header_read_timeout: Duration = wait_ms(ADMIN_HEADER_READ_TIMEOUT_MS, 1);
        /// Longest wait for the next bytes of a body, in milliseconds.
        "body_idle_timeout_ms" => body_idle_timeout: Duration = wait_ms(ADMIN_BODY_IDLE_TIMEOUT_MS, 1);
        /// Longest pause in a push, in milliseconds; past it the push is abandoned and its files are removed.
        "push_idle_max_ms" => push_idle_max: Duration = wait_ms(ADMIN_PUSH_IDLE_MAX_MS, 1);
        /// Who may read: open (whoever reaches this door) or token (who holds a role; probes stay open).
        "reads" => reads: Reads = Kind::Word { default: ADMIN_READS, allowed: Reads::WORDS };
        /// File that records every change, a JSON object a line; by default audit.jsonl in the store. A change that cannot be
        /// recorded is refused.
        "audit_file" => audit_file: Option<PathBuf> = Kind::File { example: "\"/var/log/segue/audit.jsonl\"" };
        /// File with this door's certificate and those that lead to its authority's, in PEM; the door then speaks TLS only.
        /// Read again when it changes, as are the three below.
        "tls_cert_file" => tls_cert_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/tls.crt\"" };
        /// File with the certificate's private key, in PEM.
        "tls_key_file" => tls_key_file: Option<PathBuf> = Kind::SecretFile { example: "\"/etc/segue/tls/tls.key\"" };
        /// File with the authorities, in PEM, one of which must have issued the certificate that every client then shows.
        "tls_client_ca_file" => tls_client_ca_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crt\"" };
        /// File with revocation lists, in PEM: one of each authority that issues clients' certificates or stands between. A client
        /// is refused who is on one, through one that is, or about whom only a list that has ended (nextUpdate), or none, says
        /// anything. Connections that are open stay so.
        "tls_client_crl_file" => tls_client_crl_file: Option<PathBuf> = Kind::File { example: "\"/etc/segue/tls/clients.crl\"" };
        /// Refuse connections without a certificate where clients are asked for one; false lets probes and open reads in without.
        "tls_client_required" => tls_client_required: bool = Kind::Switch { default: ADMIN_TLS_CLIENT_REQUIRED };
    }
}

section! {
    /// The threads that answer.
    Runtime in "runtime" {
        /// Worker threads; 0 means one per core.
        "workers" => workers: usize = number(RUNTIME_WORKERS, 0, 1_024);
        /// How they share work: per_core (a runtime each, connections stay where they are put) or shared (one runtime, work
        /// stealing).
        "flavor" => flavor: Flavor = Kind::Word { default: RUNTIME_FLAVOR, allowed: Flavor::WORDS };
    }
}

section! {
    /// What one request may ask for, and how many are answered at once.
    Request in "request" {
        /// Cluster ids in one history.
        "history_max" => history_max: usize = number(REQUEST_HISTORY_MAX, 1, 100_000);
        /// Candidates in an answer when the request names no limit.
        "limit_default" => limit_default: usize = number(REQUEST_LIMIT_DEFAULT, 1, 1_000);
        /// Candidates that a request may ask for.
        "limit_max" => limit_max: usize = number(REQUEST_LIMIT_MAX, 1, 1_000);
        /// Cluster ids that a request may exclude.
        "exclude_max" => exclude_max: usize = number(REQUEST_EXCLUDE_MAX, 0, 100_000);
        /// Questions in one batch.
        "batch_max" => batch_max: usize = number(REQUEST_BATCH_MAX, 1, 100_000);
        /// Bytes of the key by which a caller's part in a canary is chosen.
        "unit_bytes_max" => unit_bytes_max: usize = number(REQUEST_UNIT_BYTES_MAX, 1, 4_096);
        /// Time for an answer when the request names no deadline, in milliseconds.
        "deadline_default_ms" => deadline_default: Duration = wait_ms(REQUEST_DEADLINE_DEFAULT_MS, 1);
        /// Longest deadline that a request may name, in milliseconds; a longer one is cut to it.
        "deadline_max_ms" => deadline_max: Duration = wait_ms(REQUEST_DEADLINE_MAX_MS, 1);
        /// Questions being answered at once, over both doors; a batch counts its size. Past it requests are shed
        /// with 429 or RESOURCE_EXHAUSTED.
        "in_flight_max" => in_flight_max: usize = number(REQUEST_IN_FLIGHT_MAX, 1, 10_000_000);
    }
}

section! {
    /// How an answer is found.
    Answer in "answer" {
        /// The ways to answer, tried in this order until the limit is filled: table (the exact history), model (the release's
        /// model, asked only where no way before it finds anything), suffix (a shorter history), popular (the same list for
        /// everyone).
        "rungs" => rungs: Vec<Rung> = Kind::Words { default: ANSWER_RUNGS, allowed: Rung::WORDS };
    }
}

section! {
    /// What is served, and how a new one is noticed.
    Release in "release" {
        /// The store: the directory that holds releases/ and state.json. Relative to the working directory.
        "dir" => dir: PathBuf = Kind::Directory;
        /// Time between looks at state.json, in milliseconds.
        "poll_ms" => poll: Duration = wait_ms(RELEASE_POLL_MS, 10);
        /// Refuse a release that has no golden questions.
        "golden_required" => golden_required: bool = Kind::Switch { default: RELEASE_GOLDEN_REQUIRED };
        /// Keep the release that served before in memory, so that a rollback is one pointer store.
        "keep_previous" => keep_previous: bool = Kind::Switch { default: RELEASE_KEEP_PREVIOUS };
        /// Releases kept on the disk that served once and are neither the current nor the previous one; past it the
        /// oldest are removed.
        "retired_max" => retired_max: usize = number(RELEASE_RETIRED_MAX, 0, 10_000);
    }
}

section! {
    /// The log of histories that the table did not hold, which the next refresh can read: counts, without users or times.
    Unseen in "unseen" {
        /// Different histories counted between two files; past it the least frequent make room. 0 counts none.
        "histories_max" => histories_max: usize = number(UNSEEN_HISTORIES_MAX, 0, 10_000_000);
        /// The share of unseen histories that is counted, chosen at random; an export scales the counts back.
        "sample" => sample: f64 = Kind::Share { default: UNSEEN_SAMPLE };
        /// Time between two files in the store's unseen/, in milliseconds; a swap and a stop write one as well.
        "flush_ms" => flush: Duration = wait_ms(UNSEEN_FLUSH_MS, 10);
        /// Files kept; past it the oldest are removed.
        "files_max" => files_max: usize = number(UNSEEN_FILES_MAX, 1, 100_000);
    }
}

section! {
    /// The model that answers histories which the table does not hold.
    Model in "model" {
        /// What becomes of a release whose model is not in the store: refuse (what served before serves on) or serve
        /// (from the table alone, and every answer that wanted the model says so). A model that is there and fails a
        /// check is always refused.
        "missing" => missing: MissingModel = Kind::Word { default: MODEL_MISSING, allowed: MissingModel::WORDS };
        /// The arithmetic of the weights: full (32-bit floats, as trained) or quantised (8-bit integers: faster, and as good).
        "precision" => precision: Precision = Kind::Word { default: MODEL_PRECISION, allowed: Precision::WORDS };
        /// Threads that compute; 0 means a quarter of the cores, at least one. A release on trial has as many of its own, idle
        /// while there is none.
        "threads" => threads: usize = number(MODEL_THREADS, 0, 1_024);
        /// Questions that may wait for a thread; past it the next rung answers.
        "queue_max" => queue_max: usize = number(MODEL_QUEUE_MAX, 1, 100_000);
        /// Questions that one thread computes together.
        "batch_max" => batch_max: usize = number(MODEL_BATCH_MAX, 1, 256);
        /// Longest wait for more questions to compute together, in microseconds; only where some wait already.
        "batch_window_us" => batch_window_us: u64 = number(MODEL_BATCH_WINDOW_US, 0, 1_000_000);
        /// Longest wait for the model's answer, in milliseconds; then the next rung answers. A request with less time of its
        /// own waits less.
        "timeout_ms" => timeout: Duration = wait_ms(MODEL_TIMEOUT_MS, 1);
        /// Failures in a row after which the model is left alone.
        "breaker_failures" => breaker_failures: usize = number(MODEL_BREAKER_FAILURES, 1, 1_000_000);
        /// Time that it is then left alone, in milliseconds, before one question tries it.
        "breaker_open_ms" => breaker_open: Duration = wait_ms(MODEL_BREAKER_OPEN_MS, 1);
        /// Answers of the model that are kept; a new release begins anew.
        "memo_max" => memo_max: usize = number(MODEL_MEMO_MAX, 1, 100_000_000);
    }
}

section! {
    /// How the service stops.
    Drain in "drain" {
        /// Time between turning un-ready and closing the doors, in milliseconds; requests are served as before.
        "lame_duck_ms" => lame_duck: Duration = wait_ms(DRAIN_LAME_DUCK_MS, 0);
        /// Time that requests in flight then have to finish, in milliseconds; what is left is cut.
        "grace_ms" => grace: Duration = wait_ms(DRAIN_GRACE_MS, 0);
    }
}

section! {
    /// What is written to standard error.
    Log in "log" {
        /// human (text) or json (an object a line).
        "format" => format: LogFormat = Kind::Word { default: LOG_FORMAT, allowed: LogFormat::WORDS };
        /// The least severe lines to write.
        "level" => level: LogLevel = Kind::Word { default: LOG_LEVEL, allowed: LogLevel::WORDS };
    }
}

section! {
    /// A staged release that answers a share of the live questions as well, for nobody to see.
    Shadow in "shadow" {
        /// Sampled questions that may wait to be answered; past it they are dropped and counted.
        "queue_max" => queue_max: usize = number(SHADOW_QUEUE_MAX, 1, 1_000_000);
        /// Ask the models, where a table does not hold the history. Without, the next rung answers in both releases.
        "model" => model: bool = Kind::Switch { default: SHADOW_MODEL };
    }
}

section! {
    /// A staged release that answers a share of the callers: when it is taken back and quarantined by itself, and when it
    /// becomes the one that serves.
    Canary in "canary" {
        /// Time between looks at its figures, in milliseconds.
        "check_ms" => check: Duration = wait_ms(CANARY_CHECK_MS, 10);
        /// The time that is judged, in milliseconds: the latest, or all of it while that has fewer answers than `samples_min`.
        "window_ms" => window: Duration = wait_ms(CANARY_WINDOW_MS, 10);
        /// Answers of the canary below which nothing is judged.
        "samples_min" => samples_min: u64 = number(CANARY_SAMPLES_MIN, 1, 1_000_000_000);
        /// How much more of its answers may come from elsewhere than the table, as a share of all, than of the current
        /// release's.
        "fallback_excess_max" => fallback_excess_max: f64 = Kind::Share { default: CANARY_FALLBACK_EXCESS_MAX };
        /// The same for answers that the model should have given and another rung gave.
        "degraded_excess_max" => degraded_excess_max: f64 = Kind::Share { default: CANARY_DEGRADED_EXCESS_MAX };
        /// The same for answers that came too late, or for which the caller did not stay.
        "error_excess_max" => error_excess_max: f64 = Kind::Share { default: CANARY_ERROR_EXCESS_MAX };
        /// Its 99th percentile of the time to an answer, in percent of the current release's.
        "latency_percent_max" => latency_percent_max: u64 = number(CANARY_LATENCY_PERCENT_MAX, 100, 100_000);
        /// A time to an answer, in microseconds, that is never too long, whatever the current release takes.
        "latency_floor_us" => latency_floor_us: u64 = number(CANARY_LATENCY_FLOOR_US, 0, 10_000_000);
        /// Time that a canary must have kept to its bounds, since its share was last changed, before it is promoted, in seconds.
        "bake_s" => bake_s: u64 = number(CANARY_BAKE_S, 1, 2_592_000);
        /// Promote it by itself once it has baked; otherwise that is for an operator to do.
        "promote" => promote: bool = Kind::Switch { default: CANARY_PROMOTE };
    }
}

section! {
    /// What a release must show before it may serve. Each gate can be turned off; a refusal leaves what serves as it is.
    Gates in "gates" {
        /// Every byte of the release and its model is the one that the manifests list.
        "integrity" => integrity: bool = Kind::Switch { default: GATES_ON };
        /// Who signed the manifests of release and model: off (nobody looks), present (a signature that is there must be by
        /// one of the keys) or required (there must be one).
        "signature" => signature: Signing = Kind::Word { default: GATES_SIGNATURE, allowed: Signing::WORDS };
        /// Files with the public keys that may have signed, as `segue keygen` writes them. Read at every check.
        "signature_keys" => signature_keys: Vec<PathBuf> = Kind::Files { example: "[\"/etc/segue/release.pub\"]" };
        /// The release's format is one of `formats`.
        "format" => format: bool = Kind::Switch { default: GATES_ON };
        /// Formats of releases that are taken.
        "formats" => formats: Vec<String> = Kind::Words { default: FORMATS, allowed: FORMATS };
        /// Release, model and catalogue were made for each other, and the catalogue still knows enough of the current one's
        /// clusters. (A release and a model that do not fit each other are refused in any case.)
        "compatibility" => compatibility: bool = Kind::Switch { default: GATES_ON };
        /// The least share of the current catalogue's clusters that the next one must hold, under the same id and name.
        "catalogue_kept_min" => catalogue_kept_min: f64 = Kind::Share { default: GATES_CATALOGUE_KEPT_MIN };
        /// The release's data ends no earlier than the current one's.
        "window" => window: bool = Kind::Switch { default: GATES_ON };
        /// By how much it may end earlier all the same, in seconds.
        "window_older_max_s" => window_older_max_s: u64 = number(GATES_WINDOW_OLDER_MAX_S, 0, 10 * 366 * 86_400);
        /// The release holds neither far fewer nor far more histories of any length than the current one, and expects to
        /// answer no far smaller share of the questions from its table.
        "coverage" => coverage: bool = Kind::Switch { default: GATES_ON };
        /// The least histories, and the least expected share, as a share of the current one's.
        "coverage_min" => coverage_min: f64 = Kind::Share { default: GATES_COVERAGE_MIN };
        /// The most histories, in times the current one's.
        "coverage_times_max" => coverage_times_max: u64 = number(GATES_TIMES_MAX, 1, 1_000_000);
        /// The release's table is neither far smaller nor far larger than the current one's.
        "size" => size: bool = Kind::Switch { default: GATES_ON };
        /// The least bytes of its table, as a share of the current one's.
        "size_min" => size_min: f64 = Kind::Share { default: GATES_SIZE_MIN };
        /// The most bytes of its table, in times the current one's.
        "size_times_max" => size_times_max: u64 = number(GATES_TIMES_MAX, 1, 1_000_000);
        /// A current release with fewer histories than this is no measure: coverage and size are then not compared.
        "compared_histories_min" => compared_histories_min: u64 = number(GATES_COMPARED_HISTORIES_MIN, 1, 1 << 40);
        /// The release answers its golden questions.
        "golden" => golden: bool = Kind::Switch { default: GATES_ON };
        /// The least share of them that it must answer exactly.
        "golden_right_min" => golden_right_min: f64 = Kind::Share { default: GATES_GOLDEN_RIGHT_MIN };
        /// The release fits into memory beside what is there, by its manifest and the limits of cgroup and system.
        "memory" => memory: bool = Kind::Switch { default: GATES_ON };
        /// The least share of the memory limit that must then still be free.
        "memory_free_min" => memory_free_min: f64 = Kind::Share { default: GATES_MEMORY_FREE_MIN };
        /// The manifest's quality figures are above their floors.
        "quality" => quality: bool = Kind::Switch { default: GATES_ON };
        /// The floors: each a figure's name and the least value. A figure with a floor must be in the manifest.
        "quality_floors" => quality_floors: Vec<Floor> = Kind::Floors { example: "[\"hit_5=0.25\"]" };
        /// Histories whose first candidate is compared with the current release's. Such churn is reported, and refuses nothing.
        "churn_histories_max" => churn_histories_max: usize = number(GATES_CHURN_HISTORIES_MAX, 0, 10_000_000);
    }
}

section! {
    /// How a release lies in memory.
    Memory in "memory" {
        /// Keep tables from being paged out: off, try (as far as the system lets; what is locked is in the metrics) or required
        /// (a release that cannot be locked is refused). Needs a limit on locked memory above two tables.
        "lock" => lock: Locking = Kind::Word { default: MEMORY_LOCK, allowed: Locking::WORDS };
        /// Copy tables into huge pages instead of mapping their files: fewer misses on tables of many gigabytes, but such
        /// memory can no longer be taken back by the system, and loading takes longer.
        "huge_pages" => huge_pages: bool = Kind::Switch { default: MEMORY_HUGE_PAGES };
        /// Bring every page of a table in before it serves.
        "prefault" => prefault: bool = Kind::Switch { default: MEMORY_PREFAULT };
    }
}

section! {
    /// Pulling from where releases are published: the service follows a channel there. Credentials and endpoint of an object
    /// store come from that store's own variables, such as AWS_ACCESS_KEY_ID.
    Pull in "pull" {
        /// Where to pull from: s3://, gs:// or az:// with bucket and prefix, or a directory. Not set: nothing is pulled.
        "from" => from: Option<String> = Kind::Place;
        /// The channel to follow: channels/NAME.json there says which release should serve.
        "channel" => channel: Version = Kind::Name { default: PULL_CHANNEL };
        /// Time between looks at the channel, in milliseconds.
        "interval_ms" => interval: Duration = wait_ms(PULL_INTERVAL_MS, 10);
        /// Longest random wait added to each of them, in milliseconds, so that a fleet does not load at once.
        "jitter_ms" => jitter: Duration = wait_ms(PULL_JITTER_MS, 0);
        /// Bytes fetched in a second, at most; 0 sets no limit.
        "bytes_per_s_max" => bytes_per_s_max: u64 = number(PULL_BYTES_PER_S_MAX, 0, 1 << 40);
        /// What becomes of a release that was pulled: activate (it serves once it has passed every check) or stage (it waits
        /// beside what serves).
        "then" => then: Pulled = Kind::Word { default: PULL_THEN, allowed: Pulled::WORDS };
    }
}
