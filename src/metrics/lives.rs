//! Where every release stands, rendered from the book at a scrape; a standing that a release has left must never be shown.

use super::registrar::Registrar;
use super::{METRICS, RELEASE_STAGED, RELEASE_STANDING, RELEASE_TRANSITIONS};
use crate::snapshot::lifecycle::{Book, Standing};

/// Renders through a recorder of its own, which is then forgotten: the exporter cannot forget a series.
pub(super) fn describe(book: &Book) -> String {
    let registrar = Registrar::new(METRICS);
    for standing in Standing::ALL {
        registrar.counter(&RELEASE_TRANSITIONS, &[standing.word()]).absolute(book.transitions(standing));
    }
    for entry in book.entries() {
        registrar.gauge(&RELEASE_STANDING, &[entry.version.as_str(), entry.standing.word()]).set(1);
        if let Some(since_unix_s) = entry.staged_since_unix_s() {
            registrar.gauge(&RELEASE_STAGED, &[]).set(since_unix_s as f64);
        }
    }
    registrar.render()
}
