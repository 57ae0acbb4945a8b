//! How many events each user has: unequal, and exactly as many in all as were asked for.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use crate::generate::GenerateSettings;

/// How unequal users are: the busiest hundredth has some fifty times the events of the median.
const ACTIVITY_SIGMA: f64 = 1.2;

/// Users in order with their events; users without events are left out.
///
/// Activities are drawn twice from one seed, once for their sum and once for their use, instead of being kept.
pub fn events_by_user(settings: &GenerateSettings) -> impl Iterator<Item = (u64, u64)> + use<> {
    let (events, users) = (settings.events, settings.users);
    let total: f64 = activities(settings.seed).take(users as usize).sum();
    let mut sum = 0.0;
    let mut before = 0;
    activities(settings.seed).take(users as usize).zip(0..users).filter_map(move |(activity, user)| {
        sum += activity;
        // The last user's sum is the total itself, so nothing is lost to rounding.
        let until = if user + 1 == users { events } else { (events as f64 * (sum / total)) as u64 };
        let share = until.saturating_sub(before);
        before = before.max(until);
        (share > 0).then_some((user, share))
    })
}

fn activities(seed: u64) -> impl Iterator<Item = f64> {
    let spread = LogNormal::new(0.0, ACTIVITY_SIGMA).expect("a positive constant is a sound deviation");
    spread.sample_iter(ChaCha8Rng::seed_from_u64(seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_exactly() {
        for (events, users) in [(0, 3), (1, 1), (10, 100), (100_003, 1_000)] {
            let settings = GenerateSettings { events, users, clusters: 1, months: 1, seed: 4 };
            let shares: Vec<(u64, u64)> = events_by_user(&settings).collect();
            assert_eq!(shares.iter().map(|(_, share)| share).sum::<u64>(), events);
            assert!(shares.len() as u64 <= users);
        }
    }
}
