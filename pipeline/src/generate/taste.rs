//! What a user turns to next: a topic beside the last one, an interest of theirs, or what everyone looks at.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

use crate::generate::{GenerateSettings, LogEvent};

/// The first second of every log: 2025-01-01.
const START_S: i64 = 1_735_689_600;

/// Seconds in a month of the log.
const MONTH_S: i64 = 2_629_746;

/// Interests of a user at a time.
const INTERESTS: usize = 6;

/// How likely an interest is replaced as a month begins.
const DRIFT_PER_MONTH: f64 = 0.25;

/// How likely the next event stays beside the last one, and how likely it is one of the user's interests; the rest is anything.
const BESIDE: f64 = 0.35;
const INTEREST: f64 = 0.45;

/// How unequal clusters and the items of a cluster are.
const ZIPF_EXPONENT: f64 = 1.05;

/// Items of a cluster.
const ITEMS_PER_CLUSTER: u64 = 50;

/// What is the same for all users.
#[derive(Debug)]
pub struct World {
    seed: u64,
    clusters: u32,
    months: u32,
    popularity: Zipf<f64>,
    items: Zipf<f64>,
}

/// A user at one moment.
struct User {
    draw: ChaCha8Rng,
    interests: [u32; INTERESTS],
    last: u32,
}

impl World {
    /// The world of a log.
    pub fn new(settings: &GenerateSettings) -> Self {
        let zipf =
            |count: f64| Zipf::new(count, ZIPF_EXPONENT).expect("counts are at least 1 and the exponent is positive");
        Self {
            seed: settings.seed,
            clusters: settings.clusters.max(1),
            months: settings.months.max(1),
            popularity: zipf(f64::from(settings.clusters.max(1))),
            items: zipf(ITEMS_PER_CLUSTER as f64),
        }
    }

    /// One user's events by time, drawn from a stream of the user's own.
    ///
    /// # Errors
    /// Those of `visit`.
    pub fn each_event_of(
        &self,
        user: u64,
        events: u64,
        visit: &mut dyn FnMut(LogEvent) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut someone = self.user(user);
        let mut month = 0;
        for ts in someone.times(events, self.months) {
            let now = ((ts - START_S) / MONTH_S) as u32;
            while month < now {
                month += 1;
                self.drift(&mut someone, month);
            }
            visit(self.event(&mut someone, (user, ts), month))?;
        }
        Ok(())
    }

    fn user(&self, user: u64) -> User {
        let mut draw = ChaCha8Rng::seed_from_u64(self.seed);
        // Stream 0 is the activities'.
        draw.set_stream(user + 1);
        let interests = std::array::from_fn(|_| self.anything(&mut draw, 0));
        let last = interests[0];
        User { draw, interests, last }
    }

    fn drift(&self, someone: &mut User, month: u32) {
        for at in 0..INTERESTS {
            if someone.draw.random_bool(DRIFT_PER_MONTH) {
                someone.interests[at] = self.anything(&mut someone.draw, month);
            }
        }
    }

    fn event(&self, someone: &mut User, (user, ts): (u64, i64), month: u32) -> LogEvent {
        let cluster = self.next(someone, month);
        someone.last = cluster;
        let item = self.items.sample(&mut someone.draw) as u64 - 1;
        LogEvent { user, ts, item: u64::from(cluster) * ITEMS_PER_CLUSTER + item, cluster }
    }

    fn next(&self, someone: &mut User, month: u32) -> u32 {
        let chance: f64 = someone.draw.random();
        if chance < BESIDE {
            return self.beside(someone.last, someone.draw.random_range(1..4), month);
        }
        if chance < BESIDE + INTEREST {
            return someone.interests[someone.draw.random_range(0..INTERESTS)];
        }
        self.anything(&mut someone.draw, month)
    }

    /// One of the few clusters that people go on to from another; where they go moves on with the months.
    fn beside(&self, cluster: u32, step: u32, month: u32) -> u32 {
        let mixed = u64::from(cluster) * 31 + u64::from(step) * 7 + u64::from(month / 3);
        (mixed % u64::from(self.clusters)) as u32
    }

    /// A cluster by popularity; which clusters are popular moves on slowly with the months.
    fn anything(&self, draw: &mut ChaCha8Rng, month: u32) -> u32 {
        let rank = self.popularity.sample(draw) as u64 - 1;
        // Steps of a large odd number scatter the popular clusters over the ids.
        let scattered = rank * 7919 + u64::from(month / 2);
        (scattered % u64::from(self.clusters)) as u32
    }
}

impl User {
    fn times(&mut self, events: u64, months: u32) -> Vec<i64> {
        let span_s = i64::from(months) * MONTH_S;
        let mut times: Vec<i64> = (0..events).map(|_| START_S + self.draw.random_range(0..span_s)).collect();
        times.sort_unstable();
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(seed: u64) -> Vec<LogEvent> {
        let settings = GenerateSettings { events: 20_000, users: 50, clusters: 40, months: 6, seed };
        let mut events = Vec::new();
        settings
            .each_event(&mut |event| {
                events.push(event);
                Ok(())
            })
            .unwrap();
        events
    }

    #[test]
    fn comes_by_user_and_time_within_the_span_and_the_catalogue() {
        let events = events(1);
        assert_eq!(events.len(), 20_000);
        assert!(events.is_sorted_by_key(|event| (event.user, event.ts)));
        assert!(
            events.iter().all(|event| event.cluster < 40 && event.ts >= START_S && event.ts < START_S + 6 * MONTH_S)
        );
        assert!(events.iter().all(|event| event.item / ITEMS_PER_CLUSTER == u64::from(event.cluster)));
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(events(1), events(1));
        assert_ne!(events(1), events(2));
    }

    #[test]
    fn users_have_tastes_of_their_own() {
        let of_user =
            |user: u64| events(1).into_iter().filter(move |event| event.user == user).map(|event| event.cluster);
        let first: Vec<Vec<u32>> = (0..10).map(|user| of_user(user).take(8).collect()).collect();
        assert!(first.iter().filter(|clusters| **clusters == first[0]).count() == 1, "{first:?}");
    }

    #[test]
    fn clusters_are_unequal_and_interests_drift() {
        let events = events(3);
        let mut counts = vec![0; 40];
        events.iter().for_each(|event| counts[event.cluster as usize] += 1);
        counts.sort_unstable();
        assert!(counts[39] > 4 * counts[20], "{counts:?}");
        let top = |month: i64| {
            let mut counts = [0; 40];
            let of_month = events.iter().filter(|event| (event.ts - START_S) / MONTH_S == month && event.user < 5);
            of_month.for_each(|event| counts[event.cluster as usize] += 1);
            (0..40).max_by_key(|cluster| counts[*cluster])
        };
        assert!((1..6).any(|month| top(month) != top(0)));
    }
}
