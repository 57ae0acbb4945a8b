//! A guard beside a lineup: what it takes back, what it leaves alone, and what it makes current.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use segue::answer::{Answer, LADDER, climb};
use segue::ask::Ask;
use segue::config;
use segue::metrics::Metrics;
use segue::snapshot::live::{Arm, Live};
use segue::snapshot::manifest::Version;
use segue::snapshot::release::Release;
use segue::trial::guard::{Guard, Parts, Steer, Undone};
use segue::trial::judge::{Bound, Breach};

use crate::site::Shop;
use crate::support::caller::PATIENCE;
use crate::support::service::until;

/// What a guard decided.
#[derive(Debug, PartialEq)]
enum Decided {
    Abort(String, Bound),
    Promote(String),
}

/// Hands that do nothing but tell, and fail as often as they are told to.
struct Hands {
    decided: Sender<Decided>,
    failures: std::sync::Mutex<usize>,
}

impl Hands {
    fn tell(&self, decided: Decided) -> Result<(), Undone> {
        self.decided.send(decided).expect("the test waits for it");
        let mut failures = self.failures.lock().unwrap();
        let failed = *failures > 0;
        *failures = failures.saturating_sub(1);
        if failed { Err(Undone::Failed("told to".to_owned())) } else { Ok(()) }
    }
}

impl Steer for Hands {
    fn abort(&self, version: &Version, breach: &Breach) -> Result<(), Undone> {
        self.tell(Decided::Abort(version.to_string(), breach.bound))
    }

    fn promote(&self, version: &Version) -> Result<(), Undone> {
        self.tell(Decided::Promote(version.to_string()))
    }
}

/// A lineup of `one`, with `two` on trial for half of the callers, and its guard.
struct Post {
    live: Arc<Live>,
    shop: Shop,
    metrics: Metrics,
    decided: Receiver<Decided>,
    _guard: Guard,
}

impl Post {
    fn new(failures: usize, change: impl FnOnce(&mut config::Canary)) -> Self {
        let (shop, live, metrics) = (Shop::new(), Arc::<Live>::default(), Metrics::new());
        live.swap(shop.release("one"));
        live.try_out(Some(shop.trial("two", 0.5, 0.0)));
        let mut config = shop.config().canary;
        config.check = Duration::from_millis(1);
        change(&mut config);
        let (decides, decided) = channel();
        let steer = Box::new(Hands { decided: decides, failures: failures.into() });
        let guard = Guard::start(Parts { live: live.clone(), metrics: metrics.trial(), steer }, &config).unwrap();
        Self { live, shop, metrics, decided, _guard: guard }
    }

    /// Counts answers of both arms.
    fn answer(&self, count: usize, [current, trial]: [&Answer<'_>; 2]) {
        for _ in 0..count {
            self.live.tally().answered(Arm::Current, current);
            self.live.tally().answered(Arm::Trial, trial);
        }
    }

    fn decides(&self) -> Decided {
        self.decided.recv_timeout(PATIENCE).expect("the guard decides")
    }

    fn canary(&self) -> f64 {
        self.live.trial().unwrap().canary.ratio()
    }

    /// Waits until the guard has looked again, and decided nothing.
    fn decides_nothing(&self) {
        let looked = Instant::now();
        until("it has looked", || looked.elapsed() > Duration::from_millis(20));
        assert!(self.decided.try_recv().is_err());
    }
}

fn abort(bound: Bound) -> Decided {
    Decided::Abort("two".to_owned(), bound)
}

/// An answer from the table, and one from elsewhere.
fn answers(release: &Release) -> [Answer<'_>; 2] {
    [&[10][..], &[60]]
        .map(|history| climb(release, &LADDER, &Ask { history: history.to_vec(), limit: 1, ..Ask::default() }))
}

#[test]
fn a_canary_that_leaves_its_bounds_is_off_its_callers_before_it_is_quarantined() {
    let post = Post::new(2, |_| {});
    let release = post.shop.release("one");
    let [table, popular] = &answers(&release);
    post.answer(199, [table, popular]);
    post.decides_nothing();
    post.answer(1, [table, popular]);
    // Twice its hands fail: it tries again, and the canary answers nobody meanwhile.
    for _ in 0..3 {
        assert_eq!((post.decides(), post.canary()), (abort(Bound::Fallback), 0.0));
    }
    post.decides_nothing();
    let text = post.metrics.render();
    assert!(text.contains("segue_canary_aborts_total{reason=\"fallback\"} 1\n"), "{text}");
}

#[test]
fn what_fails_on_its_way_is_an_error_of_the_canary() {
    let post = Post::new(0, |_| {});
    let release = post.shop.release("one");
    let [table, _] = &answers(&release);
    post.answer(300, [table, table]);
    post.decides_nothing();
    (0..30).for_each(|_| post.live.tally().failed(Arm::Trial));
    assert_eq!(post.decides(), abort(Bound::Errors));
}

#[test]
fn a_quarantine_is_not_tried_again_where_an_operator_gave_the_release_callers() {
    let post = Post::new(usize::MAX, |_| {});
    let release = post.shop.release("one");
    let [table, popular] = &answers(&release);
    post.answer(300, [table, popular]);
    assert_eq!(post.decides(), abort(Bound::Fallback));
    post.live.try_out(None);
    assert_eq!(post.decides(), abort(Bound::Fallback), "the trial is over, and the release not quarantined");
    post.live.try_out(Some(post.shop.trial("two", 0.1, 0.0)));
    until("it has given up", || post.decided.recv_timeout(Duration::from_millis(20)).is_err());
}

/// A hundred thousand good answers, then three hundred bad ones: of all, too few to notice; of the latest, all.
#[test]
fn a_good_hour_does_not_hide_a_bad_minute() {
    let post = Post::new(0, |config| config.window = Duration::from_millis(20));
    let release = post.shop.release("one");
    let [table, popular] = &answers(&release);
    post.answer(100_000, [table, table]);
    // On a busy machine the guard may look too seldom to tell a minute from the hour; all ten are still too few of all.
    let decided = (0..10).find_map(|_| {
        let earlier = Instant::now();
        until("the window has passed", || earlier.elapsed() > Duration::from_millis(60));
        post.answer(300, [table, popular]);
        post.decided.recv_timeout(Duration::from_secs(1)).ok()
    });
    assert_eq!(decided, Some(abort(Bound::Fallback)));
}

#[test]
fn a_canary_that_keeps_to_its_bounds_is_promoted_once_it_has_baked_and_only_if_so_configured() {
    for promote in [false, true] {
        let post = Post::new(1, |config| (config.promote, config.bake_s) = (promote, 0));
        let release = post.shop.release("one");
        let [table, _] = &answers(&release);
        post.decides_nothing();
        post.answer(200, [table, table]);
        if promote {
            assert_eq!(post.decides(), Decided::Promote("two".to_owned()));
            post.live.try_out(Some(post.shop.trial("two", 0.6, 0.0)));
            assert_eq!(
                post.decides(),
                Decided::Promote("two".to_owned()),
                "it bakes anew, and its hands failed before"
            );
        }
        post.decides_nothing();
        let counted = format!("segue_canary_promotions_total {}\n", u8::from(promote));
        until("every promotion is counted", || post.metrics.render().contains(&counted));
    }
}

#[test]
fn before_it_has_baked_a_canary_is_left_alone() {
    let post = Post::new(0, |config| (config.promote, config.bake_s) = (true, 3600));
    let release = post.shop.release("one");
    let [table, _] = &answers(&release);
    post.answer(300, [table, table]);
    post.decides_nothing();
    assert_eq!(post.canary(), 0.5);
}
