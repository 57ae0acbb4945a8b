//! The gRPC messages, generated from `proto/segue/v1`, to and from our own types.
//!
//! Generated types are named here and in the service's own trait, nowhere else: the contract may grow without the
//! program noticing.

use crate::answer::{self, Answer};
use crate::ask::{Question, Unit};
use crate::error::Error;
use crate::snapshot::catalogue;
use crate::snapshot::release::Release;

mod codec;
mod snapshots;

pub use codec::Codec;

/// The generated types, documented by the contract's own comments.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("segue.v1");
}

/// The public door's contract with its comments, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/next_clusters_descriptors.bin"));

/// The operator's door's contract, which the public one must not tell of.
pub const SNAPSHOTS_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/snapshots_descriptors.bin"));

impl From<v1::NextClustersRequest> for Question {
    fn from(request: v1::NextClustersRequest) -> Self {
        Self {
            history: request.history,
            limit: request.limit.map(u64::from),
            exclude: request.exclude,
            exclude_history: request.exclude_history,
            min_score: request.min_score,
            names: request.names,
            timeout_ms: request.timeout_ms.map(u64::from),
            unit: request.unit.map(Unit::from),
        }
    }
}

/// Whether candidates carry their clusters' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// They do.
    Shown,
    /// They do not.
    Hidden,
}

impl Names {
    /// As a question asks for it.
    pub fn of(asked: bool) -> Self {
        if asked { Self::Shown } else { Self::Hidden }
    }
}

/// An answer with the versions it was made from.
pub fn response(answer: &Answer<'_>, names: Names) -> v1::NextClustersResponse {
    v1::NextClustersResponse { answer: Some(self::answer(answer, names)), versions: Some(versions(answer.release)) }
}

/// An answer alone.
pub fn answer(answer: &Answer<'_>, names: Names) -> v1::Answer {
    let candidate = |found: &answer::Candidate| v1::Candidate {
        cluster: found.cluster,
        score: found.score.value(),
        source: source(found.source).into(),
        name: (names == Names::Shown).then(|| name(answer.release, found.index)),
    };
    v1::Answer {
        candidates: answer.candidates.iter().map(candidate).collect(),
        source: source(answer.source).into(),
        matched: answer.matched.as_slice().to_vec(),
        ignored: answer.ignored.clone(),
        degraded: answer.degraded.map(|reason| reason.label().to_owned()),
    }
}

/// What became of one question of many.
pub fn result(outcome: Result<v1::Answer, &Error>) -> v1::Result {
    let outcome = match outcome {
        Ok(answer) => v1::result::Outcome::Answer(answer),
        Err(error) => v1::result::Outcome::Problem(problem(error)),
    };
    v1::Result { outcome: Some(outcome) }
}

/// What a release is made of.
pub fn versions(release: &Release) -> v1::Versions {
    let manifest = release.manifest();
    v1::Versions {
        release: manifest.version.to_string(),
        snapshot: manifest.snapshot.to_string(),
        model: manifest.model.as_ref().map(ToString::to_string),
        catalogue: manifest.catalogue.to_string(),
    }
}

/// What serves.
pub fn version(release: &Release) -> v1::GetVersionResponse {
    let manifest = release.manifest();
    v1::GetVersionResponse {
        versions: Some(versions(release)),
        service: env!("CARGO_PKG_VERSION").to_owned(),
        created_unix_s: manifest.created_unix_s,
        data_end_unix_s: manifest.provenance.data_window.map(|window| window.to_unix_s),
        clusters: manifest.table.clusters,
        depth: manifest.table.depth.into(),
    }
}

/// A part of a release's catalogue.
pub fn clusters(release: &Release, part: &[catalogue::Cluster]) -> v1::ListClustersResponse {
    v1::ListClustersResponse { clusters: part.iter().map(cluster).collect(), versions: Some(versions(release)) }
}

/// A cluster of the catalogue.
pub fn cluster(cluster: &catalogue::Cluster) -> v1::Cluster {
    let catalogue::Cluster { id, name, keywords, parent } = cluster.clone();
    v1::Cluster { id, name, keywords, parent }
}

fn problem(error: &Error) -> v1::Problem {
    let code = error.code();
    v1::Problem { code: code.grpc().into(), reason: code.label().to_owned(), message: error.to_string() }
}

fn source(source: answer::Source) -> v1::Source {
    match source {
        answer::Source::Table => v1::Source::Table,
        answer::Source::Suffix => v1::Source::Suffix,
        answer::Source::Model => v1::Source::Model,
        answer::Source::Popular => v1::Source::Popular,
    }
}

fn name(release: &Release, index: u32) -> String {
    release.catalogue().at(index).map(|cluster| cluster.name.clone()).unwrap_or_default()
}
