//! Callers of every kind ask without a pause while the pointer moves: nothing fails, nothing is mixed, nothing is left.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use segue::audit::Audit;
use segue::metrics::Metrics;
use segue::snapshot::lifecycle::Book;
use segue::snapshot::live::Live;
use segue::snapshot::manifest::Version;
use segue::snapshot::reload::{Parts, Reloader};
use segue::wire::json::{BatchAnswerBody, QuestionBody};
use segue::wire::proto::v1;
use serde_json::json;
use tempfile::TempDir;

use crate::signed::{Editions, RELEASES, check, check_release, name, publish_all};
use crate::support::release::version;
use crate::support::service::{Running, start_on, until};
use crate::support::spoken::{body, message, retold};
use crate::support::vectors::ask;

/// Moves of the pointer at the least, and at the most: on a busy machine a caller may take longer to meet every release.
const MOVES: std::ops::Range<u32> = 200..10_000;
/// Who asks, each on a thread of its own.
const CALLERS: [fn(&Field, &Seen); 5] = [Field::post, Field::get, Field::batch, Field::call, Field::read];

/// Callers, in process and at both doors.
struct Field {
    running: Running,
    /// A second follower of the same store, for who asks in process.
    live: Arc<Live>,
    follower: Reloader,
    editions: Editions,
    over: AtomicBool,
    seen: [Seen; CALLERS.len()],
}

/// What a caller saw: how many of its replies were from which release.
#[derive(Debug, Default)]
struct Seen {
    releases: [AtomicU64; RELEASES as usize],
}

impl Field {
    fn open() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let editions = publish_all(dir.path());
        let running = start_on(dir, |_| {});
        let (live, metrics) = (Arc::<Live>::default(), Metrics::new());
        let audit = Audit::open(None, running.dir(), metrics.clone()).expect("the store can be written");
        let store = running.store.clone();
        let parts = Parts { store, live: live.clone(), metrics, book: Book::new(), audit };
        let follower = Reloader::start(parts, &crate::support::config(running.dir())).expect("a thread");
        let (over, seen) = (AtomicBool::new(false), Default::default());
        let field = Self { running, live, follower, editions, over, seen };
        field.move_to(0);
        field
    }

    /// Moves the pointer, and waits until both have followed.
    fn move_to(&self, number: u32) {
        let name = name(number);
        self.running.store.activate(&version(&name)).expect("it is complete");
        let asked = [self.running.service.reloader().request(), self.follower.request()];
        for outcome in asked {
            let outcome = outcome.blocking_recv().expect("the reloader runs");
            let serving = outcome.after.serving.as_ref().map(Version::as_str);
            assert!(outcome.failure().is_none() && serving == Some(&name), "{outcome:?}");
        }
    }

    /// Asks until all moves are made.
    fn ask_on(&self, seen: &Seen, mut ask: impl FnMut() -> u32) {
        while !self.over.load(Ordering::Relaxed) {
            seen.releases[ask() as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn post(&self, seen: &Seen) {
        let (mut http, question) = (self.running.http(), question());
        self.ask_on(seen, || check(&http.post("/next-clusters", &question).json(200), &self.editions))
    }

    fn get(&self, seen: &Seen) {
        let mut http = self.running.http();
        self.ask_on(seen, || check(&http.get("/next-clusters?history=6&limit=1&names=true").json(200), &self.editions))
    }

    /// All items of a batch must be of one release.
    fn batch(&self, seen: &Seen) {
        let (mut http, questions) = (self.running.http(), vec![question(); 6]);
        self.ask_on(seen, || {
            let batch: BatchAnswerBody = http.post("/next-clusters/batch", &json!({ "requests": questions })).json(200);
            let answers = batch.results.iter().map(|result| result.answer.as_ref().expect("every item is answered"));
            let mut numbers: Vec<u32> = answers.map(|answer| check(answer, &self.editions)).collect();
            assert_eq!(numbers.len(), questions.len());
            numbers.dedup();
            assert_eq!(numbers.len(), 1, "a batch of several releases: {numbers:?}");
            numbers[0]
        })
    }

    fn call(&self, seen: &Seen) {
        let (grpc, question) = (self.running.grpc(), named());
        self.ask_on(seen, || {
            let reply = grpc.next_clusters(question.clone()).expect("every call is answered");
            check(&retold(reply), &self.editions)
        })
    }

    fn read(&self, seen: &Seen) {
        self.ask_on(seen, || {
            self.live.read(|release| check_release(release, &self.editions)).expect("something is loaded")
        })
    }

    /// Moves the pointer from release to release, forth and back, and says how often.
    fn move_about(&self) -> u32 {
        let (mut at, mut moves) = (0, 0);
        while moves < MOVES.start || (moves < MOVES.end && !self.seen.iter().all(Seen::is_all)) {
            moves += 1;
            at = (at + 1 + moves % 3) % RELEASES;
            self.move_to(at);
        }
        moves
    }
}

impl Seen {
    fn is_all(&self) -> bool {
        self.releases.iter().all(|replies| replies.load(Ordering::Relaxed) > 0)
    }
}

fn question() -> QuestionBody {
    QuestionBody { names: true, ..body(&ask(&[5, 6], 1)) }
}

fn named() -> v1::NextClustersRequest {
    v1::NextClustersRequest { names: true, ..message(&ask(&[5, 6], 1)) }
}

/// Mappings of tables of a store that this process holds.
fn mapped(dir: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("the system shows its maps");
    maps.lines().filter(|line| line.contains(&*dir.to_string_lossy()) && line.contains("table.segue")).count()
}

#[test]
fn nobody_sees_a_swap() {
    let field = Field::open();
    let moves = thread::scope(|scope| {
        let callers = CALLERS.iter().zip(&field.seen);
        let asking: Vec<_> = callers.map(|(caller, seen)| scope.spawn(|| caller(&field, seen))).collect();
        // Whatever fails here, the callers must end for the test to.
        let moved = scope.spawn(|| field.move_about()).join();
        field.over.store(true, Ordering::Relaxed);
        asking.into_iter().for_each(|caller| caller.join().expect("every reply is right"));
        moved.expect("every move is followed")
    });
    assert!(field.seen.iter().all(Seen::is_all), "a caller missed a release: {:?}", field.seen);
    let failed = |code| {
        field.running.counted(&format!("segue_requests_total{{door=\"http\",call=\"next_clusters\",code=\"{code}\"}}"))
    };
    assert_eq!((failed("unavailable"), failed("internal"), failed("overloaded")), (0, 0, 0));
    assert_eq!(field.running.counted("segue_release_loads_total"), 1 + u64::from(moves));
    until("the old tables are unmapped", || {
        field.move_to(0);
        // Two services map the release that serves, and the one before.
        mapped(field.running.dir()) == 4
    });
}

/// A pointer that moves is followed without anyone asking.
#[test]
fn a_moved_pointer_is_noticed() {
    let dir = TempDir::new().expect("a temporary directory");
    let editions = publish_all(dir.path());
    let running = start_on(dir, |config| config.release.poll = std::time::Duration::from_millis(10));
    let mut http = running.http();
    for number in [1, 3, 0, 3] {
        running.store.activate(&version(&name(number))).expect("it is complete");
        until("the pointer is followed", || {
            let reply = http.post("/next-clusters", &question());
            reply.status == 200 && check(&reply.json(200), &editions) == number
        });
    }
}
