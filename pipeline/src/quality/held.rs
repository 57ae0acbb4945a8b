//! The requests that figures rest on: held out from all that is compared, and few enough to be drawn again a thousand times.

use anyhow::ensure;
use segue::answer::last_known;
use segue::ask::Ask;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::release::Release;

use super::{Rehearsal, Request};
use crate::event::US_PER_S;
use crate::examples::{Example, HISTORY_MAX};
use crate::measure::outcomes::TOP;

/// Requests at most; beyond it some users are left out whole.
const REQUESTS_MAX: usize = 200_000;

/// Seconds in a UTC day.
const S_PER_DAY: i64 = 86_400;

/// Fewer requests than this that the previous release had not seen say nothing of it.
const UNSEEN_MIN: usize = 100;

/// Requests in the words of a catalogue.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldOut {
    pub(super) asked: Vec<Asked>,
    /// Users who made them.
    pub(super) users: u32,
    /// Whether the previous release had seen none of them.
    pub(super) is_new_to_previous: bool,
}

/// When the held-out time begins, in microseconds since 1970: at `from_us`, or at the first whole UTC day that the previous release had
/// not seen, if that is later and a hundred requests are left.
///
/// A rehearsal from then on knows as much as the previous release did. One that began earlier would be staler, and look worse than what
/// will be published.
pub fn as_of_us(requests: &[Request], from_us: i64, previous: Option<&Release>) -> i64 {
    let window = previous.and_then(|previous| previous.manifest().provenance.data_window);
    let Some(seen_s) = window.and_then(|window| i64::try_from(window.to_unix_s).ok()) else { return from_us };
    let new_us = (seen_s.div_euclid(S_PER_DAY) + 1).saturating_mul(S_PER_DAY * US_PER_S).max(from_us);
    let new = requests.iter().filter(|request| request.time_us >= new_us).count();
    if new >= UNSEEN_MIN { new_us } else { from_us }
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    user: u32,
    time_us: i64,
    /// Distinct clusters as indexes, oldest first.
    pub(super) history: Vec<u32>,
    next: u32,
    /// As the service is asked for what may come next.
    pub(super) ask: Ask,
}

impl HeldOut {
    /// The requests of a rehearsal: from its time on, for clusters that the catalogue has, and new to the previous release where enough
    /// are.
    pub(super) fn of(rehearsal: &Rehearsal<'_>) -> anyhow::Result<Self> {
        let held = |request: &&Request| request.time_us >= rehearsal.as_of_us;
        let known = |request: &&Request| rehearsal.catalogue.index_of(request.next).is_some();
        let mut requests: Vec<&Request> = rehearsal.requests.iter().filter(held).filter(known).collect();
        ensure!(
            !requests.is_empty(),
            "none of {} requests was held out for clusters of the catalogue; hold out more days",
            rehearsal.requests.len()
        );
        let is_new_to_previous = keep_new(&mut requests, rehearsal);
        keep_users(&mut requests, REQUESTS_MAX);
        requests.sort_by_key(|request| (request.user, request.time_us));
        let mut held = Self { is_new_to_previous, ..Self::default() };
        let mut last = None;
        for request in requests {
            held.users += u32::from(last.replace(request.user) != Some(request.user));
            held.asked.push(asked(request, held.users, rehearsal));
        }
        Ok(held)
    }
}

impl Asked {
    pub(super) fn example(&self) -> Example<'_> {
        Example { user: self.user, time_us: self.time_us, history: &self.history, next: self.next }
    }
}

/// Drops what the previous release had seen, where enough is left without it. Whether nothing that it had seen is left.
fn keep_new(requests: &mut Vec<&Request>, rehearsal: &Rehearsal<'_>) -> bool {
    let window = rehearsal.previous.and_then(|previous| previous.manifest().provenance.data_window);
    let Some(window) = window else { return true };
    // A window ends in a whole second; the events of that second belong to it.
    let seen = |request: &Request| u64::try_from(request.time_us / US_PER_S).is_ok_and(|s| s <= window.to_unix_s);
    let new = requests.iter().filter(|request| !seen(request)).count();
    if new >= UNSEEN_MIN {
        requests.retain(|request| !seen(request));
    }
    new >= UNSEEN_MIN || new == requests.len()
}

/// Leaves out users, chosen by a mix of their number, until at most so many requests are left.
fn keep_users(requests: &mut Vec<&Request>, requests_max: usize) {
    if requests.len() > requests_max {
        requests.sort_by_key(|request| (mixed(request.user), request.user));
        let end = requests[requests_max].user;
        requests.truncate(requests_max);
        // The user at the cut goes whole, unless all requests are that user's.
        let whole = requests.partition_point(|request| (mixed(request.user), request.user) < (mixed(end), end));
        requests.truncate(if whole > 0 { whole } else { requests_max });
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood, 2014): users' numbers may stand for anything, such as when they came.
fn mixed(user: u64) -> u64 {
    let user = (user ^ (user >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let user = (user ^ (user >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    user ^ (user >> 31)
}

fn asked(request: &Request, user: u32, rehearsal: &Rehearsal<'_>) -> Asked {
    let catalogue: &Catalogue = rehearsal.catalogue;
    let mut exclude = rehearsal.choice.mode.barred(&request.history).to_vec();
    exclude.sort_unstable();
    Asked {
        user,
        time_us: request.time_us,
        history: last_known(catalogue, &request.history, usize::from(HISTORY_MAX)),
        next: catalogue.index_of(request.next).unwrap_or_default(),
        ask: Ask { history: request.history.clone(), limit: TOP, exclude, ..Ask::default() },
    }
}
