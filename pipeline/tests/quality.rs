//! A rehearsal is what it says: the release that would have been published then, answering as the service does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../tests/support/model.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod model;
mod support;

use std::path::{Path, PathBuf};

use segue::model::Model;
use segue::model::engine::Precision;
use segue::snapshot::catalogue::Catalogue;
use segue::snapshot::release::Release;
use segue_pipeline::blend::{BlendSettings, Blended, Ingredients, blend};
use segue_pipeline::build::CountSettings;
use segue_pipeline::candidates::choose::Choice;
use segue_pipeline::clusters::{CatalogueColumns, read_catalogue};
use segue_pipeline::examples::{AsOf, Counting, ExampleRules, Examples, Log};
use segue_pipeline::measure::{Bootstrap, Interval};
use segue_pipeline::progress::Progress;
use segue_pipeline::quality::{Quality, Rehearsal, Request, WEIGHTS, Weight, as_of_us, rehearse};
use segue_pipeline::read::{Columns, Decoder, EventReader, Format, Target, TimeUnit};
use segue_pipeline::refusals::{Policy, Refusals};
use segue_pipeline::sequence::Mode;
use segue_pipeline::sort::Sorter;
use support::{json, release_path};
use tempfile::TempDir;

/// Gives more requests than novel clusters alone would; the tiny model bars all of a history.
const MODE: Mode = Mode::Changes;

/// A log of which the last third is held out.
struct Site {
    dir: TempDir,
    log: Log,
    catalogue: Catalogue,
    as_of_us: i64,
    requests: Vec<Request>,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        json(dir.path(), "generate --events-count 1500 --users 60 --clusters 12 --months 4 --format csv --out .");
        let (catalogue, log) = read(dir.path());
        let (from_us, to_us) = log.span_us().unwrap();
        let as_of_us = from_us + (to_us - from_us) / 3 * 2;
        let requests = requests(&log, &catalogue);
        Self { dir, log, catalogue, as_of_us, requests }
    }

    /// Runs `visit` with the counts as of the start of the held-out time.
    fn with<R>(&self, visit: impl FnOnce(Rehearsal<'_>) -> R) -> R {
        let counting = counting();
        let mut as_of = AsOf::new(&self.log, &counting);
        as_of.advance(self.as_of_us);
        visit(Rehearsal {
            requests: &self.requests,
            as_of_us: self.as_of_us,
            catalogue: &self.catalogue,
            smoothed: as_of.smoothed(),
            model: None,
            choice: Choice { width: 8, seen_min: 1, mode: MODE },
            weight: Weight::Chosen,
            previous: None,
            bootstrap: Bootstrap { draws: 20, seed: 0 },
            dir: self.dir.path(),
        })
    }

    /// The whole release of a rehearsal's counts and, where it has one, its model at a weight.
    fn release(&self, rehearsal: &Rehearsal<'_>, weight: f64) -> (Release, Blended, PathBuf) {
        let counts = self.blended(rehearsal, None, 0.0);
        let counts_release = self.build(&counts.1);
        if rehearsal.model.is_none() {
            return (counts_release, counts.0, counts.1);
        }
        let line = format!(
            "infer --width 8 --model {} --release {} --out inferred",
            self.model().display(),
            counts_release.path().display()
        );
        json(self.dir.path(), &line);
        let (blended, dir) = self.blended(rehearsal, Some(&self.dir.path().join("inferred")), weight);
        (self.build(&dir), blended, dir)
    }

    fn blended(&self, rehearsal: &Rehearsal<'_>, candidates: Option<&Path>, weight: f64) -> (Blended, PathBuf) {
        let from = Ingredients { catalogue: &self.catalogue, smoothed: rehearsal.smoothed, candidates };
        let settings = BlendSettings { weight, choice: rehearsal.choice, part_rows: 50, memory_bytes: 1 << 20 };
        let out = self.dir.path().join(format!("blend-{weight}-{}", candidates.is_some()));
        (blend(&from, &settings, &out).unwrap(), out)
    }

    fn build(&self, candidates: &Path) -> Release {
        let store = candidates.with_extension("store");
        let flags = "--catalogue clusters.csv --width 8 --out";
        json(self.dir.path(), &format!("build --candidates {} {flags} {}", candidates.display(), store.display()));
        Release::load(&release_path(&store)).unwrap()
    }

    fn model(&self) -> PathBuf {
        let mut text = Vec::new();
        self.catalogue.write_jsonl(&mut text).unwrap();
        let version = segue::snapshot::manifest::Version::of_digest(&blake3::hash(&text));
        model::publish(self.dir.path(), &version, 12, 7).path
    }
}

#[test]
fn the_counts_rehearsed_answer_as_their_whole_release() {
    let site = Site::new();
    site.with(|rehearsal| {
        let (whole, blended, dir) = site.release(&rehearsal, 0.0);
        let rehearsal = Rehearsal { previous: Some(&whole), ..rehearsal };
        let rehearsed = rehearse(&rehearsal).unwrap();
        assert_eq!((rehearsed.weight, rehearsed.tried.len(), rehearsed.over_counts), (0.0, 0, None));
        check_same(&rehearsed.quality.of_blend((&blended, &dir), &rehearsal).unwrap(), &whole);
    });
}

#[test]
fn a_blend_rehearsed_answers_as_its_whole_release() {
    let site = Site::new();
    let model = Model::load(&site.model(), Precision::Full).unwrap();
    site.with(|rehearsal| {
        let rehearsal = Rehearsal { model: Some(&model), weight: Weight::Given(0.4), ..rehearsal };
        let (whole, blended, dir) = site.release(&rehearsal, 0.4);
        let rehearsal = Rehearsal { previous: Some(&whole), ..rehearsal };
        let rehearsed = rehearse(&rehearsal).unwrap();
        assert_eq!(rehearsed.weight, 0.4);
        assert_eq!(rehearsed.tried.iter().map(|tried| tried.weight).collect::<Vec<_>>(), [0.0, 0.4, 1.0]);
        assert!(rehearsed.over_counts.is_some() && rehearsed.over_model.is_some());
        let quality = rehearsed.quality.of_blend((&blended, &dir), &rehearsal).unwrap();
        check_same(&quality, &whole);
        assert_eq!((quality.release.exact.measured, quality.made.unwrap().match_rate), (1.0, 1.0));
    });
}

/// Whether a rehearsed release did exactly as the whole one, which stood beside it as the previous release.
#[track_caller]
fn check_same(quality: &Quality, whole: &Release) {
    assert_eq!(quality.previous, Some(quality.release));
    assert_eq!(quality.over_previous, Some(Interval::default()));
    let agreement = quality.agreement.unwrap();
    assert_eq!((agreement.top_1.measured, agreement.jaccard_5.measured), (1.0, 1.0));
    let made = quality.made.unwrap();
    assert_eq!(Some(made.histories), made.previous_histories);
    let table = std::fs::metadata(whole.path().join("table.segue")).unwrap().len();
    assert!(made.table_bytes <= table && table < made.table_bytes + 2_000, "{} {table}", made.table_bytes);
    assert!(quality.release.figures.measured.hit_5 > 0.0 && quality.requests > 100 && quality.users > 10);
}

/// The best weight is that of the best figures, and all were tried.
#[test]
fn the_weight_is_chosen_by_what_came() {
    let site = Site::new();
    let model = Model::load(&site.model(), Precision::Full).unwrap();
    site.with(|rehearsal| {
        let rehearsed = rehearse(&Rehearsal { model: Some(&model), ..rehearsal }).unwrap();
        assert_eq!(rehearsed.tried.iter().map(|tried| tried.weight).collect::<Vec<_>>(), WEIGHTS);
        let best = rehearsed.tried.iter().map(|tried| tried.figures.ndcg_10).fold(0.0, f64::max);
        // Summed by user here and by request there.
        assert!((rehearsed.quality.release.figures.measured.ndcg_10 - best).abs() < 1e-9);
        let of_best = rehearsed.tried.iter().find(|tried| tried.figures.ndcg_10 == best).unwrap();
        assert_eq!(rehearsed.weight, of_best.weight, "of equals the smaller");
        assert!(rehearsed.over_counts.unwrap().measured.ndcg_10 >= 0.0);
    });
}

/// What came next decides whether an answer was right, and nothing of the answer.
#[test]
fn nothing_held_out_reaches_an_answer() {
    let site = Site::new();
    let ids: Vec<u32> = site.catalogue.clusters().iter().map(|cluster| cluster.id).collect();
    let mut planted = site.requests.clone();
    for request in &mut planted {
        request.next =
            ids.iter().copied().find(|id| !request.history.contains(id) && *id != request.next).unwrap_or(request.next);
    }
    site.with(|rehearsal| {
        let [as_it_was, planted] =
            [&site.requests, &planted].map(|requests| rehearse(&Rehearsal { requests, ..rehearsal }).unwrap().quality);
        assert_ne!(as_it_was.release.figures, planted.release.figures);
        let answered = |quality: &Quality| {
            [quality.release.catalogue_coverage, quality.release.gini, quality.release.surprise_bits.measured]
        };
        assert_eq!(answered(&as_it_was), answered(&planted));
    });
}

#[test]
fn only_what_was_held_out_counts() {
    let site = Site::new();
    site.with(|rehearsal| {
        let (previous, ..) = site.release(&rehearsal, 0.0);
        let whole = rehearse(&rehearsal).unwrap().quality.requests;
        let held = site.requests.iter().filter(|request| request.time_us >= site.as_of_us).count() as u64;
        assert_eq!(whole, held);
        // Counted to the end, it had seen them all: then it is no measure.
        let seen = data_until(&previous, i64::MAX / 1_000_001);
        let quality = rehearse(&Rehearsal { previous: Some(&seen), ..rehearsal }).unwrap().quality;
        assert_eq!((quality.requests, quality.previous, quality.over_previous), (whole, None, None));
        // It had seen some of them: the others count.
        let later_us = site.as_of_us + 5 * 86_400_000_000;
        let some = data_until(&previous, later_us / 1_000_000);
        let quality = rehearse(&Rehearsal { previous: Some(&some), ..rehearsal }).unwrap().quality;
        let new =
            site.requests.iter().filter(|request| request.time_us / 1_000_000 > later_us / 1_000_000).count() as u64;
        assert!(quality.requests == new && new < whole && quality.previous.is_some(), "{new} of {whole}");
        // From the first day on that it had not seen, where enough came since.
        let day_us = 86_400_000_000;
        let first_new_us = (later_us.div_euclid(day_us) + 1) * day_us;
        for (from_us, previous, expected) in [
            (site.as_of_us, Some(&some), first_new_us),
            (first_new_us + 1, Some(&some), first_new_us + 1),
            (site.as_of_us, Some(&seen), site.as_of_us),
            (site.as_of_us, None, site.as_of_us),
        ] {
            assert_eq!(as_of_us(&site.requests, from_us, previous), expected);
        }
        let error = rehearse(&Rehearsal { as_of_us: i64::MAX, ..rehearsal }).unwrap_err().to_string();
        assert!(error.contains("hold out more days"), "{error}");
    });
}

#[test]
fn every_figure_has_a_flat_name() {
    let site = Site::new();
    site.with(|rehearsal| {
        let (previous, blended, dir) = site.release(&rehearsal, 0.0);
        let rehearsal = Rehearsal { previous: Some(&previous), ..rehearsal };
        let quality = rehearse(&rehearsal).unwrap().quality.of_blend((&blended, &dir), &rehearsal).unwrap();
        let named = quality.named();
        let flat =
            |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        assert!(named.iter().all(|(name, figure)| flat(name) && figure.is_finite()), "{named:?}");
        for (name, expected) in [
            ("hit_5", quality.release.figures.measured.hit_5),
            ("hit_5_low", quality.release.figures.low.hit_5),
            ("previous_ndcg_10_high", quality.previous.unwrap().figures.high.ndcg_10),
            ("over_popularity_mrr_10", quality.over_popularity.measured.mrr),
            ("popularity_gini", quality.popularity.gini),
            ("agreement_top_1", 1.0),
            ("match_rate", 1.0),
            ("heldout_requests", quality.requests as f64),
        ] {
            assert_eq!(named.get(name), Some(&expected), "{name}");
        }
    });
}

/// The same release, told that its data ended then.
fn data_until(release: &Release, to_s: i64) -> Release {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(release.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let mut manifest = release.manifest().clone();
    let to_unix_s = u64::try_from(to_s).unwrap();
    manifest.provenance.data_window = Some(segue::snapshot::manifest::DataWindow { from_unix_s: 0, to_unix_s });
    std::fs::write(dir.path().join("manifest.json"), manifest.to_json()).unwrap();
    Release::load_as(dir.path(), &manifest.version).unwrap()
}

fn counting() -> Counting {
    let count = CountSettings {
        mode: MODE,
        gap_days: None,
        window_days: None,
        half_life_days: None,
        smoothing: vec![10.0],
        seen_min: 1,
        users_min: 1,
        user_day_max: None,
    };
    Counting { count, depth: 2, width: 8 }
}

/// All examples of a log, by cluster id.
fn requests(log: &Log, catalogue: &Catalogue) -> Vec<Request> {
    let examples = Examples::new(log, &ExampleRules { rules: counting().rules(), ..ExampleRules::default() });
    let id = |index: &u32| catalogue.id_at(*index).unwrap();
    let request = |example: segue_pipeline::examples::Example<'_>| Request {
        user: u64::from(example.user),
        time_us: example.time_us,
        history: example.history.iter().map(id).collect(),
        next: id(&example.next),
    };
    examples.iter(0..examples.len()).map(request).collect()
}

fn read(dir: &Path) -> (Catalogue, Log) {
    let name = |name: &str| name.to_owned();
    let columns = CatalogueColumns { id: name("cluster"), name: name("name"), keywords: None, parent: None };
    let catalogue = read_catalogue(&dir.join("clusters.csv"), &columns).unwrap();
    let columns = Columns { user: name("user"), time: name("ts"), target: name("cluster"), weight: None };
    let decoder = Decoder::new(&catalogue, Target::Cluster, TimeUnit::default());
    let (refusals, sorter) = (Refusals::new(Policy::Strict), Sorter::new(dir, usize::MAX));
    let mut reader = EventReader::new(&columns, decoder, refusals, sorter);
    reader.read(&dir.join("events.csv"), Format::Csv, &Progress::hidden()).unwrap();
    let log = Log::collect(reader.finish(), catalogue.len() as u32).unwrap();
    (catalogue, log)
}
