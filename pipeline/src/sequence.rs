//! Cuts a user's events into sequences of clusters, as the method does.
//!
//! Takes events in order of user and time; it never looks at another user's events or at what comes after.

use segue::model::config::Barred;

use crate::event::Event;

/// Sequences below this length say nothing about what comes next.
pub const SEQUENCE_ITEMS_MIN: usize = 2;

/// Whether a cluster may come twice in a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Only the first occurrence of each cluster stays: what comes next is always new to the user.
    #[default]
    Distinct,
    /// Consecutive repeats go: what comes next is another cluster than the last, but may be an older one.
    Changes,
    /// Every event stays.
    Raw,
}

impl Mode {
    /// The name that flags and manifests carry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distinct => "distinct",
            Self::Changes => "changes",
            Self::Raw => "raw",
        }
    }

    /// The clusters of a history, oldest first, that can never come next.
    pub fn barred(self, history: &[u32]) -> &[u32] {
        self.bars().of(history)
    }

    /// The same, as a model's configuration tells it.
    pub const fn bars(self) -> Barred {
        match self {
            Self::Distinct => Barred::History,
            Self::Changes => Barred::Last,
            Self::Raw => Barred::None,
        }
    }
}

/// Where sequences begin and end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Whether repeats stay.
    pub mode: Mode,
    /// A longer pause than this, in microseconds, ends a sequence; `None` never does.
    pub gap_us: Option<i64>,
    /// Events before this time in microseconds are left out; `None` keeps all.
    pub since_us: Option<i64>,
}

/// One item of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The cluster's dense index.
    pub cluster: u32,
    /// When, in microseconds since 1970.
    pub time_us: i64,
}

/// What cutting added up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Sequences handed on.
    pub sequences: u64,
    /// Sequences left out because they have fewer than two items.
    pub short: u64,
    /// Events left out because they lie before the window.
    pub before_window: u64,
    /// Events left out because their cluster stands earlier in their sequence, or just before, as the mode has it.
    pub repeats: u64,
}

/// Collects one sequence at a time.
#[derive(Debug)]
pub struct Cutter<F> {
    cutting: Cutting,
    visit: F,
}

/// The same for whoever brings the visitor along with each event.
#[derive(Debug)]
pub struct Cutting {
    rules: Rules,
    steps: Vec<Step>,
    last: Option<Event>,
    seen: Seen,
    cut: Cut,
}

impl<F: FnMut(u32, &[Step])> Cutter<F> {
    /// A cutter that hands each whole sequence, with its user, to `visit`.
    pub fn new(rules: Rules, clusters: usize, visit: F) -> Self {
        Self { cutting: Cutting::new(rules, clusters), visit }
    }

    /// Takes the next event in order of user and time.
    pub fn push(&mut self, event: Event) {
        self.cutting.push(event, &mut self.visit);
    }

    /// Ends the last sequence.
    pub fn finish(mut self) -> Cut {
        self.cutting.end(&mut self.visit);
        self.cutting.cut
    }
}

impl Cutting {
    /// Nothing collected yet.
    pub fn new(rules: Rules, clusters: usize) -> Self {
        Self { rules, steps: Vec::new(), last: None, seen: Seen::new(clusters), cut: Cut::default() }
    }

    /// What cutting has added up to so far.
    pub fn cut(&self) -> Cut {
        self.cut
    }

    /// Takes all events of a user, by time, and hands each whole sequence to `visit`.
    pub fn user(&mut self, events: &[Event], visit: &mut impl FnMut(u32, &[Step])) {
        events.iter().for_each(|event| self.push(*event, visit));
        self.end(visit);
        self.last = None;
    }

    #[inline]
    fn push(&mut self, event: Event, visit: &mut impl FnMut(u32, &[Step])) {
        if self.rules.since_us.is_some_and(|since_us| event.time_us < since_us) {
            self.cut.before_window += 1;
            return;
        }
        if self.last.is_some_and(|last| self.rules.cuts_between(&last, &event)) {
            self.end(visit);
        }
        self.last = Some(event);
        self.keep(event);
    }

    fn keep(&mut self, event: Event) {
        if self.repeats(event.cluster) {
            self.cut.repeats += 1;
            return;
        }
        self.steps.push(Step { cluster: event.cluster, time_us: event.time_us });
    }

    fn repeats(&mut self, cluster: u32) -> bool {
        match self.rules.mode {
            Mode::Distinct => !self.seen.insert(cluster),
            Mode::Changes => self.steps.last().is_some_and(|last| last.cluster == cluster),
            Mode::Raw => false,
        }
    }

    fn end(&mut self, visit: &mut impl FnMut(u32, &[Step])) {
        match (self.steps.len(), self.last) {
            (0, _) | (_, None) => {}
            (1..SEQUENCE_ITEMS_MIN, _) => self.cut.short += 1,
            (_, Some(last)) => {
                self.cut.sequences += 1;
                visit(last.user, &self.steps);
            }
        }
        self.steps.clear();
        self.seen.clear();
    }
}

impl Cut {
    /// Adds what cutting other users added up to.
    pub fn add(&mut self, other: &Self) {
        self.sequences += other.sequences;
        self.short += other.short;
        self.before_window += other.before_window;
        self.repeats += other.repeats;
    }
}

impl Rules {
    fn cuts_between(&self, last: &Event, next: &Event) -> bool {
        last.user != next.user || self.gap_us.is_some_and(|gap_us| next.time_us.saturating_sub(last.time_us) > gap_us)
    }
}

/// A set of clusters that is emptied by counting up.
#[derive(Debug)]
struct Seen {
    rounds: Vec<u32>,
    round: u32,
}

impl Seen {
    fn new(clusters: usize) -> Self {
        Self { rounds: vec![0; clusters], round: 1 }
    }

    fn insert(&mut self, cluster: u32) -> bool {
        std::mem::replace(&mut self.rounds[cluster as usize], self.round) != self.round
    }

    fn clear(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.rounds.fill(0);
            self.round = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event((user, time_us, cluster): (u32, i64, u32)) -> Event {
        Event { user, cluster, time_us }
    }

    fn check(rules: Rules, events: &[(u32, i64, u32)], expected: &[&[u32]], cut: Cut) {
        let mut sequences = Vec::new();
        let mut cutter = Cutter::new(rules, 10, |_, steps: &[Step]| {
            sequences.push(steps.iter().map(|step| step.cluster).collect::<Vec<_>>());
        });
        events.iter().copied().map(event).for_each(|event| cutter.push(event));
        assert_eq!(cutter.finish(), cut);
        assert_eq!(sequences, expected);
    }

    const EVENTS: [(u32, i64, u32); 8] =
        [(0, 1, 5), (0, 2, 5), (0, 3, 6), (0, 9, 5), (1, 1, 7), (2, 4, 1), (2, 5, 2), (2, 5, 1)];

    #[test]
    fn distinct_keeps_the_first_of_each_cluster() {
        let cut = Cut { sequences: 2, short: 1, before_window: 0, repeats: 3 };
        check(Rules::default(), &EVENTS, &[&[5, 6], &[1, 2]], cut);
    }

    #[test]
    fn raw_keeps_everything() {
        let rules = Rules { mode: Mode::Raw, ..Rules::default() };
        let cut = Cut { sequences: 2, short: 1, before_window: 0, repeats: 0 };
        check(rules, &EVENTS, &[&[5, 5, 6, 5], &[1, 2, 1]], cut);
    }

    #[test]
    fn changes_keeps_returns() {
        let rules = Rules { mode: Mode::Changes, ..Rules::default() };
        let cut = Cut { sequences: 2, short: 1, before_window: 0, repeats: 1 };
        check(rules, &EVENTS, &[&[5, 6, 5], &[1, 2, 1]], cut);
    }

    #[test]
    fn each_mode_bars_what_it_never_gives() {
        for (mode, barred) in [(Mode::Distinct, &[3, 4][..]), (Mode::Changes, &[4]), (Mode::Raw, &[])] {
            assert_eq!(mode.barred(&[3, 4]), barred);
            assert!(mode.barred(&[]).is_empty());
        }
    }

    #[test]
    fn each_sequence_comes_with_its_user() {
        let mut users = Vec::new();
        let mut cutter = Cutter::new(Rules::default(), 10, |user, _: &[Step]| users.push(user));
        EVENTS.map(event).into_iter().for_each(|event| cutter.push(event));
        cutter.finish();
        assert_eq!(users, [0, 2]);
    }

    #[test]
    fn a_long_pause_and_the_window_cut() {
        let rules = Rules { gap_us: Some(1), since_us: Some(2), ..Rules::default() };
        let cut = Cut { sequences: 2, short: 1, before_window: 2, repeats: 1 };
        check(rules, &EVENTS, &[&[5, 6], &[1, 2]], cut);
    }
}
