//! The kernel for every processor: loops that the compiler makes of what the build allows.

use super::panel::{Block, COLUMNS, GROUP, LANES, Line, Piece, Rows, Step, by_rows};

/// Rows times a panel of floats.
pub(super) fn full(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    by_rows!(full_rows(rows, panel, out); 1 2 3 4);
}

fn full_rows<const R: usize>(rows: Rows<'_, f32>, panel: &[Step], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    let mut sums = [[[0.0; LANES]; 2]; R];
    for (depth, Step(step)) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let pairs = sums.as_flattened_mut().iter_mut().zip(step.as_flattened());
            pairs.for_each(|(sum, weight)| *sum += row[depth] * weight);
        }
    }
    out.copy_from_slice(&sums);
}

/// Rows times a panel of bytes.
pub(super) fn quantised(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    by_rows!(quantised_rows(rows, panel, out); 1 2 3 4);
}

fn quantised_rows<const R: usize>(rows: Rows<'_, Piece>, panel: &[Block], out: &mut [Line]) {
    let rows: [_; R] = rows.take(panel.len());
    out.fill(Line::default());
    for (depth, block) in panel.iter().enumerate() {
        for (out, row) in out.iter_mut().zip(rows) {
            let piece = &row[depth];
            let mut dots = [piece.offset; COLUMNS];
            for (bytes, group) in block.bytes.iter().zip(piece.groups) {
                dot(bytes.as_flattened(), group, &mut dots);
            }
            let scaled = dots.iter().zip(block.scales.as_flattened());
            let scaled = scaled.map(|(&dot, scale)| dot as f32 * (piece.scale * scale));
            out.as_flattened_mut().iter_mut().zip(scaled).for_each(|(sum, scaled)| *sum += scaled);
        }
    }
}

/// Bytes are taken out of whole lanes, which the compiler does for many at once.
fn dot(bytes: &[u8], group: [u8; GROUP], dots: &mut [i32; COLUMNS]) {
    let [a, b, c, d] = group.map(|byte| i32::from(byte as i8));
    for (dot, bytes) in dots.iter_mut().zip(bytes.as_chunks::<GROUP>().0) {
        let lane = u32::from_le_bytes(*bytes);
        let byte = |number: u32| ((lane >> (8 * number)) & 255) as i32;
        *dot += byte(0) * a + byte(1) * b + byte(2) * c + byte(3) * d;
    }
}
