//! The sections `[input]` and `[columns]`: what is read, and what its columns mean.

use super::fields::{Fields, Section};
use crate::build::{BYTES_PER_MB, ItemSettings, LogSettings};
use crate::clusters::CatalogueColumns;
use crate::items::ItemColumns;
use crate::read::Columns;
use crate::refresh::settings::InputSettings;
use crate::refusals::Policy;

/// As `build` has it.
const MEMORY_MB: u64 = 1024;

/// Takes both sections.
pub(super) fn input(fields: &mut Fields<'_>) -> InputSettings {
    let mut section = fields.section("input");
    let events = section.places("events").unwrap_or_default();
    let format = section.word("format");
    let catalogue = section.required_path("catalogue", "the clusters: CSV with a header, or a catalogue.jsonl");
    let strict = section.switch("strict").unwrap_or(false);
    let memory_bytes = section.whole("memory_mb", (1, 1 << 32)).unwrap_or(MEMORY_MB) as usize * BYTES_PER_MB;
    let threads = section.whole("threads", (1, 1024)).map_or_else(all_cores, |threads| threads as usize);
    let mut section = fields.section("columns");
    let weight = section.text("weight");
    let weight_min = section.number("weight_min", "a number", |_| true).unwrap_or(1.0);
    let catalogue_columns = catalogue_columns(&mut section);
    let log = LogSettings {
        events,
        format,
        weight_min: weight.as_ref().map(|_| weight_min),
        time_unit: section.word("time_unit").unwrap_or_default(),
        items: items(&mut section),
        columns: columns(&mut section, weight),
    };
    InputSettings {
        log,
        catalogue,
        catalogue_columns,
        policy: if strict { Policy::Strict } else { Policy::Count },
        memory_bytes,
        threads,
    }
}

fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn columns(section: &mut Section<'_, '_>, weight: Option<String>) -> Columns {
    let item = section.text("item");
    let cluster = text_or(section, "cluster", "cluster");
    Columns {
        user: text_or(section, "user", "user"),
        time: text_or(section, "time", "ts"),
        target: item.unwrap_or(cluster),
        weight,
    }
}

/// The map of items; it is given with the column of items or not at all.
fn items(section: &mut Section<'_, '_>) -> Option<ItemSettings> {
    if section.has("item") != section.has("item_map") {
        section.clash("item, item_map", "both or neither");
    }
    let path = section.path("item_map");
    let columns = ItemColumns {
        item: text_or(section, "item_map_item", "item"),
        cluster: text_or(section, "item_map_cluster", "cluster"),
    };
    path.map(|path| ItemSettings { path, columns })
}

fn catalogue_columns(section: &mut Section<'_, '_>) -> CatalogueColumns {
    CatalogueColumns {
        id: text_or(section, "catalogue_id", "cluster"),
        name: text_or(section, "catalogue_name", "name"),
        keywords: section.text("catalogue_keywords"),
        parent: section.text("catalogue_parent"),
    }
}

fn text_or(section: &mut Section<'_, '_>, key: &'static str, default: &str) -> String {
    section.text(key).unwrap_or_else(|| default.to_owned())
}
