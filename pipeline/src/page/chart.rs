//! What all pictures share: their size, their type, their axes.
//!
//! Drawn by `plotters` in the colours of the palette; it never touches a file.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::palette::{INK, SOFT, SURFACE};

/// Width of every picture in pixels; on a narrow screen a page scales or scrolls it.
pub(super) const WIDTH_PX: u32 = 880;
/// Size of small letters.
pub(super) const LETTER_PX: i32 = 14;

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw a picture: {source}")]
pub struct ChartError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A picture of a height, as SVG.
pub(super) fn svg(height_px: u32, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, ChartError> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, (WIDTH_PX, height_px)).into_drawing_area();
    area.fill(&SURFACE.rgb()).map_err(boxed).and_then(|()| draw(&area)).map_err(|source| ChartError { source })?;
    drop(area);
    Ok(svg)
}

/// The same error in a box that threads can pass on.
pub(super) fn boxed<E: std::error::Error + Send + Sync + 'static>(
    error: E,
) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(error)
}

/// The letters of axes.
pub(super) fn small<'a>() -> TextStyle<'a> {
    ("sans-serif", LETTER_PX).into_font().color(&SOFT.rgb())
}

/// The letters of names.
pub(super) fn plain<'a>() -> TextStyle<'a> {
    ("sans-serif", LETTER_PX + 1).into_font().color(&INK.rgb())
}

/// Round values inside a range, not far from `count` of them: steps of 1, 2 or 5 times a power of ten.
pub(super) fn round_values(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if rough.is_nan() || rough <= 0.0 {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= 0.7 * rough).unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..).map(|at| at as f64 * step).take_while(|value| *value <= high + step * 1e-9).collect()
}

/// A range with some air around it.
pub(super) fn airy((low, high): (f64, f64)) -> (f64, f64) {
    let air = 0.06 * (high - low).max(1e-3);
    (low - air, high + air)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_round_and_inside() {
        let cases: [(f64, f64, usize, &[f64]); 4] = [
            (0.0, 1.0, 5, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.31, 0.421, 4, &[0.32, 0.34, 0.36, 0.38, 0.4, 0.42]),
            (-3.0, 7.0, 3, &[0.0, 5.0]),
            (2.0, 2.0, 3, &[2.0]),
        ];
        for (low, high, count, expected) in cases {
            let values = round_values(low, high, count);
            let near = values.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9);
            assert!(near && values.len() == expected.len(), "{low}..{high}: {values:?}");
        }
    }
}
