//! Callers of a canary: who is answered by whom, and what is counted of it.

use std::future::poll_fn;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use segue::ask::Question;
use segue::error::Error;
use segue::model::rank::{Ranked, Working};
use segue::model::worker::{Compute, EngineCompute};
use segue::model::{self, Model};
use segue::snapshot::live::{Lot, Seed, Trial};
use segue::snapshot::manifest::Version;

use crate::puppet::{Deed, puppet};
use crate::site::{Shop, Site, question, share};
use crate::support::release::version;

/// The release that a unit's questions are answered by, where a third of all callers is `two`'s.
fn expected(unit: &str) -> &'static str {
    let lot = Lot::of(unit.as_bytes(), Seed::of(&version("two")));
    if share(0.3).holds(lot) { "two" } else { "one" }
}

fn units() -> Vec<String> {
    (0..60).map(|user| format!("user-{user}")).collect()
}

#[test]
fn each_caller_is_answered_by_its_own_release_and_counted_with_it() {
    let site = Site::new();
    site.try_out(0.3, 0.0);
    for unit in units() {
        for history in [&[][..], &[10], &[60]] {
            assert_eq!(site.ask(question(history, Some(&unit))), expected(&unit), "{unit} {history:?}");
        }
    }
    let tried = units().iter().filter(|unit| expected(unit) == "two").count() as u64;
    let canary = site.figures().canary.unwrap();
    assert_eq!((canary.trial.answers, canary.current.answers), (3 * tried, 3 * (60 - tried)));
    assert_eq!((canary.trial.errors, canary.share), (0, share(0.3)));
    // Only [10] is in its table.
    assert_eq!(canary.trial.sources["table"], 1.0 / 3.0);
    assert!(canary.trial.p50_s.is_some_and(|p50| p50 > 0.0));
    assert_eq!(site.figures().shadow, None);
}

#[test]
fn the_history_speaks_for_who_has_no_unit_and_an_empty_one_is_none() {
    let site = Site::new();
    site.try_out(0.5, 0.0);
    for id in 0..40 {
        let lot = Lot::of_ids(&[id, 10], Seed::of(&version("two")));
        let expected = if share(0.5).holds(lot) { "two" } else { "one" };
        for unit in [None, Some("")] {
            assert_eq!(site.ask(question(&[id, 10], unit)), expected, "{id} {unit:?}");
        }
    }
}

#[test]
fn a_unit_has_a_length_and_never_shows() {
    let site = Site::new();
    let asked = |bytes: usize| site.room.check(question(&[], Some(&"é".repeat(bytes / 2))));
    assert_eq!(asked(130).unwrap_err(), Error::UnitTooLong { max: 128, got: 130 });
    let ask = asked(128).unwrap();
    assert!(!format!("{ask:?} {:?}", question(&[], Some("someone"))).contains("someone"));
    assert_eq!(ask.unit.unwrap().as_bytes().len(), 128);
}

#[test]
fn a_batch_is_answered_by_one_release_that_its_first_question_chooses() {
    let site = Site::new();
    site.try_out(0.3, 0.0);
    for first in units() {
        let questions = [Err(Error::BodyBroken)]
            .into_iter()
            .chain([&first, "user-1", "user-2"].map(|unit| Ok(site.room.check(question(&[10], Some(unit))).unwrap())));
        let deadline = site.room.deadline(Instant::now(), None);
        let answering = site.room.answer_all(questions.collect(), deadline, |answerer| {
            let answered = (0..4).filter(|place| answerer.answer(*place).is_ok()).count();
            (answerer.release().manifest().version.to_string(), answered)
        });
        assert_eq!(site.wait(answering.unwrap().end()), (expected(&first).to_owned(), 3), "{first}");
    }
    let canary = site.figures().canary.unwrap();
    assert_eq!(canary.trial.answers + canary.current.answers, 3 * 60, "each item counts");
    assert_eq!(canary.trial.p50_s, None, "and has no time of its own");
}

#[test]
fn an_answer_that_is_late_is_an_error() {
    let site = Site::new();
    site.try_out(1.0, 0.0);
    site.wait(site.answering(question(&[10], None), Duration::ZERO).end());
    let canary = site.figures().canary.unwrap();
    assert_eq!((canary.trial.answers, canary.trial.errors), (0, 1));
}

/// A caller that leaves while the canary's model is asked counts against it; one that stays does not.
#[test]
fn an_answer_that_nobody_stays_for_is_an_error() {
    let (puppet, strings) = puppet();
    let site = Site::computing(Arc::new(puppet), |config| config.model.timeout = Duration::from_secs(20));
    site.live.try_out(Some(Trial::new(site.shop.modelled("modelled", 1), share(1.0), share(0.0))));
    let asked = || site.answering(question(&[60], None), Duration::from_secs(30));
    site.wait(async {
        let mut left = Box::pin(asked().end());
        // Polled once: the model is asked.
        assert!(poll_fn(|context| Poll::Ready(left.as_mut().poll(context))).await.is_pending());
        strings.begun();
    });
    strings.end(Deed::Answer);
    let counted = || site.figures().canary.map(|canary| (canary.trial.answers, canary.trial.errors)).unwrap();
    assert_eq!(counted(), (0, 1));
    strings.end(Deed::Answer);
    assert_eq!(site.ask(question(&[60], None)), "modelled");
    assert_eq!(counted(), (1, 1));
}

/// An arithmetic that never ends for one model.
struct Stuck {
    model: Version,
    began: Mutex<Sender<()>>,
    end: Mutex<Receiver<()>>,
}

impl Compute for Stuck {
    fn answer(&self, model: &Model, working: &mut Working, questions: &[model::rank::Question<'_>]) -> Vec<Ranked> {
        if model.manifest().version == self.model {
            let _ = self.began.lock().unwrap().send(());
            let _ = self.end.lock().unwrap().recv();
        }
        EngineCompute.answer(model, working, questions)
    }
}

/// The canary's model takes its only thread for ever, and the callers of the release that serves still have theirs.
#[test]
fn a_canarys_model_that_hangs_takes_nothing_from_the_others() {
    let shop = Shop::new();
    let (trial, (began, begun), (_end, end)) = (shop.modelled("stuck", 2), channel(), channel());
    let model = trial.model().unwrap().manifest().version.clone();
    let stuck = Stuck { model, began: Mutex::new(began), end: Mutex::new(end) };
    let site = Site::computing(Arc::new(stuck), |config| {
        (config.model.threads, config.model.timeout) = (1, Duration::from_secs(20));
    });
    site.live.swap(shop.modelled("well", 1));
    site.live.try_out(Some(Trial::new(trial, share(0.5), share(0.0))));
    let unit_of = |arm: &str| {
        let seed = Seed::of(&version("stuck"));
        let is_tried = |unit: &String| share(0.5).holds(Lot::of(unit.as_bytes(), seed)) == (arm == "stuck");
        units().into_iter().find(is_tried).unwrap()
    };
    site.wait(async {
        let ask = |arm: &str| site.answering(question(&[60], Some(&unit_of(arm))), Duration::from_secs(30)).end();
        let mut tried = Box::pin(ask("stuck"));
        assert!(poll_fn(|context| Poll::Ready(tried.as_mut().poll(context))).await.is_pending());
        begun.recv().unwrap();
        assert_eq!(ask("well").await, "well");
    });
    let canary = site.figures().canary.unwrap();
    assert_eq!((canary.current.sources["model"], canary.current.degraded, canary.trial.errors), (1.0, 0.0, 1));
}

#[test]
fn without_a_trial_nothing_is_counted_and_a_halted_one_answers_nobody() {
    let site = Site::new();
    let ask = |site: &Site| site.ask(Question::default());
    assert_eq!(ask(&site), "one");
    assert!(site.room.trials().figures().is_none());
    site.try_out(1.0, 0.0);
    assert_eq!(ask(&site), "two");
    assert!(site.live.halt(&version("two")));
    assert_eq!(ask(&site), "one");
    let canary = site.figures().canary.unwrap();
    assert_eq!((canary.share.ratio(), canary.trial.answers, canary.current.answers), (0.0, 1, 0));
    let text = site.metrics.render();
    for line in [
        "segue_canary_share_ratio 0",
        "segue_canary_answers_total{arm=\"trial\",source=\"popular\"} 1",
        "segue_canary_answers_total{arm=\"current\",source=\"popular\"} 0",
        "segue_canary_answer_duration_seconds_count{arm=\"trial\"} 1",
        "segue_canary_errors_total{arm=\"trial\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
