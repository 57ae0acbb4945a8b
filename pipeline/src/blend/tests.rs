//! The blend against a naive one, and what must not change its bytes.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use segue::snapshot::catalogue::Cluster;

use super::*;
use crate::candidates::Candidates;
use crate::candidates::file::CandidatesFile;
use crate::count::Counter;
use crate::decay::Decay;
use crate::sequence::{Mode, Step};
use crate::smooth::Constants;

const CLUSTERS: u32 = 6;
const MODES: [Mode; 3] = [Mode::Distinct, Mode::Changes, Mode::Raw];

fn smoothed(sequences: &[Vec<u32>], mode: Mode) -> Smoothed {
    let mut counter = Counter::new(CLUSTERS, 2, Decay::new(0, None));
    for (user, sequence) in (0..).zip(sequences) {
        let mut steps: Vec<Step> = sequence.iter().map(|cluster| Step { cluster: *cluster, time_us: 0 }).collect();
        match mode {
            Mode::Distinct => {
                let mut met = Vec::new();
                steps.retain(|step| {
                    !met.contains(&step.cluster) && {
                        met.push(step.cluster);
                        true
                    }
                });
            }
            Mode::Changes => steps.dedup(),
            Mode::Raw => {}
        }
        counter.add(user, &steps);
    }
    Smoothed::new(counter.finish(), &Constants::new(&[3.0], 2))
}

fn catalogue() -> Catalogue {
    let cluster = |id| Cluster { id, name: format!("c{id}"), keywords: Vec::new(), parent: None };
    Catalogue::new((0..CLUSTERS).map(|index| cluster(index * 10)).collect()).unwrap()
}

fn choice(width: u8, mode: Mode) -> Choice {
    Choice { width, seen_min: 1, mode }
}

/// Every cluster's score by the formula, word by word; what is not on the list has nothing of the model's.
fn naive(mixer: &Mixer<'_>, history: &[u32], model: &[(u32, f32)]) -> BTreeMap<u32, f64> {
    let barred = mixer.choice.mode.barred(history);
    let allowed: Vec<u32> = (0..CLUSTERS).filter(|cluster| !barred.contains(cluster)).collect();
    let counted = |cluster: u32| mixer.smoothed.probability(history.len(), mixer.key(history), cluster);
    let counted_total: f64 = allowed.iter().map(|cluster| counted(*cluster)).sum();
    let listed =
        |cluster: u32| model.iter().find(|(other, _)| *other == cluster).map_or(0.0, |(_, score)| f64::from(*score));
    let listed_total: f64 = allowed.iter().map(|cluster| listed(*cluster)).sum();
    let score = |cluster: u32| {
        let counts = if counted_total > 0.0 { counted(cluster) / counted_total } else { 0.0 };
        mixer.weight * listed(cluster) / listed_total.max(1.0) + (1.0 - mixer.weight) * counts
    };
    allowed.iter().map(|cluster| (*cluster, score(*cluster))).collect()
}

/// A list of different clusters with scores from 0 to 1, best first.
fn lists() -> impl Strategy<Value = Vec<(u32, f32)>> {
    let scores =
        prop::collection::btree_map(0..CLUSTERS, prop_oneof![Just(0.25_f32), 0.0_f32..=1.0], 0..=CLUSTERS as usize);
    scores.prop_map(|scores| {
        let mut list: Vec<(u32, f32)> = scores.into_iter().collect();
        list.sort_by(|left, right| right.1.total_cmp(&left.1));
        list
    })
}

fn sequences() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0..CLUSTERS, 2..9), 0..8)
}

proptest! {
    #[test]
    fn a_row_is_the_best_of_the_naive_blend(
        sequences in sequences(),
        history in prop::collection::vec(0..CLUSTERS, 1..=2),
        model in lists(),
        (weight, width, mode) in (prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64], 1..=7_u8, prop::sample::select(&MODES)),
    ) {
        let smoothed = smoothed(&sequences, mode);
        let mixer = Mixer { smoothed: &smoothed, choice: choice(width, mode), weight };
        let row = mixer.row(&history, Some(&model));
        let barred = mode.barred(&history);
        if model.iter().all(|(cluster, _)| barred.contains(cluster)) {
            prop_assert_eq!(row, mixer.choice.row(&smoothed, history.len(), mixer.key(&history)));
            return Ok(());
        }
        let expected = naive(&mixer, &history, &model);
        let mut best: Vec<(u32, f64)> = expected.iter().map(|(cluster, score)| (*cluster, *score)).filter(|(_, score)| *score > 0.0).collect();
        best.sort_by(|left, right| right.1.total_cmp(&left.1));
        prop_assert_eq!(row.candidates.len(), best.len().min(usize::from(width)));
        for ((cluster, score), (_, wanted)) in row.candidates.iter().zip(best) {
            // Of nearly equal scores either may stand here: both are summed in another order.
            prop_assert!((f64::from(*score) - wanted).abs() < 1e-6, "{score} {wanted}");
            prop_assert!((f64::from(*score) - expected[cluster]).abs() < 1e-6 && (0.0..=1.0).contains(score));
        }
        prop_assert!(row.candidates.is_sorted_by(|left, right| left.1 >= right.1));
    }

    /// What is equal goes by popularity, then by index, whatever the order of the list.
    #[test]
    fn ties_do_not_depend_on_the_lists_order(sequences in sequences(), clusters in Just((0..CLUSTERS).collect::<Vec<_>>()).prop_shuffle()) {
        let smoothed = smoothed(&sequences, Mode::Raw);
        let mixer = Mixer { smoothed: &smoothed, choice: choice(6, Mode::Raw), weight: 1.0 };
        let model: Vec<(u32, f32)> = clusters.into_iter().map(|cluster| (cluster, 0.1)).collect();
        let found: Vec<u32> = mixer.row(&[3], Some(&model)).candidates.into_iter().map(|(cluster, _)| cluster).collect();
        prop_assert_eq!(found, smoothed.popular.clone());
    }
}

#[test]
fn worked_rows() {
    // After 1 came 2 twice and 3 once. P(2 | 1) = (2 + 3 P(2)) / 6 and so on, with P = (3, 4, 3, 1) / 11 for 0, 1, 2 and 3.
    let smoothed = smoothed(&[vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 3], vec![1, 2]][..3], Mode::Distinct);
    let row = |history: &[u32], model: Option<&[(u32, f32)]>, weight: f64| {
        let row = Mixer { smoothed: &smoothed, choice: choice(3, Mode::Distinct), weight }.row(history, model);
        row.candidates.into_iter().map(|(cluster, _)| cluster).collect::<Vec<_>>()
    };
    assert_eq!(row(&[1], None, 0.5), [2, 3, 0], "the counts alone");
    assert_eq!(row(&[1], Some(&[(5, 0.9), (4, 0.05)]), 0.5), [5, 2, 3], "both");
    assert_eq!(row(&[1], Some(&[(5, 0.9), (4, 0.05)]), 1.0), [5, 4], "the model alone");
    assert_eq!(row(&[1], Some(&[(1, 0.9)]), 1.0), [2, 3, 0], "only what is barred was given");
    assert_eq!(row(&[4, 5], Some(&[(3, 0.9)]), 0.9), [3, 0, 1], "a history that was never counted");
    assert_eq!(row(&[], Some(&[(5, 0.9)]), 1.0), [0, 1, 2], "the popular list is the counts'");
    let scaled = Mixer { smoothed: &smoothed, choice: choice(3, Mode::Distinct), weight: 1.0 };
    assert_eq!(scaled.row(&[1], Some(&[(5, 0.9), (4, 0.9)])).candidates, [(4, 0.5), (5, 0.5)]);
    let nothing = self::smoothed(&[], Mode::Distinct);
    let uncounted = Mixer { smoothed: &nothing, choice: choice(3, Mode::Distinct), weight: 0.3 };
    assert_eq!(uncounted.row(&[], Some(&[(5, 0.9)])).candidates, [(5, 0.9)]);
    assert!(uncounted.row(&[], None).candidates.is_empty());
}

/// Clusters with their scores.
type List = Vec<(u32, f32)>;

/// A history and the model's list.
type Listed<'a> = (&'a [u32], &'a [(u32, f32)]);

/// A directory with a candidates file of these rows.
fn given(rows: &[Listed<'_>]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = catalogue();
    let mut file = CandidatesFile::create(dir.path(), &catalogue).unwrap();
    for (history, candidates) in rows {
        file.push(&Candidates { history: history.to_vec(), candidates: candidates.to_vec() }).unwrap();
    }
    let path = file.finish().unwrap();
    (dir, path)
}

fn settings(part_rows: u32) -> BlendSettings {
    BlendSettings { weight: 0.5, choice: choice(4, Mode::Changes), part_rows, memory_bytes: 1 << 20 }
}

fn written(blended: &Blended, dir: &Path) -> Vec<Candidates> {
    let mut rows = Vec::new();
    rows_of(blended, dir, &catalogue(), |row| rows.push(row)).unwrap();
    rows
}

#[test]
fn every_history_of_either_has_one_row_in_a_releases_order() {
    let smoothed = smoothed(&[vec![0, 1, 2], vec![2, 1, 3]], Mode::Changes);
    let rows: [Listed<'_>; 4] =
        [(&[5, 4], &[(1, 0.5)]), (&[1], &[(4, 0.5)]), (&[5], &[(0, 0.4), (5, 0.2)]), (&[1], &[(2, 0.5)])];
    let (dir, path) = given(&rows);
    let catalogue = catalogue();
    let from = Ingredients { catalogue: &catalogue, smoothed: &smoothed, candidates: Some(&path) };
    let out = dir.path().join("blend");
    let blended = blend(&from, &settings(2), &out).unwrap();
    let found = written(&blended, &out);
    let histories: Vec<&[u32]> = found.iter().map(|row| row.history.as_slice()).collect();
    let expected: [&[u32]; 7] = [&[], &[0], &[1], &[2], &[5], &[0, 1], &[2, 1]];
    assert_eq!(histories, [&expected[..], &[&[5, 4]]].concat());
    assert_eq!(blended.rows, [1, 4, 3, 0]);
    assert_eq!((blended.rows_of_model, blended.rows_of_counts), (2, 4));
    assert_eq!((blended.given, blended.matched, blended.refused, blended.match_rate()), (5, 5, 1, 1.0));
    assert_eq!(blended.parts.len(), 4);
    assert!(found[2].candidates.iter().any(|(cluster, _)| *cluster == 4), "the first of two rows stands");
    assert_eq!(report::blended(&out).unwrap(), Some(blended));
}

#[test]
fn what_the_catalogue_does_not_have_is_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let lines = r#"{"history":[10],"candidates":[{"cluster":20,"score":0.5},{"cluster":21,"score":0.4},{"cluster":-1,"score":0.3}]}
{"history":[11],"candidates":[{"cluster":20,"score":0.5}]}
{"history":[30],"candidates":[{"cluster":7,"score":0.5}]}
{"history":[30],"candidates":[{"cluster":40,"score":1.5}]}
nothing"#;
    let path = dir.path().join("given.jsonl");
    fs::write(&path, lines).unwrap();
    let (smoothed, catalogue) = (smoothed(&[vec![0, 1]], Mode::Changes), catalogue());
    let from = Ingredients { catalogue: &catalogue, smoothed: &smoothed, candidates: Some(&path) };
    let blended = blend(&from, &settings(9), &dir.path().join("blend")).unwrap();
    assert_eq!((blended.given, blended.matched, blended.refused), (6, 3, 4));
    assert_eq!(blended.match_rate(), 0.5);
    assert_eq!(blended.rows, [1, 2, 0, 0]);
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_on_what_lay_there() {
    let sequences: Vec<Vec<u32>> =
        (0..60).map(|at| (0..5).map(|step| (at * 7 + step * step * 5 + step) % CLUSTERS).collect()).collect();
    let (smoothed, catalogue) = (smoothed(&sequences, Mode::Changes), catalogue());
    let rows: Vec<(Vec<u32>, List)> =
        (0..36).rev().map(|at| (vec![at / 6, at % 6], vec![(at % 5, 0.5), (5, 0.1)])).collect();
    let borrowed: Vec<Listed<'_>> = rows.iter().map(|(history, list)| (history.as_slice(), list.as_slice())).collect();
    let (dir, path) = given(&borrowed);
    let from = Ingredients { catalogue: &catalogue, smoothed: &smoothed, candidates: Some(&path) };
    let files = |threads: usize, memory_bytes: usize, name: &str| {
        let out = dir.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| blend(&from, &BlendSettings { memory_bytes, ..settings(4) }, &out)).unwrap();
        let entries = fs::read_dir(&out).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect::<BTreeMap<_, _>>()
    };
    let one = files(1, 1 << 20, "one");
    assert_eq!(one.len(), 12);
    assert_eq!(one, files(3, 64, "three"));
    fs::write(dir.path().join("one/part-000099.parquet"), b"of an earlier blend").unwrap();
    assert_eq!(one, files(2, 1 << 20, "one"));
}

#[test]
fn without_a_model_the_rows_are_the_counts_own() {
    let (smoothed, catalogue) = (smoothed(&[vec![0, 1, 2, 0], vec![2, 1, 3]], Mode::Changes), catalogue());
    let dir = tempfile::tempdir().unwrap();
    let from = Ingredients { catalogue: &catalogue, smoothed: &smoothed, candidates: None };
    let settings = settings(3);
    let blended = blend(&from, &settings, dir.path()).unwrap();
    assert_eq!(written(&blended, dir.path()), settings.choice.rows(&smoothed).collect::<Vec<_>>());
    assert_eq!((blended.job, blended.rows_of_model, blended.given), (None, 0, 0));
}

#[test]
fn nothing_to_blend_and_no_weight_are_refused() {
    let (smoothed, catalogue) = (smoothed(&[], Mode::Changes), catalogue());
    let dir = tempfile::tempdir().unwrap();
    let from = Ingredients { catalogue: &catalogue, smoothed: &smoothed, candidates: None };
    for (weight, expected) in [(0.5, "nothing to blend"), (1.5, "expected 0 to 1"), (f64::NAN, "expected 0 to 1")] {
        let error = blend(&from, &BlendSettings { weight, ..settings(3) }, dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(report::blended(dir.path()).unwrap(), None);
}
