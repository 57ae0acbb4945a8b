//! The operator's documents as messages: the same facts as the JSON, field by field; it must never say more or less.

use super::v1;
use crate::admin::documents::changes::{ChangedBody, PositionsBody};
use crate::admin::documents::releases::{EntryBody, FactsBody, ReleasesBody};
use crate::snapshot::lifecycle::{Fetched, Standing, Step};
use crate::snapshot::manifest::Version;
use crate::trial::figures::{ArmFigures, CanaryFigures, ShadowFigures, TrialFigures};

impl From<ReleasesBody> for v1::Releases {
    fn from(body: ReleasesBody) -> Self {
        Self {
            sequence: body.sequence,
            releases: body.releases.into_iter().map(Into::into).collect(),
            models: body.models.iter().map(Version::to_string).collect(),
            serving: text(body.serving.as_ref()),
            current: text(body.pointers.current.as_ref()),
            previous: text(body.pointers.previous.as_ref()),
            staged: text(body.pointers.staged.as_ref()),
            pinned: text(body.pointers.pinned.as_ref()),
            declined: text(body.declined.as_ref()),
        }
    }
}

impl From<EntryBody> for v1::Release {
    fn from(body: EntryBody) -> Self {
        Self {
            version: body.version.to_string(),
            standing: body.standing.map_or(v1::Standing::Unspecified, standing).into(),
            since_unix_s: body.since_unix_s,
            reason: body.reason.map(|reason| v1::Reason { class: reason.class, text: reason.text }),
            fetched: body.fetched.map(|Fetched { bytes, bytes_total }| v1::Fetched { bytes, bytes_total }),
            steps: body.steps.iter().map(step).collect(),
            facts: body.facts.map(Into::into),
        }
    }
}

impl From<FactsBody> for v1::Facts {
    fn from(body: FactsBody) -> Self {
        Self {
            snapshot: body.snapshot.to_string(),
            model: text(body.model.as_ref()),
            catalogue: body.catalogue.to_string(),
            created_unix_s: body.created_unix_s,
            data_start_unix_s: body.data_window.map(|window| window.from_unix_s),
            data_end_unix_s: body.data_window.map(|window| window.to_unix_s),
            histories: body.histories,
            clusters: body.clusters,
            depth: body.depth.into(),
            bytes: body.bytes,
            quality: body.quality.into_iter().collect(),
        }
    }
}

impl From<PositionsBody> for v1::Positions {
    fn from(body: PositionsBody) -> Self {
        Self {
            serving: text(body.serving.as_ref()),
            previous: text(body.previous.as_ref()),
            staged: text(body.staged.as_ref()),
            pinned: text(body.pinned.as_ref()),
            shadow_share: body.shadow_share.ratio(),
            canary_share: body.canary_share.ratio(),
        }
    }
}

impl From<ChangedBody> for v1::Change {
    fn from(body: ChangedBody) -> Self {
        Self {
            serving: text(body.release.as_ref()),
            changed: body.changed,
            before: Some(body.before.into()),
            after: Some(body.after.into()),
        }
    }
}

impl From<TrialFigures> for v1::Trial {
    fn from(figures: TrialFigures) -> Self {
        Self {
            release: figures.release.to_string(),
            current: figures.current.to_string(),
            since_unix_s: figures.since_unix_s,
            canary: figures.canary.map(Into::into),
            shadow: figures.shadow.map(Into::into),
        }
    }
}

impl From<CanaryFigures> for v1::Canary {
    fn from(figures: CanaryFigures) -> Self {
        Self {
            share: figures.share.ratio(),
            current: Some(figures.current.into()),
            trial: Some(figures.trial.into()),
            baked_s: figures.baked_s,
        }
    }
}

impl From<ShadowFigures> for v1::Shadow {
    fn from(figures: ShadowFigures) -> Self {
        Self {
            share: figures.share.ratio(),
            sampled: figures.sampled,
            dropped: figures.dropped,
            compared: figures.compared,
            overlap: figures.overlap,
            top1_agreement: figures.top1_agreement,
            current: Some(figures.current.into()),
            trial: Some(figures.trial.into()),
        }
    }
}

impl From<ArmFigures> for v1::Arm {
    fn from(figures: ArmFigures) -> Self {
        Self {
            answers: figures.answers,
            sources: figures.sources.into_iter().collect(),
            degraded: figures.degraded,
            errors: figures.errors,
            p50_s: figures.p50_s,
            p99_s: figures.p99_s,
            p999_s: figures.p999_s,
        }
    }
}

fn text(version: Option<&Version>) -> Option<String> {
    version.map(Version::to_string)
}

fn step(step: &Step) -> v1::Step {
    v1::Step { standing: standing(step.standing).into(), at_unix_s: step.at_unix_s }
}

fn standing(standing: Standing) -> v1::Standing {
    match standing {
        Standing::Fetching => v1::Standing::Fetching,
        Standing::Verifying => v1::Standing::Verifying,
        Standing::Loading => v1::Standing::Loading,
        Standing::Warming => v1::Standing::Warming,
        Standing::Checking => v1::Standing::Checking,
        Standing::Staged => v1::Standing::Staged,
        Standing::Shadow => v1::Standing::Shadow,
        Standing::Canary => v1::Standing::Canary,
        Standing::Current => v1::Standing::Current,
        Standing::Previous => v1::Standing::Previous,
        Standing::Retired => v1::Standing::Retired,
        Standing::Failed => v1::Standing::Failed,
        Standing::Quarantined => v1::Standing::Quarantined,
    }
}
