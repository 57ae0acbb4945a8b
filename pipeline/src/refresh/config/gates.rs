//! The section `[gates]`: for each gate its limit, or `true` or `false` for whether it judges at all.

use super::fields::Section;
use crate::gate::{Gate, Gates};

/// Takes the section.
pub(super) fn gates(mut section: Section<'_, '_>) -> Gates {
    let gates = Gates {
        match_rate: gate(&mut section, "match_rate"),
        requests: gate(&mut section, "requests"),
        recall: gate(&mut section, "recall"),
        popularity: gate(&mut section, "popularity"),
        previous: gate(&mut section, "previous"),
        coverage: gate(&mut section, "coverage"),
        shrink: gate(&mut section, "shrink"),
        bytes: gate(&mut section, "bytes"),
    };
    gates.problems().into_iter().for_each(|what| section.refuse_gate(what));
    gates
}

fn gate(section: &mut Section<'_, '_>, key: &'static str) -> Gate {
    let gate = section.take(key, "a limit of 0 or more, or true or false", |value| {
        let limit = value.as_float().or_else(|| value.as_integer().map(|limit| limit as f64));
        match (value.as_bool(), limit) {
            (Some(on), _) => Some(Gate { on, limit: None }),
            (None, Some(limit)) if limit.is_finite() && limit >= 0.0 => Some(Gate { on: true, limit: Some(limit) }),
            _ => None,
        }
    });
    gate.unwrap_or_default()
}
