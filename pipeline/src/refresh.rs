//! The `refresh` command: from fresh events to a gated, published release, safe to be killed and to be run by a clock.
//!
//! ```text
//! count -> merge -> retrieve -> rehearse -> infer -> blend -> gate -> release -> publish -> report
//! ```
//!
//! Each stage leaves files and a marker in the run's directory; a run that is begun again goes on after the last marker,
//! and gives the bytes that it would have given.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use segue::snapshot::manifest::Version;
use serde::{Deserialize, Serialize};

pub mod config;
pub mod settings;
// What a run is.
pub mod identity;
pub mod model;
pub mod plan;
pub mod run;
pub mod stage;
// What its stages lean on.
pub mod asked;
pub mod digests;
pub mod failpoint;
pub mod files;
mod flow;
pub mod merged;
pub mod write;
// How it ends.
pub mod outcome;
pub mod report;

pub use outcome::Outcome;
pub use report::Report;
pub use settings::RefreshSettings;

use failpoint::{Moment, reached};
use files::{read_json, write_json};
use flow::{Flow, Flowed};
use identity::Identity;
use plan::{Plan, Source};
use run::Run;

use segue::depot::Depot;

/// The last run that ended, in a state's directory.
const LATEST: &str = "latest.json";

/// What one run is told beside its settings.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Directories of counts that take the place of the events.
    pub counts: Vec<PathBuf>,
    /// What is done with the plan.
    pub intent: Intent,
}

/// What is done with a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// It is carried out, if it was not before.
    #[default]
    Run,
    /// It is carried out anew, whatever was done before.
    Force,
    /// It is told.
    Tell,
}

/// The last run that ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Latest {
    run: String,
    outcome: Outcome,
    release: Option<Version>,
    /// Where it was published.
    destination: String,
    channel: Version,
}

/// Refreshes, unless there is nothing to do or another run is at work.
///
/// # Errors
/// When anything cannot be read, computed or written. What was done stays done, and the next run goes on there.
pub fn refresh(settings: &RefreshSettings, order: &Order) -> anyhow::Result<Report> {
    let started = Instant::now();
    if order.intent == Intent::Tell {
        return tell(settings, order, started);
    }
    let Some(_lock) = run::lock(&settings.state)? else { return busy(settings) };
    let plan = Plan::new(settings, order)?;
    if order.intent == Intent::Force {
        Run::forget(&settings.state, &plan.identity)?;
    } else if is_published(settings, &plan.identity)? {
        return Ok(Ending::of(settings, &plan).report(Outcome::NothingToDo, started));
    }
    let destination = Depot::open(&settings.publish.to)?;
    let run = Run::open(&settings.state, &plan.identity, || serving(settings, &destination))?;
    run::prune(&settings.state, &plan.identity.id(), settings.runs_kept)?;
    let flow = Flow::new(settings, &plan, &destination, run);
    let flowed = flow.go()?;
    let outcome = if flowed.release.is_some() { Outcome::Published } else { Outcome::Refused };
    let report = Ending { flow: Some((&flow, flowed)), ..Ending::of(settings, &plan) }.report(outcome, started);
    end(settings, &flow.run, &report)?;
    Ok(report)
}

/// What a run would do.
fn tell(settings: &RefreshSettings, order: &Order, started: Instant) -> anyhow::Result<Report> {
    let plan = Plan::new(settings, order)?;
    let published = is_published(settings, &plan.identity)?;
    let outcome = if published { Outcome::NothingToDo } else { Outcome::Planned };
    Ok(Ending::of(settings, &plan).report(outcome, started))
}

/// Whether the last run that ended published this very thing to this very place. An operator who rolled back since then keeps what
/// they chose until there is something new.
fn is_published(settings: &RefreshSettings, identity: &Identity) -> anyhow::Result<bool> {
    let latest: Option<Latest> = read_json(&settings.state.join(LATEST))?;
    let place = (&settings.publish.to, &settings.publish.channel);
    Ok(latest.is_some_and(|latest| {
        latest.outcome == Outcome::Published
            && latest.run == identity.id()
            && (&latest.destination, &latest.channel) == place
    }))
}

/// The release that services get now: the channel's, or that of a store that had none yet.
fn serving(settings: &RefreshSettings, destination: &Depot) -> anyhow::Result<Option<Version>> {
    let channel = destination.channel(&settings.publish.channel)?;
    match (channel.release(), destination) {
        (None, Depot::Directory(directory)) if settings.publish.activate => Ok(directory.store().state()?.current),
        (release, _) => Ok(release.cloned()),
    }
}

fn end(settings: &RefreshSettings, run: &Run, report: &Report) -> anyhow::Result<()> {
    write_json(&run.dir().join(run::REPORT), report)?;
    reached(Moment::Reported);
    let latest = Latest {
        run: report.run.clone(),
        outcome: report.outcome,
        release: report.release.clone(),
        destination: settings.publish.to.clone(),
        channel: settings.publish.channel.clone(),
    };
    write_json(&settings.state.join(LATEST), &latest)?;
    // A run that was refused can be judged again, by other gates, without being made again.
    if report.outcome == Outcome::Published { run.clear().context("the run is done, but not tidied") } else { Ok(()) }
}

fn busy(settings: &RefreshSettings) -> anyhow::Result<Report> {
    let mut report = Report::new(Outcome::Busy);
    report.destination = settings.publish.to.clone();
    Ok(report)
}

/// What a report is made of.
struct Ending<'a> {
    settings: &'a RefreshSettings,
    plan: &'a Plan,
    flow: Option<(&'a Flow<'a>, Flowed)>,
}

impl<'a> Ending<'a> {
    fn of(settings: &'a RefreshSettings, plan: &'a Plan) -> Self {
        Self { settings, plan, flow: None }
    }

    fn report(self, outcome: Outcome, started: Instant) -> Report {
        let mut report = Report::new(outcome);
        report.run = self.plan.identity.id();
        report.model = self.plan.model.as_ref().map(|model| model.manifest.version.clone());
        report.destination = format!("{}, channel {}", self.settings.publish.to, self.settings.publish.channel);
        report.partitions = self.plan.identity.inputs.len();
        if let Source::Events { new, .. } = &self.plan.source {
            report.partitions_new = new.iter().map(|partition| partition.name.clone()).collect();
        }
        if let Some((flow, flowed)) = self.flow {
            report.previous = flow.run.begun.previous.clone();
            report.stages = flow.run.stages();
            report.quality = flowed.quality.named();
            report.gates = flowed.verdicts;
            report.release = flowed.release;
        }
        report.elapsed_s = started.elapsed().as_secs_f64();
        report
    }
}
