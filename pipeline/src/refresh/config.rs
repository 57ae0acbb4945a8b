//! `refresh.toml` becomes [`RefreshSettings`], or every problem at once.
//!
//! Each key is named here and nowhere else; a key that is not named here is refused.

use std::path::Path;

use anyhow::Context;
use segue::model::engine::Precision;
use segue::snapshot::manifest::Version;

mod fields;
mod gates;
mod input;
pub mod problem;

use fields::{Fields, Section};
use problem::ConfigError;

use super::settings::{
    CountingSettings, ModelSettings, OutputSettings, PrivacySettings, PublishSettings, QualitySettings,
    RefreshSettings, WeighSettings,
};
use crate::infer::plan::PART_ROWS;
use crate::privacy::Privacy;

/// Two weeks of runs, several a week, with some to spare.
const RUNS_KEPT: usize = 20;
/// The method's.
const DEPTH: u8 = 2;
/// A user who does more in a day is a crawler or a shared account.
const USER_DAY_MAX: u32 = 100;
/// Worth measuring on real logs; smoothing by 50 events won on most.
const SMOOTHING: f64 = 50.0;
/// A history and its next cluster are told of no fewer people.
const USERS_MIN: u32 = 5;
/// The arithmetic is fastest at this many rows, see `infer --help`.
const BATCH: u64 = 16;
/// One cache line of candidates.
const WIDTH: u8 = 15;
/// A week holds every weekday once.
const HOLDOUT_DAYS: u32 = 7;
/// A century: more is a slip.
const DAYS_MAX: u64 = 36_525;
/// Where most stores have one channel only.
const CHANNEL: &str = "main";

/// Reads a configuration; paths in it are relative to its directory.
///
/// # Errors
/// When the file cannot be read; a [`ConfigError`] with all that is wrong in it.
pub fn read(path: &Path) -> anyhow::Result<RefreshSettings> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let dir = path.parent().unwrap_or(Path::new(""));
    parse(&text, dir).map_err(|problems| ConfigError { path: path.to_owned(), problems }.into())
}

/// The same of a text.
///
/// # Errors
/// Every problem, by line.
pub fn parse(text: &str, dir: &Path) -> Result<RefreshSettings, Vec<problem::Problem>> {
    let mut fields = Fields::new(text, dir);
    let settings = settings(&mut fields);
    fields.refuse_the_rest();
    if fields.problems.is_empty() { Ok(settings) } else { Err(fields.problems) }
}

/// Every key there is, as `section.key`.
pub fn keys() -> Vec<String> {
    let mut fields = Fields::new("", Path::new(""));
    settings(&mut fields);
    fields.asked
}

fn settings(fields: &mut Fields<'_>) -> RefreshSettings {
    let mut refresh = fields.section("refresh");
    let state = refresh.required_path("state", "a directory for what is kept between runs");
    let runs_kept = refresh.whole("runs_kept", (1, 10_000)).map_or(RUNS_KEPT, |runs| runs as usize);
    RefreshSettings {
        state,
        runs_kept,
        input: input::input(fields),
        count: count(fields.section("count")),
        weigh: weigh(fields.section("weigh")),
        privacy: privacy(fields.section("privacy")),
        model: model(fields.section("model")),
        quality: quality(fields.section("quality")),
        gates: gates::gates(fields.section("gates")),
        release: release(fields.section("release")),
        publish: publish(fields.section("publish")),
    }
}

fn count(mut section: Section<'_, '_>) -> CountingSettings {
    CountingSettings {
        mode: section.word("mode").unwrap_or_default(),
        gap_days: days(&mut section, "gap_days"),
        ties: section.word("ties").unwrap_or_default(),
        depth: section.whole("depth", (1, 3)).map_or(DEPTH, |depth| depth as u8),
        user_day_max: section.whole("user_day_max", (1, u64::from(u32::MAX))).map_or(USER_DAY_MAX, |max| max as u32),
        request_users_share: section
            .number("request_users_share", "a share from 0 to 1", |share| (0.0..=1.0).contains(&share))
            .unwrap_or(1.0),
    }
}

fn weigh(mut section: Section<'_, '_>) -> WeighSettings {
    WeighSettings {
        window_days: section.whole("window_days", (1, DAYS_MAX)).map(|days| days as u32),
        half_life_days: days(&mut section, "half_life_days"),
        smoothing: section.numbers("smoothing").unwrap_or_else(|| vec![SMOOTHING]),
        seen_min: section.whole("min_count", (1, u64::MAX)).unwrap_or(1),
    }
}

fn days(section: &mut Section<'_, '_>, key: &'static str) -> Option<f64> {
    section.number(key, "a number of days above 0", |days| days > 0.0)
}

fn privacy(mut section: Section<'_, '_>) -> PrivacySettings {
    let users_min = section.whole("users_min", (1, u64::from(u32::MAX))).map_or(USERS_MIN, |users| users as u32);
    let given = (section.has("epsilon"), section.has("delta"));
    let epsilon = section.number("epsilon", "a number above 0", |epsilon| epsilon > 0.0);
    let delta = section.number("delta", "a number above 0 and below 1", |delta| delta > 0.0 && delta < 1.0);
    if given.0 != given.1 {
        section.clash("epsilon, delta", "both or neither");
    }
    let noise = epsilon.zip(delta).map(|(epsilon, delta)| Privacy { epsilon, delta });
    PrivacySettings { users_min, noise }
}

fn model(mut section: Section<'_, '_>) -> Option<ModelSettings> {
    let dir = section.path("dir");
    let precision = |value: &toml::Value| match value.as_str()? {
        "full" => Some(Precision::Full),
        "quantised" => Some(Precision::Quantised),
        _ => None,
    };
    let precision = section.take("precision", "one of full, quantised", precision).unwrap_or(Precision::Full);
    let batch = section.whole("batch", (1, 4096)).unwrap_or(BATCH) as usize;
    let part_rows = section.whole("part_rows", (1, u64::from(u32::MAX))).map_or(PART_ROWS, |rows| rows as u32);
    let weight = section.number("weight", "a share from 0 to 1", |share| (0.0..=1.0).contains(&share));
    dir.map(|dir| ModelSettings { dir, precision, batch, part_rows, weight })
}

fn quality(mut section: Section<'_, '_>) -> QualitySettings {
    QualitySettings {
        holdout_days: section.whole("holdout_days", (0, DAYS_MAX)).map_or(HOLDOUT_DAYS, |days| days as u32),
    }
}

fn release(mut section: Section<'_, '_>) -> OutputSettings {
    OutputSettings {
        width: section.whole("width", (1, 64)).map_or(WIDTH, |width| width as u8),
        version: version(&mut section, "version"),
        created_unix_s: section.whole("created_unix_s", (0, i64::MAX as u64)),
        citation: section.text("citation"),
    }
}

fn publish(mut section: Section<'_, '_>) -> PublishSettings {
    let channel = version(&mut section, "channel");
    PublishSettings {
        to: section.required_place("to", "a directory, or a URL such as s3://bucket/prefix"),
        channel: channel.or_else(|| CHANNEL.parse().ok()).expect("the default is a name"),
        activate: section.switch("activate").unwrap_or(true),
    }
}

fn version(section: &mut Section<'_, '_>, key: &'static str) -> Option<Version> {
    section.take(key, "a name of letters, digits, `.`, `_` and `-`", |value| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests;
