//! File, environment and flags become one valid [`Config`], or every problem at once; only this module reads the
//! environment.
//!
//! One table of keys (`config/table.rs`) is the source of the file's keys, the flags, the variables, the reference and
//! the typed sections. A flag wins over a variable, a variable over the file, the file over the default.

use std::path::Path;

pub mod args;
pub mod defaults;
mod file;
pub mod key;
pub mod problem;
pub mod render;
mod rules;
pub mod settings;
pub mod sources;
pub mod table;
pub mod value;
pub mod words;

pub use args::ConfigArgs;
pub use problem::{ConfigError, Origin, Problem};
pub use settings::Settings;
pub use sources::{Sources, store_variables};
pub use table::{
    Admin, Answer, Canary, Drain, Gates, Grpc, Http, Log, Memory, Model, Pull, Release, Request, Runtime, Shadow,
    Unseen,
};
pub use words::{Flavor, Locking, LogFormat, LogLevel, MissingModel, Pulled, Reads, Rung, Signing};

/// Everything that can be configured, checked: every value is within its bounds and every rule between values holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The HTTP door.
    pub http: Http,
    /// The gRPC door.
    pub grpc: Grpc,
    /// The operator's door.
    pub admin: Admin,
    /// The threads that answer.
    pub runtime: Runtime,
    /// What one request may ask for.
    pub request: Request,
    /// How an answer is found.
    pub answer: Answer,
    /// What is served.
    pub release: Release,
    /// The log of histories that the table did not hold.
    pub unseen: Unseen,
    /// The model.
    pub model: Model,
    /// How the service stops.
    pub drain: Drain,
    /// What is logged.
    pub log: Log,
    /// A staged release that answers for nobody to see.
    pub shadow: Shadow,
    /// A staged release that answers some callers.
    pub canary: Canary,
    /// What a release must show before it may serve.
    pub gates: Gates,
    /// How a release lies in memory.
    pub memory: Memory,
    /// Where releases are pulled from.
    pub pull: Pull,
}

impl Config {
    /// The configuration that `args`, this process's environment and the file they name give together.
    pub fn load(args: &ConfigArgs) -> Result<Self, ConfigError> {
        Settings::resolve(Sources::of_process(args)).into_config()
    }

    /// Every default, serving the store at `dir`, from no file and no environment: the start of a test's or a demo's
    /// configuration.
    pub fn defaults(dir: &Path) -> Self {
        let mut config = Settings::resolve(Sources::default()).build();
        config.release.dir = dir.to_owned();
        config
    }

    fn held(settings: &Settings) -> Option<Self> {
        Some(Self {
            http: Http::held(settings)?,
            grpc: Grpc::held(settings)?,
            admin: Admin::held(settings)?,
            runtime: Runtime::held(settings)?,
            request: Request::held(settings)?,
            answer: Answer::held(settings)?,
            release: Release::held(settings)?,
            unseen: Unseen::held(settings)?,
            model: Model::held(settings)?,
            drain: Drain::held(settings)?,
            log: Log::held(settings)?,
            shadow: Shadow::held(settings)?,
            canary: Canary::held(settings)?,
            gates: Gates::held(settings)?,
            memory: Memory::held(settings)?,
            pull: Pull::held(settings)?,
        })
    }
}
