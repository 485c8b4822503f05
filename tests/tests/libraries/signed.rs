//! Guests as somebody signed them, for a host that trusts whoever did.

use std::collections::BTreeMap;

use serde_json::Value;
use writ_host::{Artifact, Policies, VerifiedArtifact};
use writ_manifest::TrustPolicy;
use writ_signing::{PublicKey, Revocations, Roots};
use writ_tests::{Mint, now, unsigned_guest};

/// A guest under a name and these claims, verified.
pub(crate) fn signed(mint: &Mint, name: &str, guest: &str, claims: &BTreeMap<String, Value>) -> VerifiedArtifact {
    let wasm = std::fs::read(unsigned_guest(guest)).unwrap();
    let artifact = Artifact::new(mint.sign_as(name, claims, &BTreeMap::new(), &wasm)).unwrap();
    artifact.verify(&Roots::from_iter([(operator(mint), Revocations::Never)]), now()).unwrap()
}

/// Trust in whoever signs there, and nothing else.
pub(crate) fn policies(mint: &Mint) -> Policies {
    Policies { host: None, trust: BTreeMap::from([(operator(mint), TrustPolicy::Any)]) }
}

fn operator(mint: &Mint) -> PublicKey {
    mint.operator().parse().unwrap()
}
