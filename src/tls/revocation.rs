//! The lists of revoked client certificates that a door's file holds. It must never judge who signed them: the handshake
//! does, against the authority of the very certificate that it checks.

use std::cmp::Reverse;
use std::path::Path;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::{self, PemObject};
use x509_cert::crl::CertificateList;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{self, Decode};
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::material::TlsError;

/// The extension by which a list says that it is about a part of the certificates only.
const PART: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// The lists of a file that count: of those about the same certificates, the newest.
pub(super) struct RevocationLists {
    lists: Vec<List>,
}

struct List {
    der: CertificateRevocationListDer<'static>,
    about: (Name, Option<Vec<u8>>),
    begins_unix_s: u64,
    ends_unix_s: u64,
}

impl RevocationLists {
    /// Reads the content of a file; at least one list.
    pub(super) fn read(path: &Path, pem: &[u8]) -> Result<Self, TlsError> {
        let unusable =
            |source| TlsError::Pem { path: path.to_owned(), expected: "at least one revocation list", source };
        let unreadable = |source| TlsError::RevocationList { path: path.to_owned(), source };
        let found = CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(unusable)?.into_iter().map(List::read);
        let lists = found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        if lists.is_empty() { Err(unusable(pem::Error::NoItemsFound)) } else { Ok(Self { lists: newest(lists) }) }
    }

    /// What the handshake checks certificates against.
    pub(super) fn ders(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> {
        self.lists.iter().map(|list| list.der.clone())
    }

    /// When the first of them ends, in seconds since 1970 UTC.
    pub(super) fn ends_unix_s(&self) -> u64 {
        self.lists.iter().map(|list| list.ends_unix_s).min().unwrap_or(0)
    }
}

impl List {
    fn read(der: CertificateRevocationListDer<'static>) -> Result<Self, der::Error> {
        let list = CertificateList::from_der(&der)?.tbs_cert_list;
        let part = list.crl_extensions.iter().flatten().find(|extension| extension.extn_id == PART);
        Ok(Self {
            der,
            about: (list.issuer, part.map(|part| part.extn_value.as_bytes().to_vec())),
            begins_unix_s: unix_s(&list.this_update),
            // A list without an end is refused with all else that handshakes cannot use.
            ends_unix_s: list.next_update.as_ref().map_or(u64::MAX, unix_s),
        })
    }
}

/// The handshake takes the first list that is about a certificate: an old one before it would hide what was revoked since.
fn newest(mut lists: Vec<List>) -> Vec<List> {
    lists.sort_by_key(|list| Reverse(list.begins_unix_s));
    lists.into_iter().fold(Vec::new(), |mut kept, list| {
        if kept.iter().all(|newer: &List| newer.about != list.about) {
            kept.push(list);
        }
        kept
    })
}

fn unix_s(time: &Time) -> u64 {
    time.to_unix_duration().as_secs()
}
