//! The loss curve as a picture: `loss.svg` in the run's directory, drawn from the journal alone.

use std::path::Path;

use anyhow::anyhow;
use plotters::prelude::*;

use super::journal::Entry;

/// The file's name.
pub const CURVE: &str = "loss.svg";

const SIZE_PX: (u32, u32) = (960, 540);
/// How much of the running mean of a batch's loss each step leaves: batches are small and their losses jump.
const SMOOTHING: f64 = 0.95;

/// Draws the loss of the batches (smoothed) and of the validations.
///
/// # Errors
/// When the picture cannot be written.
pub fn draw(entries: &[Entry], dir: &Path) -> anyhow::Result<()> {
    let (batches, validations) = (batches(entries), validations(entries));
    let losses = || batches.iter().chain(&validations).map(|point| point.1);
    let (low, high) = losses().fold((f64::MAX, f64::MIN), |(low, high), loss| (low.min(loss), high.max(loss)));
    if low > high {
        return Ok(());
    }
    let margin = 0.05 * (high - low).max(1e-3);
    let steps = batches.last().map_or(1.0, |point| point.0);
    let path = dir.join(CURVE);
    let area = SVGBackend::new(&path, SIZE_PX).into_drawing_area();
    plot(&area, (0.0..steps, low - margin..high + margin), [&batches, &validations])
        .map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

type Range = std::ops::Range<f64>;
type Points = Vec<(f64, f64)>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn plot(
    area: &Area<'_>,
    (steps, losses): (Range, Range),
    [batches, validations]: [&Points; 2],
) -> Result<(), Box<dyn std::error::Error>> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption("loss", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(steps, losses)?;
    chart.configure_mesh().x_desc("step").y_desc("nats").light_line_style(WHITE).draw()?;
    for (points, colour, name) in [(batches, BLUE, "batches, running mean"), (validations, RED, "validation")] {
        let key = move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], colour.stroke_width(2));
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?.label(name).legend(key);
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    Ok(area.present()?)
}

fn batches(entries: &[Entry]) -> Points {
    let losses = entries.iter().filter_map(|entry| match entry {
        Entry::Step { step, loss, .. } => Some((*step as f64, *loss)),
        Entry::Epoch { .. } => None,
    });
    let smoothed = losses.scan(None, |mean, (step, loss)| {
        let next = mean.map_or(loss, |mean| SMOOTHING * mean + (1.0 - SMOOTHING) * loss);
        *mean = Some(next);
        Some((step, next))
    });
    smoothed.collect()
}

fn validations(entries: &[Entry]) -> Points {
    let validation = |entry: &Entry| match entry {
        Entry::Epoch { step, validated, .. } => Some((*step as f64, validated.loss)),
        Entry::Step { .. } => None,
    };
    entries.iter().filter_map(validation).collect()
}
