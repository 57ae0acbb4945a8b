//! Releases to serve while measuring, made from [`Rows`], and questions with the answers that they must get.
//!
//! It must never write a release that the service would not take: everything goes through the library's own writer.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use segue::snapshot::catalogue::{Catalogue, Cluster};
use segue::snapshot::manifest::{FILES, MANIFEST, Manifest, Version};
use segue::snapshot::publish::{About, Published, ReleaseWriter, WriteShape};
use segue::snapshot::release::read_manifest;
use segue::snapshot::store::Store;
use segue::snapshot::table::Score;

use crate::load::{grpc, http};
use crate::rows::{Rows, WIDTH};

/// Histories of the release that most measurements use: every pair of 761 clusters.
pub const HISTORIES: u64 = 579_121;
/// Bytes that the release's writer may buffer.
const BUFFER_BYTES: usize = 8 << 20;

/// The id of a cluster: never its index, so that a reply with one for the other shows.
pub fn cluster_id(index: u32) -> u32 {
    10 + 7 * index
}

/// Rows for the usual release.
pub fn usual_rows() -> Rows {
    Rows::new(HISTORIES, 1.0)
}

/// Writes a release of depth 2 with these rows, unless the store has it; gives the time it took.
pub fn write(dir: &Path, rows: Rows, version: &str) -> Result<Duration> {
    let version = version.parse().context("the name of a bench's release")?;
    let started = Instant::now();
    if read_manifest(&Store::open(dir).release_path(&version)).is_err() {
        finish(fill(dir, rows)?, About { version: Some(version), ..About::default() })?;
    }
    Ok(started.elapsed())
}

/// Writes a release of the same kind that names a model.
pub fn write_naming(dir: &Path, rows: Rows, version: &str, model: Version) -> Result<()> {
    let version = version.parse().context("the name of a bench's release")?;
    finish(fill(dir, rows)?, About { version: Some(version), model: Some(model), ..About::default() })?;
    Ok(())
}

/// Gives a store the content of one of its releases under another name, without a copy of the bytes.
pub fn rename(dir: &Path, from: &str, to: &str) -> Result<()> {
    let store = Store::open(dir);
    let (from, version) = (store.release_path(&from.parse()?), to.parse()?);
    let named = store.release_path(&version);
    std::fs::create_dir_all(&named)?;
    for name in FILES.iter().filter(|name| !named.join(name).exists()) {
        std::fs::hard_link(from.join(name), named.join(name))?;
    }
    let manifest = Manifest { version, ..read_manifest(&from)? };
    Ok(std::fs::write(named.join(MANIFEST), manifest.to_json())?)
}

/// Points the store at a release.
pub fn activate(dir: &Path, version: &str) -> Result<()> {
    Store::open(dir).activate(&version.parse()?)?;
    Ok(())
}

fn fill(dir: &Path, rows: Rows) -> Result<ReleaseWriter> {
    let clusters = (0..rows.clusters).map(|index| Cluster {
        id: cluster_id(index),
        name: format!("Cluster number {index}"),
        keywords: vec![format!("word-{index}"), format!("topic-{}", index % 40)],
        parent: None,
    });
    let shape = WriteShape { depth: 2, width: WIDTH as u8 };
    let mut writer = ReleaseWriter::create(dir, Catalogue::new(clusters.collect())?, shape, BUFFER_BYTES)?;
    writer.push(&[], &rows.candidates(u64::MAX))?;
    for index in 0..rows.clusters {
        writer.push(&[index], &rows.candidates(last_key(index)))?;
    }
    for key in rows.keys() {
        writer.push(&rows.history(key), &rows.candidates(key))?;
    }
    Ok(writer)
}

/// The key of the candidates of a history of one cluster.
fn last_key(index: u32) -> u64 {
    u64::MAX - 1 - u64::from(index)
}

fn finish(writer: ReleaseWriter, about: About) -> Result<Published> {
    Ok(writer.finish(about)?)
}

/// Histories that the table holds and a user can have (no cluster twice), as indexes.
pub fn histories(rows: Rows, count: usize) -> Vec<[u32; 2]> {
    let mut drawn = rows.draw(true, count + count / 8 + 16);
    drawn.retain(|[older, newer]| older != newer);
    drawn.truncate(count);
    drawn
}

/// One `POST /next-clusters` for each history.
pub fn http_questions(histories: &[[u32; 2]]) -> Vec<Bytes> {
    histories.iter().map(|history| http::post("/next-clusters", &question(history))).collect()
}

/// Batches of `size` questions.
pub fn http_batches(histories: &[[u32; 2]], size: usize) -> Vec<Bytes> {
    let batch = |part: &[[u32; 2]]| part.iter().map(question).collect::<Vec<_>>().join(",");
    let body = |part| format!(r#"{{"requests":[{}]}}"#, batch(part));
    histories.chunks_exact(size).map(|part| http::post("/next-clusters/batch", &body(part))).collect()
}

/// One framed `NextClustersRequest` for each history: field 1 is the packed history, field 2 the limit.
pub fn grpc_questions(histories: &[[u32; 2]]) -> Vec<Bytes> {
    histories.iter().map(|history| grpc::frame(&message(history))).collect()
}

fn question([older, newer]: &[u32; 2]) -> String {
    format!(r#"{{"history":[{},{}],"limit":{WIDTH}}}"#, cluster_id(*older), cluster_id(*newer))
}

fn message(history: &[u32; 2]) -> Vec<u8> {
    let packed: Vec<u8> = history.iter().flat_map(|index| varint(cluster_id(*index))).collect();
    [vec![0x0A, packed.len() as u8], packed, vec![0x10, WIDTH as u8]].concat()
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The candidates that a reply must show: ids, and scores in units of 10^-5. A history that is not present is answered by its last
/// cluster's.
pub fn expected(rows: &Rows, history: [u32; 2]) -> impl Iterator<Item = (u32, u32)> {
    let key = rows.key(history);
    let candidates = rows.candidates(if rows.has(key) { key } else { last_key(history[1]) });
    candidates.into_iter().map(|(index, score)| (cluster_id(index), Score::nearest(score).map_or(0, Score::decimal)))
}
