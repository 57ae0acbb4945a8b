//! One computation for all who ask the same, and one memory of it for each release.

use std::sync::Arc;
use std::thread;

use segue::answer::Source;
use segue::wire::json::AnswerBody;

use crate::puppet::{Deed, puppet};
use crate::site::{Site, UNSEEN, of_source, question};
use crate::support::caller::request;
use crate::support::service::until;

const ASKERS: u64 = 8;

fn ask(site: &Site) -> AnswerBody {
    site.running.http().post("/next-clusters", &question(UNSEEN, 3)).json(200)
}

#[test]
fn all_who_ask_the_same_wait_for_one_computation() {
    let (puppet, strings) = puppet();
    let site = Site::computing(Arc::new(puppet), |_| {});
    thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS).map(|_| scope.spawn(|| ask(&site))).collect();
        until("all but one have joined", || site.running.counted("segue_model_joined_total") == ASKERS - 1);
        strings.end(Deed::Answer);
        for asker in askers {
            let answer = asker.join().expect("it is answered");
            assert_eq!(of_source(&answer, Source::Model), site.expected("one", UNSEEN, 3));
        }
    });
    assert_eq!(strings.count(), 1);
    assert_eq!(site.running.counted("segue_model_answered_total"), ASKERS);
}

/// The one who began it may leave; who joined it gets the answer, and the memo keeps it.
#[test]
fn a_computation_outlives_the_one_who_began_it() {
    let (puppet, strings) = puppet();
    let site = Site::computing(Arc::new(puppet), |_| {});
    thread::scope(|scope| {
        let mut first = site.running.http();
        let asked = serde_json::to_string(&question(UNSEEN, 3)).expect("it has a JSON form");
        first.send(request("POST", "/next-clusters", &asked));
        strings.begun();
        let second = scope.spawn(|| ask(&site));
        until("it has joined", || site.running.counted("segue_model_joined_total") == 1);
        drop(first);
        until("the first is gone", || site.running.counted("segue_requests_in_flight") == 1);
        strings.end(Deed::Answer);
        assert_eq!(second.join().expect("it is answered").source, Source::Model);
    });
    assert_eq!((ask(&site).source, strings.count()), (Source::Model, 0));
    assert_eq!(site.running.counted("segue_memo_hits_total"), 1);
}

#[test]
fn a_swap_drops_what_the_model_before_had_answered() {
    let site = Site::new();
    let of_one = ask(&site);
    assert_eq!((ask(&site), site.running.counted("segue_memo_entries")), (of_one.clone(), 1));
    site.running.follow("two");
    assert_eq!(site.running.counted("segue_memo_entries"), 0);
    let of_two = ask(&site);
    assert_eq!(of_source(&of_two, Source::Model), site.expected("two", UNSEEN, 3));
    assert_ne!(of_source(&of_two, Source::Model), of_source(&of_one, Source::Model));
    assert_eq!(site.running.counted("segue_memo_hits_total"), 1);
}

#[test]
fn the_memo_keeps_no_more_than_it_may() {
    let site = Site::computing(Arc::new(segue::model::worker::EngineCompute), |config| config.model.memo_max = 2);
    let mut http = site.running.http();
    for history in [&[30, 20][..], &[50, 20], &[60, 20], &[30], &[50], &[60]] {
        assert_eq!(http.post("/next-clusters", &question(history, 1)).json::<AnswerBody>(200).source, Source::Model);
    }
    let (kept, gone) = (site.running.counted("segue_memo_entries"), site.running.counted("segue_memo_evictions_total"));
    assert!(kept <= 2 && kept + gone == 6, "{kept} kept, {gone} evicted");
}
