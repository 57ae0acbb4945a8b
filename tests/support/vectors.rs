//! Questions about the release of [`release`](super::release), each with its answer worked out by hand. Both doors must
//! give exactly these.

use segue::answer::Source::{self, Popular, Suffix, Table};
use segue::ask::Question;
use segue::error::Code;

/// A question and its answer.
pub(crate) struct Vector {
    /// What the row is about.
    pub(crate) about: &'static str,
    pub(crate) question: Question,
    /// Cluster, score and source, in order.
    pub(crate) candidates: &'static [(u32, f32, Source)],
    pub(crate) source: Source,
    pub(crate) matched: &'static [u32],
    pub(crate) ignored: &'static [u32],
}

/// A question and how it is refused.
pub(crate) struct Refusal {
    /// What the row is about.
    pub(crate) about: &'static str,
    pub(crate) question: Question,
    pub(crate) code: Code,
    /// What the message must name.
    pub(crate) says: &'static str,
}

type Candidates = &'static [(u32, f32, Source)];

/// Every way to answer, and every filter.
pub(crate) fn vectors() -> Vec<Vector> {
    let mut all = ladder();
    all.extend(filters());
    all.extend(unknown());
    all
}

fn ladder() -> Vec<Vector> {
    vec![
        row("an exact history", ask(&[10, 20], 2), &[(50, 0.8, Table), (30, 0.2, Table)], &[10, 20]),
        row(
            "topped up from the suffix, then from the popular list, each cluster once",
            Question { history: vec![10, 20], ..Question::default() },
            &[(50, 0.8, Table), (30, 0.2, Table), (40, 0.6, Suffix), (10, 0.2, Suffix), (20, 0.6, Popular)],
            &[10, 20],
        ),
        row(
            "the order of a history matters",
            ask(&[20, 10], 3),
            &[(60, 1.0, Table), (40, 0.6, Table), (50, 0.2, Table)],
            &[20, 10],
        ),
        row("a pair that is not held", ask(&[30, 10], 2), &[(40, 0.8, Suffix), (20, 0.4, Suffix)], &[10]),
        row("a single cluster", ask(&[40], 1), &[(50, 0.4, Table)], &[40]),
        row("a single cluster that is not held", ask(&[60], 1), &[(10, 0.8, Popular)], &[]),
        row("no history", ask(&[], 2), &[(10, 0.8, Popular), (20, 0.6, Popular)], &[]),
        row("only the most recent clusters count", ask(&[30, 60, 10, 20], 1), &[(50, 0.8, Table)], &[10, 20]),
        row("repeats drop out", ask(&[20, 10, 20, 20], 1), &[(50, 0.8, Table)], &[10, 20]),
    ]
}

fn filters() -> Vec<Vector> {
    let pair = || Question { history: vec![10, 20], ..Question::default() };
    vec![
        row(
            "an excluded cluster makes room for the next",
            Question { exclude: vec![50, 7], limit: Some(2), ..pair() },
            &[(30, 0.2, Table), (40, 0.6, Suffix)],
            &[10, 20],
        ),
        row(
            "novel clusters only",
            Question { exclude_history: true, ..pair() },
            &[(50, 0.8, Table), (30, 0.2, Table), (40, 0.6, Suffix)],
            &[10, 20],
        ),
        row(
            "a lowest score",
            Question { min_score: Some(0.5), ..pair() },
            &[(50, 0.8, Table), (30, 0.6, Suffix), (40, 0.6, Suffix), (10, 0.8, Popular), (20, 0.6, Popular)],
            &[10, 20],
        ),
        row(
            "names",
            Question { names: true, limit: Some(2), history: vec![40, 20], ..Question::default() },
            &[(60, 0.2, Table), (30, 0.6, Suffix)],
            &[40, 20],
        ),
        row("nothing left", Question { exclude: vec![30, 20, 10], ..Question::default() }, &[], &[]),
    ]
}

fn unknown() -> Vec<Vector> {
    vec![
        Vector {
            ignored: &[999, 7],
            ..row(
                "no known cluster: each once, the most recent first",
                ask(&[999, 7, 999], 1),
                &[(10, 0.8, Popular)],
                &[],
            )
        },
        Vector {
            ignored: &[999],
            ..row("known ones among unknown", ask(&[10, 999, 20, 999], 1), &[(50, 0.8, Table)], &[10, 20])
        },
    ]
}

/// Every refusal of a question, against the limits of [`config`](super::config).
pub(crate) fn refusals() -> Vec<Refusal> {
    let refused = |about, question, code, says| Refusal { about, question, code, says };
    let wrong = Code::InvalidRequest;
    let scored = |min_score| Question { min_score: Some(min_score), ..Question::default() };
    vec![
        refused("no candidate wanted", ask(&[], 0), wrong, "`limit` is 0, expected 1 to 20"),
        refused("too many candidates", ask(&[], 21), wrong, "`limit` is 21, expected 1 to 20"),
        refused("a long history", ask(&[10; 9], 1), wrong, "`history` holds 9 entries, at most 8"),
        refused(
            "too many exclusions",
            Question { exclude: vec![1, 2, 3, 4, 5], ..Question::default() },
            wrong,
            "`exclude` holds 5 entries, at most 4",
        ),
        refused("a score above 1", scored(1.5), wrong, "`min_score` is 1.5"),
        refused("a score below 0", scored(-0.5), wrong, "`min_score` is -0.5"),
        refused(
            "no time at all",
            Question { timeout_ms: Some(0), ..Question::default() },
            Code::DeadlineExceeded,
            "the deadline of 0 ms passed",
        ),
    ]
}

/// A question for some candidates.
pub(crate) fn ask(history: &[u32], limit: u64) -> Question {
    Question { history: history.to_vec(), limit: Some(limit), ..Question::default() }
}

fn row(about: &'static str, question: Question, candidates: Candidates, matched: &'static [u32]) -> Vector {
    let source = candidates.first().map_or(Popular, |&(_, _, source)| source);
    Vector { about, question, candidates, source, matched, ignored: &[] }
}
