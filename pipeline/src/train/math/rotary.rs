//! Rotary positions (Su et al. 2021), halves rotated against each other as Hugging Face's Llama does it.

use super::vector::widest;

/// Cosines and sines of every position.
#[derive(Clone, Debug)]
pub struct Rotary {
    /// Half the width of a head.
    half: usize,
    cosines: Vec<f32>,
    sines: Vec<f32>,
}

/// Which way a vector is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// To its position.
    Forward,
    /// Back: the derivative of a rotation is its inverse.
    Back,
}

impl Rotary {
    /// Angles `position * theta^(-i / half)` for heads of `width`, below `positions`.
    pub fn new(width: usize, positions: usize, theta: f64) -> Self {
        let half = width / 2;
        let angle = |at: usize| (at / half) as f64 * theta.powf(-((at % half) as f64) / half as f64);
        let table = |of: fn(f64) -> f64| (0..positions * half).map(|at| of(angle(at)) as f32).collect();
        Self { half, cosines: table(f64::cos), sines: table(f64::sin) }
    }

    /// Turns every head of the first `width` elements of each row; `row` is one row, at `position`.
    #[inline(always)]
    fn turn_row(&self, row: &mut [f32], position: usize, sign: f32) {
        let at = position * self.half..(position + 1) * self.half;
        let (cosines, sines) = (&self.cosines[at.clone()], &self.sines[at]);
        for head in row.chunks_exact_mut(2 * self.half) {
            let (low, high) = head.split_at_mut(self.half);
            for ((low, high), (cosine, sine)) in low.iter_mut().zip(high).zip(cosines.iter().zip(sines)) {
                let sine = sign * sine;
                (*low, *high) = (*low * cosine - *high * sine, *high * cosine + *low * sine);
            }
        }
    }

    /// Turns the first `width` elements of each row of `stride`, row i standing at `positions[i]`.
    pub fn turn(&self, rows: &mut [f32], (width, stride): (usize, usize), positions: &[usize], turn: Turn) {
        let sign = if turn == Turn::Forward { 1.0 } else { -1.0 };
        widest(
            #[inline(always)]
            || {
                for (row, position) in rows.chunks_exact_mut(stride).zip(positions) {
                    self.turn_row(&mut row[..width], *position, sign);
                }
            },
        );
    }
}
