//! Whom a certificate names. The handshake has checked the certificate; nothing here does.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{self, Decode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The attribute `CN`.
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Whom a client's certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the token file calls it: the common name, or without one the first URI, DNS or mail name, or nothing.
    pub name: String,
    /// The whole subject, as RFC 4514 writes it, such as `CN=deploy,O=Example`; the name where that is empty.
    pub text: String,
}

impl Subject {
    /// Whom a certificate names.
    ///
    /// # Errors
    /// When it is not a certificate as RFC 5280 writes them.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, der::Error> {
        Self::read(&Certificate::from_der(certificate)?)
    }

    pub(super) fn read(certificate: &Certificate) -> Result<Self, der::Error> {
        let name = match common_name(certificate) {
            Some(name) => name,
            None => other_name(certificate)?.unwrap_or_default(),
        };
        let text = certificate.tbs_certificate.subject.to_string();
        Ok(Self { text: if text.is_empty() { name.clone() } else { text }, name })
    }
}

/// Exactly one: of two, nobody could say which is meant.
fn common_name(certificate: &Certificate) -> Option<String> {
    let attributes = certificate.tbs_certificate.subject.0.iter().flat_map(|part| part.0.iter());
    let mut names = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
    let (name, None) = (names.next()?, names.next()) else { return None };
    let text = std::str::from_utf8(name.value.value()).ok()?;
    Some(text.to_owned())
}

fn other_name(certificate: &Certificate) -> Result<Option<String>, der::Error> {
    let Some((_, SubjectAltName(names))) = certificate.tbs_certificate.get::<SubjectAltName>()? else {
        return Ok(None);
    };
    Ok(names.into_iter().find_map(|name| match name {
        GeneralName::UniformResourceIdentifier(name) | GeneralName::DnsName(name) | GeneralName::Rfc822Name(name) => {
            Some(name.to_string())
        }
        _ => None,
    }))
}
