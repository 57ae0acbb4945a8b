//! TLS on the doors: certificates, whom they are shown to, and whose are asked for. It must never fall back to less
//! than was configured.

/// Whom a client's certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What the token file calls it: the common name, or the first name of another kind where there is none.
    pub name: String,
    /// The whole subject, as RFC 4514 writes it, such as `CN=deploy,O=Example`.
    pub text: String,
}
