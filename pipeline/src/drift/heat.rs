//! A map of all pairs of periods as a picture: how much they drifted, and how alike they are.
//!
//! The colour is the drift alone, never the overlap: a low overlap is no drift by itself, and must not look like it.

use std::fmt::Write;

use crate::drift::months::{MapCell, Months};
use crate::drift::words::plain;
use crate::page::escape;
use crate::page::palette::{Colour, INK, SERIES, SOFT, SURFACE};

const WIDTH_PX: f64 = 880.0;
const LEFT_PX: f64 = 84.0;
const TOP_PX: f64 = 40.0;
const BOTTOM_PX: f64 = 56.0;
/// A cell is this share of its width high.
const FLAT: f64 = 0.55;
/// Narrower cells hold no figures.
const FIGURES_PX: f64 = 40.0;
/// Narrower cells have no names of their own.
const NAMES_PX: f64 = 34.0;
/// The drift that has the full colour, unless one is larger: without it, noise would look like a storm.
const FULL_DRIFT: f64 = 0.03;
/// How strong the full colour is: figures must stay readable on it.
const FULL_SHARE: f64 = 0.75;

/// The map as SVG.
pub fn svg(months: &Months) -> String {
    let count = months.periods.len();
    let cell_px = (WIDTH_PX - LEFT_PX - 8.0) / count as f64;
    let map =
        Map { months, cell_px, full: months.map.iter().map(|cell| cell.drift().abs()).fold(FULL_DRIFT, f64::max) };
    let height = TOP_PX + BOTTOM_PX + cell_px * FLAT * count as f64;
    let mut svg = format!(
        "<svg width=\"{WIDTH_PX}\" height=\"{height:.0}\" viewBox=\"0 0 {WIDTH_PX} {height:.0}\" xmlns=\"http://www.w3.org/2000/svg\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH_PX}\" height=\"{height:.0}\" fill=\"{}\"/>\n",
        hex(SURFACE)
    );
    map.names(&mut svg);
    months.map.iter().for_each(|cell| map.cell(&mut svg, cell));
    map.key(&mut svg, height - 30.0);
    svg.push_str("</svg>\n");
    svg
}

struct Map<'a> {
    months: &'a Months,
    cell_px: f64,
    /// The drift that has the full colour.
    full: f64,
}

impl Map<'_> {
    fn names(&self, svg: &mut String) {
        // Names that would touch are left out.
        let every = (NAMES_PX / self.cell_px).ceil().max(1.0) as usize;
        for (at, period) in self.months.periods.iter().enumerate().step_by(every) {
            let (x, y) = (self.x(at) + self.cell_px / 2.0, self.y(at) + self.cell_px * FLAT / 2.0 + 4.0);
            text(svg, (x, TOP_PX - 10.0), ("middle", SOFT), short(&period.name));
            text(svg, (LEFT_PX - 10.0, y), ("end", SOFT), &period.name);
        }
    }

    /// Above the diagonal the drift in colour, below it the overlap.
    fn cell(&self, svg: &mut String, cell: &MapCell) {
        let drift = cell.drift();
        let colour = if drift > 0.0 { SERIES[7] } else { SERIES[0] };
        let share = FULL_SHARE * drift.abs() / self.full;
        let (x, y) = (self.x(cell.later), self.y(cell.earlier));
        let (width, height) = (self.cell_px - 2.0, self.cell_px * FLAT - 2.0);
        let [earlier, later] = [cell.earlier, cell.later].map(|at| escape(&self.months.periods[at].name));
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\" fill=\"{}\" \
             fill-opacity=\"{share:.3}\"><title>{earlier} and {later}: overlap {}, users swapped {}, drift {}</title></rect>",
            hex(colour),
            plain(cell.overlap),
            plain(cell.users_null),
            plain(drift)
        );
        if self.cell_px >= FIGURES_PX {
            let middle = |x: f64, y: f64| (x + width / 2.0, y + height / 2.0 + 4.0);
            text(svg, middle(x, y), ("middle", INK), &plain(drift));
            text(svg, middle(self.x(cell.earlier), self.y(cell.later)), ("middle", SOFT), &plain(cell.overlap));
        }
    }

    fn key(&self, svg: &mut String, y: f64) {
        let steps = [-1.0, -0.5, 0.0, 0.5, 1.0];
        for (at, step) in steps.into_iter().enumerate() {
            let x = LEFT_PX + at as f64 * 64.0;
            let colour = if step > 0.0 { SERIES[7] } else { SERIES[0] };
            let share = FULL_SHARE * f64::abs(step);
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"62\" height=\"18\" rx=\"2\" fill=\"{}\" fill-opacity=\"{share:.3}\"/>",
                hex(colour)
            );
            text(svg, (x + 31.0, y + 13.0), ("middle", INK), &plain(step * self.full));
        }
        let words = "drift: less alike than chance makes them (red), or more (blue)";
        text(svg, (LEFT_PX + 332.0, y + 13.0), ("start", SOFT), words);
    }

    fn x(&self, at: usize) -> f64 {
        LEFT_PX + at as f64 * self.cell_px
    }

    fn y(&self, at: usize) -> f64 {
        TOP_PX + at as f64 * self.cell_px * FLAT
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), (anchor, colour): (&str, Colour), words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{}\">{}</text>",
        hex(colour),
        escape(words)
    );
}

/// A period's name without its century.
fn short(name: &str) -> &str {
    name.get(2..).unwrap_or(name)
}

/// As the page's style expects colours.
fn hex(colour: Colour) -> String {
    let (red, green, blue) = colour.day;
    format!("#{red:02X}{green:02X}{blue:02X}")
}
