//! Long work on many bytes, in pieces short enough that nobody waits for them.
//!
//! Between two pieces the thread offers its processor. A kernel that does not preempt at once would otherwise let a
//! release being loaded hold up requests for milliseconds, whatever their priorities.

use crate::priority;

/// Bytes of a piece: some tens of microseconds of checking.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// The bytes in pieces, in order; the processor is offered before each.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(PIECE_BYTES).inspect(|_| priority::offer())
}
