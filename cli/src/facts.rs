//! What a component's file says, and whether that holds: for the verbs that tell people before anything runs.

use std::path::Path;

use anyhow::{Context, Result};
use writ_host::{Artifact, InterfaceName, LoadError, VerifiedArtifact};
use writ_signing::inspect::{Unverified, UnverifiedToken};
use writ_signing::section::{self, SectionError};
use writ_signing::token::{Claims, ComponentClaims, Kind};
use writ_signing::wascap::{self, Wascap};
use writ_signing::{Component, Digest, PublicKey, Revocations, Roots, Verified, VerifyError, inspect, verify};

use crate::files;

/// A file as it was read once.
pub(crate) struct Facts {
    /// Its name, for people.
    pub(crate) file: String,
    /// What it holds. A component that is not signed has no tokens.
    pub(crate) content: Unverified,
    /// What wasmCloud's older tool signed into it, which counts for nothing.
    pub(crate) older: Vec<Wascap>,
    /// What it imports and exports.
    pub(crate) artifact: Result<Artifact, LoadError>,
    /// What was proven about it here, or why it does not verify.
    pub(crate) verified: Result<Verified<Component>, VerifyError>,
    /// The same with the bytes, where a host takes them.
    pub(crate) proof: Option<VerifiedArtifact>,
    /// Whether the signatures hold under whatever operator the file names, trusted or not.
    pub(crate) coherent: Result<(), VerifyError>,
}

impl Facts {
    /// Reads a file, which need not hold in any way but to have tokens that can be looked at, or none.
    pub(crate) fn read(path: &Path, roots: &Roots, now: u64) -> Result<Self> {
        let bytes = files::read(path, section::MAX_FILE)?;
        let older = wascap::read(&bytes);
        let content = content(&bytes).with_context(|| format!("{} cannot be inspected", path.display()))?;
        let coherent = coherent(&bytes, &content, now);
        let verified = verify(&bytes, roots, now);
        let artifact = Artifact::new(bytes);
        let proof = match (&artifact, &verified) {
            (Ok(artifact), Ok(_)) => Some(artifact.verify(roots, now)?),
            _ => None,
        };
        Ok(Self { file: path.display().to_string(), content, older, artifact, verified, proof, coherent })
    }

    /// What the tokens say that can be read, from the component's to the account's. Nothing vouches for it.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &UnverifiedToken> {
        self.content.tokens.iter().filter_map(|token| token.as_ref().ok())
    }

    /// Its imports, as the component spells them; none of what no host takes.
    pub(crate) fn imports(&self) -> &[InterfaceName] {
        self.artifact.as_ref().map(Artifact::imports).unwrap_or_default()
    }

    /// The token of that kind, if it can be read. Nothing vouches for it.
    pub(crate) fn token(&self, kind: Kind) -> Option<&Claims> {
        self.tokens().map(|token| &token.claims).find(|claims| claims.kind() == kind)
    }

    /// What the component's token says, if it can be read. Nothing vouches for it.
    pub(crate) fn component(&self) -> Option<&ComponentClaims> {
        self.tokens().find_map(|token| match &token.claims {
            Claims::Component(claims) => Some(claims),
            _ => None,
        })
    }
}

/// What the file holds. A component that is not signed has no tokens, and neither has a core module, which nobody can sign here.
fn content(file: &[u8]) -> Result<Unverified> {
    match section::split(file) {
        Err(SectionError::NoClaims | SectionError::CoreModule) => {
            Ok(Unverified { digest: Digest::of(file), length: file.len() as u64, tokens: Vec::new() })
        }
        _ => Ok(inspect(file)?),
    }
}

/// Verifies with the operator that the file itself names, and at any time.
fn coherent(file: &[u8], content: &Unverified, now: u64) -> Result<(), VerifyError> {
    let own = content.tokens.iter().flatten().find(|token| token.claims.kind() == Kind::Account);
    let operator: Option<PublicKey> = own.map(|token| token.claims.common().issuer);
    let roots: Roots = operator.into_iter().map(|operator| (operator, Revocations::Never)).collect();
    match verify(file, &roots, now) {
        Err(VerifyError::Expired { .. } | VerifyError::NotYetValid { .. } | VerifyError::IssuedInFuture { .. }) => {
            Ok(())
        }
        other => other.map(drop),
    }
}
