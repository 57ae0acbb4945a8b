//! Sends a release or a model file by file, and goes on where the service stands when the connection breaks; it must
//! never send what the service has, nor try for ever.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use http::Method;

use super::call::{Call, Content, Ended};
use super::{Client, ClientError, path_of};
use crate::admin::documents::{CommittedBody, PushBody, ReceivedBody};
use crate::error::Code;
use crate::snapshot::manifest::{MANIFEST, SIGNATURE};
use crate::snapshot::parcel::Address;
use crate::snapshot::signature::Signature;

/// Attempts in a row that may bring nothing more. With their waits they outlast what the service takes to notice that
/// the connection before is dead.
const ATTEMPTS_MAX: u32 = 8;
/// Wait after the first of them; it doubles.
const WAIT: Duration = Duration::from_millis(200);
/// Longest wait.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What a push led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was sent and published.
    Sent,
    /// The service had it already.
    Present,
}

/// Counts attempts that brought nothing.
#[derive(Default)]
struct Patience {
    /// The most files and bytes that the service ever had.
    best: (usize, u64),
    attempts: u32,
}

impl Client {
    /// Sends what the service lacks of a release or a model that has been loaded from `dir`, and has it checked and
    /// published there. `progress` hears the name of a file, and how many of its bytes are there or on their way.
    ///
    /// # Errors
    /// When the service refuses, or the connection breaks again and again without anything having come.
    pub fn push(&self, address: &Address, dir: &Path, progress: &dyn Fn(&str, u64)) -> Result<Pushed, ClientError> {
        let path = dir.join(MANIFEST);
        let manifest = std::fs::read(&path).map_err(|source| ClientError::File { path, source })?;
        let path = dir.join(SIGNATURE);
        let signature =
            Signature::read(dir).map_err(|error| ClientError::File { path, source: std::io::Error::other(error) })?;
        let begin = || self.put(address, MANIFEST, Content::Manifest(&manifest, signature.as_ref()));
        let mut standing: PushBody = begin()?;
        let mut patience = Patience::default();
        while !standing.published {
            let Err(broken) = self.send_missing((address, dir), &standing, progress)? else {
                let _: CommittedBody = self.post(&format!("{}/commit", path_of(address)), b"")?;
                return Ok(Pushed::Sent);
            };
            standing = patience.again(broken, begin)?;
        }
        Ok(Pushed::Present)
    }

    /// Sends every file that is missing. The inner error is one that may pass: the service says where to go on.
    fn send_missing(
        &self,
        (address, dir): (&Address, &Path),
        standing: &PushBody,
        progress: &dyn Fn(&str, u64),
    ) -> Result<Result<(), ClientError>, ClientError> {
        for name in address.kind.files().iter().filter(|name| !standing.missing.iter().any(|lacked| lacked == *name)) {
            progress(name, std::fs::metadata(dir.join(name)).map_or(0, |about| about.len()));
        }
        for name in &standing.missing {
            let offset = standing.offsets.get(name).copied().unwrap_or_default();
            let tell = |bytes| progress(name, bytes);
            let url = format!("{}/admin/v1/{}/files/{name}?offset={offset}", self.base, path_of(address));
            let content = Content::File { path: &dir.join(name), offset, tell: &tell };
            match (Call { method: Method::PUT, url, content }).once::<ReceivedBody>(self) {
                Ok(_) => {}
                Err(Ended::Passing(error)) => return Ok(Err(error)),
                // What came before may have been damaged on its way to the disk: it is gone now, and sent anew.
                Err(Ended::Final(error)) if offset > 0 && is_refused(&error) => return Ok(Err(error)),
                Err(Ended::Final(error)) => return Err(error),
            }
        }
        Ok(Ok(()))
    }
}

impl Patience {
    /// Waits and asks where the push stands now, unless too many attempts brought nothing.
    fn again(
        &mut self,
        mut broken: ClientError,
        begin: impl Fn() -> Result<PushBody, ClientError>,
    ) -> Result<PushBody, ClientError> {
        loop {
            self.attempts += 1;
            if self.attempts == ATTEMPTS_MAX {
                return Err(broken);
            }
            thread::sleep((WAIT * 2_u32.pow(self.attempts - 1)).min(WAIT_MAX));
            match begin() {
                Ok(standing) => {
                    self.see(&standing);
                    return Ok(standing);
                }
                Err(error @ ClientError::Unreachable { .. }) => broken = error,
                Err(error) => return Err(error),
            }
        }
    }

    fn see(&mut self, standing: &PushBody) {
        let PushBody { missing, offsets, .. } = standing;
        let had = (usize::MAX - missing.len(), sum(offsets));
        if had > self.best {
            *self = Self { best: had, attempts: 0 };
        }
    }
}

fn sum(offsets: &BTreeMap<String, u64>) -> u64 {
    offsets.values().copied().fold(0, u64::saturating_add)
}

fn is_refused(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused { status, .. } if *status == Code::Refused.http().as_u16())
}
