//! What trials count from the start of the process; counting must never make a request wait for another.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::compare::Likeness;
use super::spread::{DURATION_BOUNDS_S, OVERLAP_BOUNDS, Spread, SpreadTotals};
use crate::answer::{Answer, Source};
use crate::clock::unix_s;
use crate::snapshot::live::Arm;

/// Parts of the tally that threads are spread over: workers that share a cell pass its cache line to and fro.
const SHARDS: usize = 16;

/// Cells for both arms of canaries and shadows.
pub struct Tally {
    shards: Box<[Shard]>,
    /// Only the shadow's own thread counts here.
    shadow: [ArmCells; 2],
    compared: AtomicU64,
    top1_agreed: AtomicU64,
    overlap: Spread,
}

/// What one thread in so many counts.
#[repr(align(128))]
struct Shard {
    canary: [ArmCells; 2],
    sampled: AtomicU64,
    dropped: AtomicU64,
}

struct ArmCells {
    sources: [AtomicU64; Source::ALL.len()],
    degraded: AtomicU64,
    errors: AtomicU64,
    durations: Spread,
}

/// What a tally held at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Answers given to callers, by arm, while a canary was on.
    pub canary: [ArmTotals; 2],
    /// Answers given to nobody, by arm.
    pub shadow: [ArmTotals; 2],
    /// Questions sampled for a shadow.
    pub sampled: u64,
    /// Sampled questions that found no room to wait.
    pub dropped: u64,
    /// Sampled questions that both arms have answered.
    pub compared: u64,
    /// Those of them whose first candidate is the same.
    pub top1_agreed: u64,
    /// The part of their candidates that both arms gave.
    pub overlap: SpreadTotals,
}

/// What one arm did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmTotals {
    /// Answers by source, in the order of [`Source::ALL`].
    pub sources: [u64; Source::ALL.len()],
    /// Answers that the model should have given and another rung gave.
    pub degraded: u64,
    /// Answers that came too late, or for which the caller did not stay.
    pub errors: u64,
    /// Time from a question that came alone to its answer.
    pub durations: SpreadTotals,
}

/// The beginning of a trial, and what had been counted by then.
#[derive(Clone, Debug)]
pub struct Began {
    /// When it began.
    pub at: Instant,
    /// The same, in seconds since 1970 UTC.
    pub at_unix_s: u64,
    /// When its canary's share was last changed.
    pub changed: Instant,
    /// What had been counted.
    pub totals: Totals,
}

impl Tally {
    /// Counts an answer to a caller.
    pub fn answered(&self, arm: Arm, answer: &Answer<'_>) {
        self.shard().canary[arm as usize].answered(answer);
    }

    /// Counts the time that an answer took.
    pub fn timed(&self, arm: Arm, elapsed: Duration) {
        self.shard().canary[arm as usize].timed(elapsed);
    }

    /// Counts an answer that came too late, or for which the caller did not stay.
    pub fn failed(&self, arm: Arm) {
        self.shard().canary[arm as usize].errors.fetch_add(1, Relaxed);
    }

    /// Counts a question sampled for a shadow.
    pub fn sampled(&self) {
        self.shard().sampled.fetch_add(1, Relaxed);
    }

    /// Counts a sampled question that found no room.
    pub fn dropped(&self) {
        self.shard().dropped.fetch_add(1, Relaxed);
    }

    /// Counts an answer of a shadow's arm.
    pub(super) fn shadowed(&self, arm: Arm, answer: &Answer<'_>, elapsed: Duration) {
        self.shadow[arm as usize].answered(answer);
        self.shadow[arm as usize].timed(elapsed);
    }

    /// Counts two answers compared.
    pub(super) fn compared(&self, likeness: Likeness) {
        self.overlap.record((likeness.overlap * 1e9).round() as u64);
        self.top1_agreed.fetch_add(u64::from(likeness.top1), Relaxed);
        self.compared.fetch_add(1, Relaxed);
    }

    /// What it holds now.
    pub fn totals(&self) -> Totals {
        let sum = |of: fn(&Shard) -> &AtomicU64| self.shards.iter().map(|shard| of(shard).load(Relaxed)).sum();
        let canary = |arm: Arm| {
            let arms = self.shards.iter().map(|shard| shard.canary[arm as usize].totals());
            arms.fold(ArmTotals::default(), |sum, arm| sum.plus(&arm))
        };
        Totals {
            canary: Arm::ALL.map(canary),
            shadow: Arm::ALL.map(|arm| self.shadow[arm as usize].totals()),
            sampled: sum(|shard| &shard.sampled),
            dropped: sum(|shard| &shard.dropped),
            compared: self.compared.load(Relaxed),
            top1_agreed: self.top1_agreed.load(Relaxed),
            overlap: self.overlap.totals(),
        }
    }

    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static PLACE: usize = NEXT.fetch_add(1, Relaxed) % SHARDS);
        &self.shards[PLACE.with(|place| *place)]
    }
}

impl ArmCells {
    fn new() -> Self {
        let (degraded, errors) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { sources: Default::default(), degraded, errors, durations: Spread::new(DURATION_BOUNDS_S) }
    }

    fn timed(&self, elapsed: Duration) {
        self.durations.record(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
    }

    fn answered(&self, answer: &Answer<'_>) {
        self.sources[answer.source as usize].fetch_add(1, Relaxed);
        if answer.degraded.is_some() {
            self.degraded.fetch_add(1, Relaxed);
        }
    }

    fn totals(&self) -> ArmTotals {
        ArmTotals {
            sources: self.sources.each_ref().map(|count| count.load(Relaxed)),
            degraded: self.degraded.load(Relaxed),
            errors: self.errors.load(Relaxed),
            durations: self.durations.totals(),
        }
    }
}

impl ArmTotals {
    /// Answers given.
    pub fn answers(&self) -> u64 {
        self.sources.iter().sum()
    }

    /// Both together.
    fn plus(mut self, other: &Self) -> Self {
        self.sources.iter_mut().zip(other.sources).for_each(|(total, count)| *total += count);
        self.degraded += other.degraded;
        self.errors += other.errors;
        Self { durations: self.durations.plus(&other.durations), ..self }
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            sources: std::array::from_fn(|place| self.sources[place].saturating_sub(earlier.sources[place])),
            degraded: self.degraded.saturating_sub(earlier.degraded),
            errors: self.errors.saturating_sub(earlier.errors),
            durations: self.durations.since(&earlier.durations),
        }
    }
}

impl Totals {
    /// What came since an earlier moment.
    pub fn since(&self, earlier: &Self) -> Self {
        let arms = |now: &[ArmTotals; 2], before: &[ArmTotals; 2]| {
            Arm::ALL.map(|arm| now[arm as usize].since(&before[arm as usize]))
        };
        Self {
            canary: arms(&self.canary, &earlier.canary),
            shadow: arms(&self.shadow, &earlier.shadow),
            sampled: self.sampled.saturating_sub(earlier.sampled),
            dropped: self.dropped.saturating_sub(earlier.dropped),
            compared: self.compared.saturating_sub(earlier.compared),
            top1_agreed: self.top1_agreed.saturating_sub(earlier.top1_agreed),
            overlap: self.overlap.since(&earlier.overlap),
        }
    }
}

impl Began {
    /// A trial that begins now.
    pub fn now(tally: &Tally) -> Self {
        let (at, totals) = (Instant::now(), tally.totals());
        let at_unix_s = unix_s();
        Self { at, at_unix_s, changed: at, totals }
    }

    /// The same, whose canary gets another share now.
    pub fn changed_now(&self) -> Self {
        Self { changed: Instant::now(), ..self.clone() }
    }
}

impl Default for Tally {
    fn default() -> Self {
        let arms = || [ArmCells::new(), ArmCells::new()];
        let shard = |_| Shard { canary: arms(), sampled: AtomicU64::new(0), dropped: AtomicU64::new(0) };
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            shadow: arms(),
            compared: AtomicU64::new(0),
            top1_agreed: AtomicU64::new(0),
            overlap: Spread::new(OVERLAP_BOUNDS),
        }
    }
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tally").finish_non_exhaustive()
    }
}
