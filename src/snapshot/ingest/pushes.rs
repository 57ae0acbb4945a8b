//! The pushes under way: which there are, what each still lacks, and who is at it. It never looks into a file.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::{Duration, Instant};

use super::error::IngestError;
use super::push::Push;
use crate::snapshot::parcel::{Address, Parcel};

/// All pushes under way.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    open: BTreeMap<Address, Open>,
    /// Being checked and published: no longer open, and not to be begun again yet.
    committing: BTreeSet<Address>,
}

/// A push that is open.
#[derive(Debug)]
struct Open {
    push: Push,
    arriving: BTreeSet<&'static str>,
    touched: Instant,
}

impl Pushes {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.open.len() + self.committing.len()
    }

    /// Bytes that are still to come.
    pub(super) fn bytes_missing(&self) -> u64 {
        self.open.values().map(|open| open.push.bytes_missing()).fold(0, u64::saturating_add)
    }

    /// Whether a push with this manifest is open and free to go on; an error where one of the same name is not.
    pub(super) fn resumes(&self, parcel: &Parcel) -> Result<bool, IngestError> {
        let address = parcel.address();
        let free = |open: &Open| open.push.parcel == *parcel && open.arriving.is_empty();
        match self.open.get(&address) {
            _ if self.committing.contains(&address) => Err(IngestError::Busy { address }),
            Some(open) if !free(open) => Err(IngestError::Busy { address }),
            found => Ok(found.is_some()),
        }
    }

    /// Adds a push.
    pub(super) fn open(&mut self, push: Push) {
        let open = Open { arriving: BTreeSet::new(), touched: Instant::now(), push };
        self.open.insert(open.push.parcel.address(), open);
    }

    /// The push of an address, if one is open.
    pub(super) fn find(&self, address: &Address) -> Option<&Push> {
        self.open.get(address).map(|open| &open.push)
    }

    /// The push of an address, which is now in use.
    pub(super) fn touch(&mut self, address: &Address) -> Result<&mut Push, IngestError> {
        Ok(&mut self.used(address)?.push)
    }

    /// Marks a file as arriving, which nobody else may send meanwhile.
    pub(super) fn arrives(&mut self, address: &Address, name: &'static str) -> Result<&mut Push, IngestError> {
        let open = self.used(address)?;
        let free = open.arriving.insert(name);
        if free { Ok(&mut open.push) } else { Err(IngestError::Busy { address: address.clone() }) }
    }

    /// Marks a file as no longer arriving.
    pub(super) fn arrived(&mut self, address: &Address, name: &'static str) {
        if let Ok(open) = self.used(address) {
            open.arriving.remove(name);
        }
    }

    /// Takes a complete push out, to be committed; [`Pushes::committed`] ends that.
    pub(super) fn take(&mut self, address: &Address) -> Result<Push, IngestError> {
        let busy = || IngestError::Busy { address: address.clone() };
        if self.committing.contains(address) {
            return Err(busy());
        }
        let open = self.used(address)?;
        if !open.arriving.is_empty() {
            return Err(busy());
        }
        let missing = open.push.lacks();
        if !missing.is_empty() {
            return Err(IngestError::Incomplete { address: address.clone(), missing });
        }
        let taken = self.open.remove(address).ok_or_else(|| IngestError::NotOpen { address: address.clone() })?;
        self.committing.insert(address.clone());
        Ok(taken.push)
    }

    /// Ends a commit, whatever came of it.
    pub(super) fn committed(&mut self, address: &Address) {
        self.committing.remove(address);
    }

    /// Takes out the push that was left alone longest, if that is for `idle_min`.
    pub(super) fn idlest(&mut self, idle_min: Duration) -> Option<Push> {
        let idle = self.open.iter().filter(|(_, open)| open.arriving.is_empty() && open.touched.elapsed() >= idle_min);
        let address = idle.min_by_key(|(_, open)| open.touched).map(|(address, _)| address.clone())?;
        self.open.remove(&address).map(|open| open.push)
    }

    /// Takes out the push of an address, unless somebody is at it.
    pub(super) fn give_up(&mut self, address: &Address) -> Option<Push> {
        self.open.get(address).filter(|open| open.arriving.is_empty())?;
        self.open.remove(address).map(|open| open.push)
    }

    /// Takes out the pushes that nobody continued for `idle_max`.
    pub(super) fn abandoned(&mut self, idle_max: Duration) -> Vec<Push> {
        let idle = |open: &Open| open.arriving.is_empty() && open.touched.elapsed() >= idle_max;
        let all = mem::take(&mut self.open).into_iter();
        let (gone, open): (BTreeMap<_, _>, BTreeMap<_, _>) = all.partition(|(_, open)| idle(open));
        self.open = open;
        gone.into_values().map(|open| open.push).collect()
    }

    fn used(&mut self, address: &Address) -> Result<&mut Open, IngestError> {
        let open = self.open.get_mut(address).ok_or_else(|| IngestError::NotOpen { address: address.clone() })?;
        open.touched = Instant::now();
        Ok(open)
    }
}
