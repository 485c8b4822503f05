//! The part of the rule in `docs/composing.md`, under "Which run together", that two components alone decide.
//!
//! That a link passes plain data alone is no part of it: nothing else is linked, in either form.

use crate::names::InterfaceName;

/// A link as it was admitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link<'a> {
    /// What the importer imports.
    pub(crate) importer: &'a [InterfaceName],
    /// What the exporter imports.
    pub(crate) exporter: &'a [InterfaceName],
    /// Whether both are of one account.
    pub(crate) same_account: bool,
    /// The capability that the interface stands for, if the vocabulary has one.
    pub(crate) capability: Option<&'a str>,
    /// Whether the manifest says `isolation: separate`.
    pub(crate) separate: bool,
}

/// Why a link stays separate. This is not a denial: the call goes through the host, and means the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Separate {
    /// The manifest says so.
    #[error("the manifest says `isolation: separate`")]
    Asked,
    /// What fails together must belong together.
    #[error("the two components are of different accounts")]
    OtherAccount,
    /// The consumer's grant is checked at each call, which nobody would do.
    #[error("it stands for the capability {0}, whose claims are checked at each call")]
    Capability(String),
    /// One engine serves one generation.
    #[error("one of the two is built for WASI 0.2 and the other for WASI 0.3")]
    OtherGeneration,
}

/// Which WASI a component is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// It imports no WASI interface whose version says it, and fits any.
    Any,
    /// 0.2.
    Second,
    /// 0.3.
    Third,
}

/// Whether a link may be fused, as far as its two ends and the manifest say.
///
/// # Errors
/// [`Separate`] says what keeps the two apart.
pub(crate) fn eligible(link: &Link<'_>) -> Result<(), Separate> {
    if link.separate {
        return Err(Separate::Asked);
    }
    if !link.same_account {
        return Err(Separate::OtherAccount);
    }
    if let Some(capability) = link.capability {
        return Err(Separate::Capability(capability.to_owned()));
    }
    match (generation(link.importer), generation(link.exporter)) {
        (Generation::Second, Generation::Third) | (Generation::Third, Generation::Second) => {
            Err(Separate::OtherGeneration)
        }
        _ => Ok(()),
    }
}

/// Which WASI a component is built for: 0.3 as soon as it imports anything of it.
pub(crate) fn generation(imports: &[InterfaceName]) -> Generation {
    let mut found = Generation::Any;
    for name in imports.iter().filter(|name| name.namespace == "wasi") {
        match name.version.as_ref().map(|version| (version.major, version.minor)) {
            Some((0, 3)) => return Generation::Third,
            Some((0, 2)) => found = Generation::Second,
            _ => {}
        }
    }
    found
}
