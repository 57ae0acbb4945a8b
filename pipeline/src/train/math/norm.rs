//! RMSNorm: a row divided by its root mean square, each element scaled by a weight (Zhang and Sennrich 2019).

use super::vector::{dot, widest};

/// A norm's weights and what keeps its root above zero.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// One for each element of a row.
    pub weights: &'a [f32],
    /// Added to the mean square.
    pub eps: f32,
}

impl Norm<'_> {
    /// `y = x r w` with `r = 1 / sqrt(mean(x²) + eps)`, one `r` a row, kept in `scales` for the derivative.
    pub fn forward(&self, x: &[f32], y: &mut [f32], scales: &mut [f32]) {
        let width = self.weights.len();
        widest(
            #[inline(always)]
            || {
                for ((x, y), scale) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(scales) {
                    *scale = 1.0 / (dot(x, x) / width as f32 + self.eps).sqrt();
                    for ((y, x), weight) in y.iter_mut().zip(x).zip(self.weights) {
                        *y = x * *scale * weight;
                    }
                }
            },
        );
    }

    /// Turns `dy` into `dx = r (dy w - x r² mean(dy w x))` in its place, and adds `dy x r` to `dw`.
    pub fn backward(&self, dy: &mut [f32], (x, scales): (&[f32], &[f32]), dw: &mut [f32]) {
        let width = self.weights.len();
        widest(
            #[inline(always)]
            || {
                for ((dy, x), scale) in dy.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(scales) {
                    for ((dw, dy), x) in dw.iter_mut().zip(&*dy).zip(x) {
                        *dw += dy * x * scale;
                    }
                    for (dy, weight) in dy.iter_mut().zip(self.weights) {
                        *dy *= weight;
                    }
                    let pull = dot(dy, x) * scale * scale / width as f32;
                    for (dy, x) in dy.iter_mut().zip(x) {
                        *dy = scale * (*dy - x * pull);
                    }
                }
            },
        );
    }
}
