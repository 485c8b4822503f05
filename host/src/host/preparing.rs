//! From admitted components to prepared ones: compiled, linked, each with what it calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use writ_provider::Generation;
use writ_provider::wasmtime;
use writ_provider::wasmtime::component::Component;

use super::{DeployError, Host};
use crate::audit::Event;
use crate::authorize::{Admission, Admitted};
use crate::compose::Edge;
use crate::link::{LinkError, link};
use crate::load::Artifact;
use crate::prepared::{Gate, Prepared};
use crate::registry::{Parts, claims};
use crate::shares::Share;

/// Components by their places in an admission.
pub(super) type ByPlace = BTreeMap<usize, Arc<Prepared>>;

impl Host {
    /// Compiles and links these components of an admission, of which each comes after those that it calls.
    pub(super) async fn prepare_all(
        &self,
        admission: &Admission,
        places: impl Iterator<Item = usize>,
        generation: &Generation,
        shares: impl Fn(&Admitted) -> Vec<Share>,
    ) -> Result<ByPlace, DeployError> {
        let mut prepared = ByPlace::new();
        for place in places {
            let Some(admitted) = admission.components().get(place) else { continue };
            let made = self.prepare(admission, admitted, &prepared, (generation, shares(admitted))).await?;
            prepared.insert(place, Arc::new(made));
        }
        Ok(prepared)
    }

    /// Compiles and links the first component of an admission and what it calls, for a call of its host's owner to
    /// `function`.
    pub(crate) async fn prepare_first(
        &self,
        admission: &Admission,
        first: &Admitted,
        function: &str,
    ) -> Result<Prepared, DeployError> {
        if let Some(clerk) = &self.clerk {
            let (component, id) = (first.principal.to_string(), first.principal.keyed().to_string());
            clerk.audit().record(&Event::Called { component, id, function: function.to_owned() });
        }
        let (generation, opening) = self.generation();
        opening.open();
        let below = below(admission, first);
        let callees = admission.order().iter().copied().filter(|place| below.contains(place));
        let prepared = self.prepare_all(admission, callees, &generation, |_| Vec::new()).await?;
        self.prepare(admission, first, &prepared, (&generation, Vec::new())).await
    }

    /// Compiles and links one component. What it calls is prepared already.
    async fn prepare(
        &self,
        admission: &Admission,
        admitted: &Admitted,
        prepared: &ByPlace,
        (generation, shares): (&Generation, Vec<Share>),
    ) -> Result<Prepared, DeployError> {
        let component = admitted.name.clone();
        let failed = |source| DeployError::Link { component: admitted.name.clone(), source };
        let edges = self.edges(admission, admitted, prepared).map_err(failed)?;
        let gate = Gate::new(generation.clone(), shares, edges.iter().map(|edge| edge.callee.as_ref()));
        if let Some((needs, most)) = gate.excess(&self.pool) {
            return Err(DeployError::Crowded { component, needs, most });
        }
        let compiled = self.compile(&admitted.artifact).await;
        let compiled = compiled.map_err(|reason| DeployError::Compile { component: component.clone(), reason })?;
        let counted = (&self.budgets, self.clerk.as_deref());
        let linked =
            link(&self.engine, &compiled, (admitted, &edges), &self.registry, counted).await.map_err(failed)?;
        let limits = &admitted.limits;
        let budgets = limits.shared.iter().map(|(document, most)| self.budgets.memory(document, *most)).collect();
        Ok(Prepared {
            engine: self.engine.clone(),
            principal: admitted.principal.clone(),
            linked,
            memory: limits.memory.min(self.capacity.memory),
            time: limits.time.min(self.capacity.time),
            budgets,
            pool: self.pool.clone(),
            gate,
            expires: admitted.expires,
            standing: self.standings.of(admitted.verified.clone()),
        })
    }

    /// The edges from a component, in the order of its admission: each with what both ends' documents say of it.
    fn edges(&self, admission: &Admission, own: &Admitted, prepared: &ByPlace) -> Result<Vec<Arc<Edge>>, LinkError> {
        let mut edges = Vec::with_capacity(own.edges.len());
        for joint in &own.edges {
            let callee = admission.components().get(joint.target).zip(prepared.get(&joint.target));
            let Some((admitted, callee)) = callee else {
                return Err(LinkError::Mismatch(format!("what the link at line {} leads to is not there", joint.line)));
            };
            let invalid = |capability| move |source| LinkError::Claim { capability, source };
            edges.push(Arc::new(Edge {
                callee: callee.clone(),
                caller: own.principal.clone(),
                call: self.parts(own, CALL).grant(CALL).map_err(invalid(CALL))?,
                serve: self.parts(admitted, SERVE).grant(SERVE).map_err(invalid(SERVE))?,
            }));
        }
        Ok(edges)
    }

    /// What a grant of a capability that no provider backs is made of.
    fn parts<'a>(&'a self, admitted: &'a Admitted, capability: &str) -> Parts<'a> {
        Parts {
            principal: &admitted.principal,
            link: &admitted.settings,
            settings: &admitted.settings,
            claims: claims(&admitted.documents, capability),
            budgets: &self.budgets,
            clerk: self.clerk.as_deref(),
        }
    }

    /// Compiling is untrusted work: on a thread that may block, with a catch.
    async fn compile(&self, artifact: &Artifact) -> Result<Component, String> {
        let (engine, artifact, cache) = (self.engine.clone(), artifact.clone(), self.cache.clone());
        let work = move || -> wasmtime::Result<Component> {
            match cache {
                Some(cache) => cache.component(&engine, artifact.digest(), artifact.bytes()),
                None => Component::new(&engine, artifact.bytes()),
            }
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(format!("{error:#}")),
            Err(_) => Err("the compiler failed".to_owned()),
        }
    }
}

/// The places of all that a component calls, and of what those call.
fn below(admission: &Admission, first: &Admitted) -> BTreeSet<usize> {
    let (mut below, mut next) = (BTreeSet::new(), vec![first]);
    while let Some(admitted) = next.pop() {
        for joint in &admitted.edges {
            if below.insert(joint.target) {
                next.extend(admission.components().get(joint.target));
            }
        }
    }
    below
}

const CALL: &str = "call";
const SERVE: &str = "serve";
