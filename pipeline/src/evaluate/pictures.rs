//! The pictures of a mode: who is better, month by month, and what freshness and memory are worth.
//!
//! A contender has one colour in all of them. What was tried stands evenly spaced, whatever its days.

use super::contenders::{Family, WEEK_DAYS};
use super::figures::{AgeFigures, ContenderFigures, ModeFigures, hit_5};
use super::reference;
use crate::page::palette::{Colour, GREY, SERIES};
use crate::page::{ChartError, Dot, Dots, Line, Lines, Point, Tick};

/// What the figures of all pictures are.
const HIT_5: &str = "hit@5: share of requests whose answer is among the first five";

/// A picture with its file's name and what it shows.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Such as `changes-months`, without its extension.
    pub name: String,
    /// The picture.
    pub svg: String,
    /// What it shows.
    pub caption: String,
}

/// All pictures of a mode.
///
/// # Errors
/// When one cannot be drawn.
pub fn pictures(mode: &ModeFigures) -> Result<Vec<Picture>, ChartError> {
    let picture = |name: &str, svg: String, caption: &str| Picture {
        name: format!("{}-{name}", mode.mode),
        svg,
        caption: caption.to_owned(),
    };
    let mut pictures = vec![
        picture(
            "contenders",
            contenders(mode).svg()?,
            "Each dot is a contender's hit@5 on all requests, its bar the 95 % interval over users. Contenders answer the same requests, so two bars that overlap may still differ surely: the table below has the differences.",
        ),
        picture(
            "months",
            months(mode).svg()?,
            "hit@5 month by month, for what is refreshed weekly and what is not refreshed at all.",
        ),
    ];
    if mode.refreshed(Family::Smoothed, WEEK_DAYS).is_some() {
        pictures.push(picture("cadence", cadence(mode).svg()?, &cadence_caption(mode)));
    }
    if !mode.windows.is_empty() {
        pictures.push(picture("memory", memory(mode).svg()?, "hit@5 of smoothed counts, refreshed weekly, when only so many days count, and when an event counts half after so many days."));
    }
    Ok(pictures)
}

/// The colour of a family.
pub(super) const fn colour(family: Family) -> Colour {
    match family {
        Family::Reference => GREY,
        Family::Unretrieved => SERIES[4],
        Family::Retrieved => SERIES[0],
        Family::Smoothed => SERIES[2],
        Family::Hybrid => SERIES[1],
    }
}

fn contenders(mode: &ModeFigures) -> Dots {
    let told = |contender: &&ContenderFigures| matches!(contender.every_days, None | Some(1 | WEEK_DAYS));
    let mut shown: Vec<&ContenderFigures> = mode.contenders.iter().filter(told).collect();
    shown.sort_by(|left, right| right.hit_5().total_cmp(&left.hit_5()));
    let dot = |contender: &ContenderFigures| Dot {
        name: contender.name.clone(),
        colour: colour(contender.family),
        range: hit_5(&contender.figures),
    };
    Dots { x_name: HIT_5.to_owned(), dots: shown.into_iter().map(dot).collect(), mark: None }
}

fn months(mode: &ModeFigures) -> Lines {
    let named = |name: &str| mode.contenders.iter().find(|contender| contender.name == name);
    let weekly = |family: Family| mode.refreshed(family, WEEK_DAYS);
    let shown = [
        ("popularity", GREY, named(reference::NAMES[0])),
        ("pair of last month", SERIES[7], named(reference::NAMES[1])),
        ("last cluster", SERIES[3], named(reference::NAMES[3])),
        ("smoothed", colour(Family::Smoothed), weekly(Family::Smoothed)),
        ("fixed mapping", colour(Family::Unretrieved), mode.family(Family::Unretrieved).next()),
        ("retrieval", colour(Family::Retrieved), weekly(Family::Retrieved)),
        ("hybrid", colour(Family::Hybrid), weekly(Family::Hybrid)),
    ];
    let line = |(name, colour, contender): (&str, Colour, Option<&ContenderFigures>)| {
        let hits = (0..).zip(&contender?.hit_5_by_month);
        let points = hits.map(|(at, hit_5)| Point::exact(f64::from(at), *hit_5)).collect();
        Some(Line { name: name.to_owned(), colour, points })
    };
    let ticks = (0..).zip(&mode.months).map(|(at, month)| Tick { at: f64::from(at), name: month.name.clone() });
    Lines {
        x_name: "month of the request".to_owned(),
        y_name: HIT_5.to_owned(),
        ticks: ticks.collect(),
        lines: shown.into_iter().filter_map(line).collect(),
    }
}

fn cadence(mode: &ModeFigures) -> Lines {
    let mut cadences: Vec<i32> = mode.family(Family::Smoothed).filter_map(|one| one.every_days).collect();
    cadences.sort_unstable();
    let line = |family: Family| {
        let points = (0..)
            .zip(&cadences)
            .filter_map(|(at, days)| Some(Point::exact(f64::from(at), mode.refreshed(family, *days)?.hit_5())));
        Line { name: family.word().to_owned(), colour: colour(family), points: points.collect() }
    };
    let lines = [Family::Smoothed, Family::Retrieved, Family::Hybrid].map(line);
    let ticks = (0..).zip(&cadences).map(|(at, days)| Tick { at: f64::from(at), name: days.to_string() });
    Lines {
        x_name: "days between two refreshes".to_owned(),
        y_name: HIT_5.to_owned(),
        ticks: ticks.collect(),
        lines: lines.into_iter().filter(|line| !line.points.is_empty()).collect(),
    }
}

/// What stands under the cadences: what comes of never refreshing at all, too low to share their picture.
fn cadence_caption(mode: &ModeFigures) -> String {
    let families = [Family::Smoothed, Family::Retrieved, Family::Hybrid].into_iter();
    let once = families.filter_map(|family| mode.family(family).find(|one| one.every_days.is_none()));
    let once: Vec<String> = once.map(|one| format!("{} {:.3}", one.family.word(), one.hit_5())).collect();
    format!(
        "hit@5 by the days between two refreshes of the table. The models' weights are a month's everywhere. Computed once, before the first month, \
         and never again: {}.",
        once.join(", ")
    )
}

fn memory(mode: &ModeFigures) -> Lines {
    let name = |age: &AgeFigures| age.days.map_or_else(|| "all".to_owned(), |days| days.to_string());
    let ticks = (0..).zip(&mode.windows).map(|(at, age)| Tick { at: f64::from(at), name: name(age) });
    let line = |(name, colour, tried): (&str, Colour, &[AgeFigures])| {
        let points = (0..).zip(tried).map(|(at, age)| Point::exact(f64::from(at), hit_5(&age.figures)[0]));
        Line { name: name.to_owned(), colour, points: points.collect() }
    };
    Lines {
        x_name: "days".to_owned(),
        y_name: HIT_5.to_owned(),
        ticks: ticks.collect(),
        lines: [("window", SERIES[3], &mode.windows[..]), ("half-life", SERIES[2], &mode.half_lives)].map(line).into(),
    }
}
