//! A matrix of weights applied to rows, and its two derivatives.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// What becomes of what a result's place held.
pub use faer::Accum as Write;

/// Weights as Hugging Face lays them out: one row of `inputs` for each output.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// outputs x inputs.
    pub weights: &'a [f32],
    /// Width of a row that comes in.
    pub inputs: usize,
}

impl Linear<'_> {
    fn outputs(&self) -> usize {
        self.weights.len() / self.inputs
    }

    fn matrix(&self) -> MatRef<'_, f32> {
        rows(self.weights, self.inputs)
    }

    /// `y = x Wᵀ`: rows x inputs -> rows x outputs.
    pub fn forward(&self, x: &[f32], y: &mut [f32]) {
        product(y, self.outputs(), Accum::Replace, (rows(x, self.inputs), self.matrix().transpose()));
    }

    /// `dx = dy W`: rows x outputs -> rows x inputs; added to `dx`, or in its place.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], write: Write) {
        product(dx, self.inputs, write, (rows(dy, self.outputs()), self.matrix()));
    }
}

/// `dw = dyᵀ x`, in place of what `dw` held: outputs x inputs, from rows of both.
pub fn weight_gradient(dy: &[f32], x: &[f32], dw: &mut [f32], inputs: usize) {
    let outputs = dw.len() / inputs;
    product(dw, inputs, Accum::Replace, (rows(dy, outputs).transpose(), rows(x, inputs)));
}

fn product(into: &mut [f32], width: usize, write: Accum, (left, right): (MatRef<'_, f32>, MatRef<'_, f32>)) {
    let height = into.len() / width;
    matmul(MatMut::from_row_major_slice_mut(into, height, width), write, left, right, 1.0, Par::Seq);
}

fn rows(values: &[f32], width: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / width, width)
}
