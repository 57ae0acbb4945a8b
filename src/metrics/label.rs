//! The closed sets that label values come from; a value from outside the program must never become one.

use super::transfer::{Polled, Pushed};
use crate::answer::{Degraded, Source};
use crate::error::Code;
use crate::model::worker::Failure;
use crate::snapshot::live::Arm;
use crate::trial::judge::Bound;

/// A closed set of label values, each with its place in an array of handles.
pub(super) trait Label: Copy + 'static {
    /// Every value, in the order of [`Label::index`].
    const ALL: &'static [Self];

    /// The value as Prometheus shows it.
    fn text(self) -> &'static str;

    /// Its place in `ALL`.
    fn index(self) -> usize;
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// JSON over HTTP.
    Http,
    /// Protobuf over gRPC.
    Grpc,
}

/// What a request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// One history.
    NextClusters,
    /// Many histories in one message.
    Batch,
    /// One message of a bidirectional stream.
    Stream,
    /// The whole catalogue.
    Clusters,
    /// One cluster.
    Cluster,
    /// What serves.
    Version,
    /// The HTTP door's description of itself.
    Openapi,
    /// Anything else, in one value so that scanners cannot make series.
    Unmatched,
}

/// A step of loading a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Map the files and check their headers.
    Open,
    /// Check every checksum.
    Verify,
    /// Touch every page.
    Warm,
    /// Load the model, or find that it is in memory already.
    Model,
    /// Replay the golden questions.
    Check,
    /// Store the pointer.
    Swap,
}

/// Implements [`Label`] for an enum without explicit discriminants.
macro_rules! label {
    ($type:ident: $($value:ident = $text:literal),* $(,)?) => {
        impl Label for $type {
            const ALL: &'static [Self] = &[$(Self::$value),*];

            fn text(self) -> &'static str {
                match self { $(Self::$value => $text),* }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label!(Door: Http = "http", Grpc = "grpc");
label!(
    Call: NextClusters = "next_clusters",
    Batch = "batch",
    Stream = "stream",
    Clusters = "clusters",
    Cluster = "cluster",
    Version = "version",
    Openapi = "openapi",
    Unmatched = "unmatched",
);
label!(Pushed: Published = "published", Refused = "refused", Abandoned = "abandoned");
label!(Polled: Unchanged = "unchanged", Fetched = "fetched", Held = "held", Failed = "failed");
label!(Phase: Open = "open", Verify = "verify", Warm = "warm", Model = "model", Check = "check", Swap = "swap");

/// Implements [`Label`] for an enum that lists and spells its values itself.
macro_rules! spelled {
    ($($type:ident),*) => {
        $(impl Label for $type {
            const ALL: &'static [Self] = &Self::ALL;

            fn text(self) -> &'static str {
                self.label()
            }

            fn index(self) -> usize {
                self as usize
            }
        })*
    };
}

spelled!(Code, Source, Degraded, Failure, Arm, Bound);

/// One `T` for each value of `L`.
pub(super) fn per_label<L: Label, T>(make: impl FnMut(L) -> T) -> Box<[T]> {
    L::ALL.iter().copied().map(make).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_order<L: Label>() {
        let places: Vec<usize> = L::ALL.iter().map(|value| value.index()).collect();
        assert_eq!(places, (0..L::ALL.len()).collect::<Vec<_>>());
    }

    /// The arrays of handles are read by place: a list in another order would count under another name.
    #[test]
    fn every_list_is_in_the_order_of_its_places() {
        check_order::<Door>();
        check_order::<Call>();
        check_order::<Phase>();
        check_order::<Pushed>();
        check_order::<Polled>();
        check_order::<Code>();
        check_order::<Source>();
        check_order::<Degraded>();
        check_order::<Failure>();
        check_order::<Arm>();
        check_order::<Bound>();
    }
}
