//! What is decided on, and what comes of it: candidates go in, and an admission comes out.

use std::collections::{BTreeMap, BTreeSet};

use writ_manifest as manifest;
use writ_provider::{LinkConfig, Principal};
use writ_signing::{Component, Verified};

use super::{Asked, Statement};
use crate::compose::Joint;
use crate::limits::AdmittedLimits;
use crate::load::{Artifact, VerifiedArtifact};
use crate::names::InterfaceName;

/// A manifest component with the bytes it stands for, verified.
pub struct Candidate<'a> {
    /// Its entry in the manifest.
    pub entry: &'a manifest::Component,
    /// Its bytes, with the proof about them.
    pub verified: &'a VerifiedArtifact,
}

/// Everything an application may do on this host. Only [`authorize`](super::authorize) makes one.
pub struct Admission {
    pub(super) application: String,
    pub(super) components: Vec<Admitted>,
    /// The components' places, each after those of all that it calls.
    pub(super) order: Vec<usize>,
}

/// What one manifest component may do.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub(crate) name: String,
    pub(crate) principal: Principal,
    pub(crate) artifact: Artifact,
    pub(crate) expires: u64,
    pub(crate) verified: Verified<Component>,
    /// Every document that applies, widest authority last.
    pub(crate) documents: Vec<Statement>,
    /// The provider capabilities that its imports and triggers use, with the link's configuration.
    pub(crate) capabilities: BTreeMap<&'static str, Capability>,
    /// The triggers that call it.
    pub(crate) triggers: Vec<Trigger>,
    /// The manifest component's own configuration.
    pub(crate) settings: LinkConfig,
    pub(crate) limits: AdmittedLimits,
    pub(crate) instances: Option<u32>,
    /// What its links ask for.
    pub(crate) asked: Vec<Asked>,
    /// The links from it to other components of the application.
    pub(crate) edges: Vec<Joint>,
    /// The imports that hold types alone.
    pub(crate) types: BTreeSet<String>,
}

/// How an admitted component reaches a capability.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capability {
    /// The image of the provider that the manifest links it to; none for the embedded default.
    pub(crate) image: Option<String>,
    pub(crate) link: LinkConfig,
    /// What the link's configuration asks for, in words.
    pub(crate) given: Vec<String>,
    /// The interfaces of it that the component imports.
    pub(crate) imports: Vec<InterfaceName>,
    /// The line of the link that says so, if one does.
    pub(super) line: Option<u32>,
}

/// A trigger that the manifest links to a component.
#[derive(Debug, Clone)]
pub(crate) struct Trigger {
    pub(crate) capability: &'static str,
    pub(crate) image: Option<String>,
    pub(crate) source: LinkConfig,
    /// The manifest's entry that calls.
    pub(crate) entry: String,
    /// What its configuration asks for, in words.
    pub(crate) given: Vec<String>,
}

impl Admission {
    /// The application's name.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// What each component may do, in the order of the manifest.
    pub fn components(&self) -> &[Admitted] {
        &self.components
    }

    /// The components' places, each after those of all that it calls.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }
}

impl Admitted {
    /// The manifest component's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who holds the authority.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The capabilities it was granted.
    pub fn capabilities(&self) -> impl Iterator<Item = &'static str> {
        self.capabilities.keys().copied()
    }

    /// What its links ask for. All of it was granted.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// When the first token of its chain expires, in unix seconds.
    pub fn expires(&self) -> u64 {
        self.expires
    }
}
