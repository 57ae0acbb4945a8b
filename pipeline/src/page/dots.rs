//! A picture of figures one under the other, each a dot on its interval: who is better, and by how much for sure.
//!
//! The order of the rows is the caller's.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chart::{Area, ChartError, Drawn, WIDTH_PX, airy, boxed, plain, round_values, small, svg};
use super::lines::{range, spelled};
use super::palette::{Colour, GREY, GRID};

const ROW_PX: i32 = 28;
const TOP_PX: i32 = 34;
const BOTTOM_PX: i32 = 30;
/// Room for the names of rows, for each letter of the longest.
const NAME_LETTER_PX: f64 = 7.6;
/// Room for the figures on the right.
const FIGURE_PX: i32 = 64;

/// A picture of dots over one axis.
#[derive(Clone, Debug, Default)]
pub struct Dots {
    /// What the axis is.
    pub x_name: String,
    /// The rows, from top to bottom.
    pub dots: Vec<Dot>,
    /// A value marked by a line through all rows: no difference, say.
    pub mark: Option<f64>,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Dot {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// The figure, then the lower and the upper end of its interval.
    pub range: [f64; 3],
}

impl Dots {
    /// The picture as SVG.
    ///
    /// # Errors
    /// When the drawing library refuses, as it does a figure that is no number.
    pub fn svg(&self) -> Result<String, ChartError> {
        let height_px = TOP_PX + BOTTOM_PX + ROW_PX * self.dots.len() as i32;
        svg(height_px as u32, |area| self.draw(area))
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let values = self.dots.iter().flat_map(|dot| dot.range).chain(self.mark);
        let letters = self.dots.iter().map(|dot| dot.name.chars().count()).max().unwrap_or_default();
        let left = (letters as f64 * NAME_LETTER_PX) as i32 + 24;
        let scale = Scale { values: airy(range(values)), left, right: WIDTH_PX as i32 - FIGURE_PX };
        self.draw_axis(area, &scale)?;
        (0..).zip(&self.dots).try_for_each(|(row, dot)| draw_dot(area, &scale, (row, dot)))
    }

    fn draw_axis(&self, area: &Area<'_>, scale: &Scale) -> Drawn {
        let bottom = TOP_PX + ROW_PX * self.dots.len() as i32;
        let under = small().pos(Pos::new(HPos::Center, VPos::Top));
        for value in round_values(scale.values.0, scale.values.1, 6) {
            let at = scale.px(value);
            area.draw(&PathElement::new(vec![(at, TOP_PX - 4), (at, bottom)], GRID.rgb())).map_err(boxed)?;
            area.draw(&Text::new(spelled(value), (at, bottom + 8), under.clone())).map_err(boxed)?;
        }
        if let Some(at) = self.mark.map(|mark| scale.px(mark)) {
            area.draw(&PathElement::new(vec![(at, TOP_PX - 4), (at, bottom)], GREY.rgb())).map_err(boxed)?;
        }
        area.draw(&Text::new(self.x_name.clone(), (scale.left, 6), small())).map_err(boxed)
    }
}

/// Where values stand in pixels.
#[derive(Clone, Copy, Debug)]
struct Scale {
    values: (f64, f64),
    left: i32,
    right: i32,
}

impl Scale {
    fn px(&self, value: f64) -> i32 {
        let (low, high) = self.values;
        self.left + ((value - low) / (high - low) * f64::from(self.right - self.left)).round() as i32
    }
}

fn draw_dot(area: &Area<'_>, scale: &Scale, (row, dot): (i32, &Dot)) -> Drawn {
    let at = TOP_PX + row * ROW_PX + ROW_PX / 2;
    let [value, low, high] = dot.range;
    let colour = dot.colour.rgb();
    let centred = |h_pos| plain().pos(Pos::new(h_pos, VPos::Center));
    area.draw(&Text::new(dot.name.clone(), (scale.left - 12, at), centred(HPos::Right))).map_err(boxed)?;
    if low < high {
        let ends = [(scale.px(low), at - 2), (scale.px(high), at + 2)];
        area.draw(&Rectangle::new(ends, colour.mix(0.35).filled())).map_err(boxed)?;
    }
    area.draw(&Circle::new((scale.px(value), at), 5, colour.filled())).map_err(boxed)?;
    let figure = Text::new(format!("{value:.3}"), (WIDTH_PX as i32 - 12, at), centred(HPos::Right));
    area.draw(&figure).map_err(boxed)
}
