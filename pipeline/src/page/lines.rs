//! A picture of lines: figures over time, over an age, over a setting, with their intervals as bands.
//!
//! Each line is named at its end, where the eye is, not in a legend.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chart::{Area, ChartError, Drawn, LETTER_PX, WIDTH_PX, airy, boxed, plain, round_values, small, svg};
use super::palette::{Colour, GRID, SURFACE};

const HEIGHT_PX: u32 = 420;
const TOP_PX: i32 = 34;
const LEFT_PX: i32 = 58;
const BOTTOM_PX: i32 = 52;
/// Room for the names of lines, for each letter of the longest.
const NAME_LETTER_PX: f64 = 7.6;
/// Two names never stand nearer than this.
const NAME_GAP_PX: i32 = 18;
/// How much of the surface a band hides.
const BAND_SHARE: f64 = 0.13;

/// A picture of lines over one axis.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// What the horizontal axis is.
    pub x_name: String,
    /// What the vertical axis is, over it.
    pub y_name: String,
    /// The values marked on the horizontal axis; none leaves them to the range.
    pub ticks: Vec<Tick>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A value marked on an axis.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Where.
    pub at: f64,
    /// What stands there.
    pub name: String,
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name, at its end.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// A point with its interval; both ends equal to `y` where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Where on the horizontal axis.
    pub x: f64,
    /// The figure.
    pub y: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
}

impl Point {
    /// A point without an interval.
    pub const fn exact(x: f64, y: f64) -> Self {
        Self { x, y, low: y, high: y }
    }
}

impl Lines {
    /// The picture as SVG.
    ///
    /// # Errors
    /// When the drawing library refuses, as it does a figure that is no number.
    pub fn svg(&self) -> Result<String, ChartError> {
        svg(HEIGHT_PX, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let ticks = self.ticks.iter().map(|tick| tick.at);
        let x = range(points().map(|point| point.x).chain(ticks));
        let y = airy(range(points().flat_map(|point| [point.low, point.y, point.high])));
        let right = WIDTH_PX as i32 - 16 - self.names_px();
        let frame = Frame { x: widened(x), y, left: LEFT_PX, right, top: TOP_PX, bottom: HEIGHT_PX as i32 - BOTTOM_PX };
        self.draw_axes(area, &frame)?;
        self.lines.iter().try_for_each(|line| draw_band(area, &frame, line))?;
        self.lines.iter().try_for_each(|line| draw_line(area, &frame, line))?;
        self.draw_names(area, &frame)
    }

    fn names_px(&self) -> i32 {
        let letters = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or_default();
        (letters as f64 * NAME_LETTER_PX) as i32 + 14
    }

    fn draw_axes(&self, area: &Area<'_>, frame: &Frame) -> Drawn {
        let right = small().pos(pos(HPos::Right, VPos::Center));
        for value in round_values(frame.y.0, frame.y.1, 5) {
            let at = frame.y_px(value);
            area.draw(&PathElement::new(vec![(frame.left, at), (frame.right, at)], GRID.rgb())).map_err(boxed)?;
            area.draw(&Text::new(spelled(value), (frame.left - 10, at), right.clone())).map_err(boxed)?;
        }
        let under = small().pos(pos(HPos::Center, VPos::Top));
        for Tick { at, name } in self.ticks() {
            area.draw(&Text::new(name, (frame.x_px(at), frame.bottom + 8), under.clone())).map_err(boxed)?;
        }
        let middle = ((frame.left + frame.right) / 2, frame.bottom + 30);
        area.draw(&Text::new(self.x_name.clone(), middle, under)).map_err(boxed)?;
        area.draw(&Text::new(self.y_name.clone(), (12, 6), small())).map_err(boxed)
    }

    fn ticks(&self) -> Vec<Tick> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let (low, high) = range(self.lines.iter().flat_map(|line| &line.points).map(|point| point.x));
        round_values(low, high, 8).into_iter().map(|at| Tick { at, name: spelled(at) }).collect()
    }

    /// Names at the ends of their lines, moved apart where lines end together.
    fn draw_names(&self, area: &Area<'_>, frame: &Frame) -> Drawn {
        let mut ends: Vec<(i32, &Line)> =
            self.lines.iter().filter_map(|line| line.points.last().map(|point| (frame.y_px(point.y), line))).collect();
        ends.sort_by_key(|(at, _)| *at);
        let places = apart(&ends.iter().map(|(at, _)| *at).collect::<Vec<_>>(), frame.bottom);
        for ((_, line), at) in ends.into_iter().zip(places) {
            let mark =
                Rectangle::new([(frame.right + 10, at - 1), (frame.right + 18, at + 2)], line.colour.rgb().filled());
            area.draw(&mark).map_err(boxed)?;
            let style = plain().pos(pos(HPos::Left, VPos::Center));
            area.draw(&Text::new(line.name.clone(), (frame.right + 23, at), style)).map_err(boxed)?;
        }
        Ok(())
    }
}

/// Where values stand in pixels.
#[derive(Clone, Copy, Debug)]
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Frame {
    fn x_px(&self, x: f64) -> i32 {
        // Half a letter of air on both sides, so that a first point does not stand on the axis.
        let (left, right) = (self.left + LETTER_PX, self.right - LETTER_PX / 2);
        left + ((x - self.x.0) / (self.x.1 - self.x.0) * f64::from(right - left)).round() as i32
    }

    fn y_px(&self, y: f64) -> i32 {
        self.bottom - ((y - self.y.0) / (self.y.1 - self.y.0) * f64::from(self.bottom - self.top)).round() as i32
    }
}

fn draw_band(area: &Area<'_>, frame: &Frame, line: &Line) -> Drawn {
    if line.points.iter().all(|point| point.low >= point.high) {
        return Ok(());
    }
    let low = line.points.iter().map(|point| (frame.x_px(point.x), frame.y_px(point.low)));
    let high = line.points.iter().rev().map(|point| (frame.x_px(point.x), frame.y_px(point.high)));
    let band: Vec<_> = low.chain(high).collect();
    area.draw(&Polygon::new(band, line.colour.rgb().mix(BAND_SHARE))).map_err(boxed)
}

fn draw_line(area: &Area<'_>, frame: &Frame, line: &Line) -> Drawn {
    let points: Vec<_> = line.points.iter().map(|point| (frame.x_px(point.x), frame.y_px(point.y))).collect();
    area.draw(&PathElement::new(points.clone(), line.colour.rgb().stroke_width(2))).map_err(boxed)?;
    for point in points {
        area.draw(&Circle::new(point, 5, SURFACE.rgb().filled())).map_err(boxed)?;
        area.draw(&Circle::new(point, 3, line.colour.rgb().filled())).map_err(boxed)?;
    }
    Ok(())
}

/// Ascending places, moved as little as it takes for none to touch another or to stand below `bottom`.
fn apart(places: &[i32], bottom: i32) -> Vec<i32> {
    let mut apart = places.to_vec();
    for at in 1..apart.len() {
        apart[at] = apart[at].max(apart[at - 1] + NAME_GAP_PX);
    }
    let mut floor = bottom;
    for place in apart.iter_mut().rev() {
        *place = (*place).min(floor);
        floor = *place - NAME_GAP_PX;
    }
    apart
}

pub(super) fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}

/// A range of one value would have no middle.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if low < high { (low, high) } else { (low - 0.5, high + 0.5) }
}

/// A round value without the digits that say nothing.
pub(super) fn spelled(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn pos(h_pos: HPos, v_pos: VPos) -> Pos {
    Pos::new(h_pos, v_pos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_apart_and_above_the_bottom() {
        let cases = [
            (vec![10, 50, 90], vec![10, 50, 90]),
            (vec![10, 12, 13], vec![10, 28, 46]),
            (vec![88, 90, 100], vec![64, 82, 100]),
        ];
        for (places, expected) in cases {
            assert_eq!(apart(&places, 100), expected, "{places:?}");
        }
    }

    #[test]
    fn values_are_spelled_short() {
        for (value, text) in [(0.25, "0.25"), (3.0, "3"), (-0.00001, "0"), (0.1 + 0.2, "0.3"), (100.0, "100")] {
            assert_eq!(spelled(value), text);
        }
    }
}
