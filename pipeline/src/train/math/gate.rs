//! SwiGLU: `silu(gate) * up` (Shazeer 2020), gate and up standing side by side in one row.

use super::vector::{exp, widest};

/// `pairs` (rows x 2 width: gate, then up) -> `out` (rows x width).
pub fn forward(pairs: &[f32], width: usize, out: &mut [f32]) {
    widest(
        #[inline(always)]
        || {
            for (pair, out) in pairs.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
                let (gates, ups) = pair.split_at(width);
                for ((out, gate), up) in out.iter_mut().zip(gates).zip(ups) {
                    *out = gate * sigmoid(*gate) * up;
                }
            }
        },
    );
}

/// Turns `pairs` into their gradients in their place, from `d_out` (rows x width).
pub fn backward(d_out: &[f32], width: usize, pairs: &mut [f32]) {
    widest(
        #[inline(always)]
        || {
            for (pair, d_out) in pairs.chunks_exact_mut(2 * width).zip(d_out.chunks_exact(width)) {
                let (gates, ups) = pair.split_at_mut(width);
                for ((d_out, gate), up) in d_out.iter().zip(gates).zip(ups) {
                    let open = sigmoid(*gate);
                    let d_gate = d_out * *up * open * (1.0 + *gate * (1.0 - open));
                    (*gate, *up) = (d_gate, d_out * *gate * open);
                }
            }
        },
    );
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}
