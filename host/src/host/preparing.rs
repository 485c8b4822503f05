//! From admitted components to prepared ones: compiled, linked, each with what it calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use writ_provider::wasmtime;
use writ_provider::wasmtime::component::Component;
use writ_provider::{Generation, MemoryBudget};
use writ_signing::Digest;
use writ_signing::defence::carried;

use super::{DeployError, Host};
use crate::audit::Event;
use crate::authorize::{Admission, Admitted};
use crate::compose::{CARRIED, Code, Door, Edge, Joint, Member, Plan, Unit, UnitError, Whole};
use crate::link::{LinkError, Part, link};
use crate::prepared::{Gate, Prepared};
use crate::registry::{Parts, claims};
use crate::shares::Share;

/// What was prepared of an admission: by the place of a component, and how it is called.
pub(super) type ByPlace = BTreeMap<(usize, Door), Arc<Prepared>>;

/// What a call of each component passes, by place.
type Gates = BTreeMap<usize, Gate>;

/// What runs in a store of its own, by the place of its root and how that is called.
type Units<'a> = BTreeMap<(usize, Door), (Unit<'a>, Option<Whole>)>;

impl Host {
    /// Compiles and links these components of an admission, with all that they call.
    pub(super) async fn prepare_all(
        &self,
        admission: &Admission,
        roots: impl Iterator<Item = usize>,
        generation: &Generation,
        shares: impl Fn(&Admitted) -> Vec<Share>,
    ) -> Result<ByPlace, DeployError> {
        let gates = self.gates(admission, generation, shares)?;
        let units = self.units(admission, roots).await?;
        let mut prepared = ByPlace::new();
        for place in admission.order() {
            for (key, unit) in units.range((*place, Door::new())..).take_while(|((at, _), _)| at == place) {
                let Some(gate) = gates.get(place) else { continue };
                let made = self.prepare(admission, unit, &prepared, gate.clone()).await?;
                prepared.insert(key.clone(), Arc::new(made));
            }
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
        let mut prepared = self.prepare_all(admission, std::iter::once(0), &generation, |_| Vec::new()).await?;
        self.review_again().await;
        let first = prepared.remove(&(0, Door::new())).and_then(Arc::into_inner);
        first.ok_or_else(|| DeployError::Link {
            component: admission.application().to_owned(),
            source: LinkError::Mismatch("it has no component".to_owned()),
        })
    }

    /// What a call of each component takes, whether what it calls runs in its store or in others.
    fn gates(
        &self,
        admission: &Admission,
        generation: &Generation,
        shares: impl Fn(&Admitted) -> Vec<Share>,
    ) -> Result<Gates, DeployError> {
        let mut gates = Gates::new();
        for place in admission.order() {
            let Some(admitted) = admission.components().get(*place) else { continue };
            let callees = admitted.edges.iter().filter_map(|joint| gates.get(&joint.target));
            let gate = Gate::new(generation.clone(), shares(admitted), callees);
            if let Some((needs, most)) = gate.excess(&self.pool) {
                return Err(DeployError::Crowded { component: admitted.name.clone(), needs, most });
            }
            gates.insert(*place, gate);
        }
        Ok(gates)
    }

    /// What runs in a store of its own: these components, and all that a link leads to from there which is not fused.
    async fn units<'a>(
        &self,
        admission: &'a Admission,
        roots: impl Iterator<Item = usize>,
    ) -> Result<Units<'a>, DeployError> {
        let (mut units, mut next) = (Units::new(), roots.map(|place| (place, Door::new())).collect::<Vec<_>>());
        while let Some((place, door)) = next.pop() {
            if units.contains_key(&(place, door.clone())) {
                continue;
            }
            let Some(unit) = Unit::of(admission, place, door.clone(), false) else { continue };
            let component = unit.root().name.clone();
            let made = self.whole(admission, unit).await;
            let (unit, whole) = made.map_err(|source| DeployError::Link { component, source })?;
            let outside = unit.members().iter().flat_map(|member| &member.outside);
            next.extend(outside.map(|joint| (joint.target, joint.door())));
            units.insert((place, door), (unit, whole));
        }
        Ok(units)
    }

    /// Compiles and links what runs in one store. What it calls in others is prepared already.
    async fn prepare(
        &self,
        admission: &Admission,
        (unit, whole): &(Unit<'_>, Option<Whole>),
        prepared: &ByPlace,
        gate: Gate,
    ) -> Result<Prepared, DeployError> {
        let admitted = unit.root();
        let component = admitted.name.clone();
        let failed = |source| DeployError::Link { component: admitted.name.clone(), source };
        let mut parts = Vec::with_capacity(unit.members().len());
        for member in unit.members() {
            let edges = self.edges(admission, member, prepared).map_err(failed)?;
            parts.push(Part { admitted: member.admitted, edges });
        }
        let compiled = match whole {
            Some(whole) => self.compile_whole(whole).await,
            None => self.compile(admitted.artifact.bytes().clone()).await,
        };
        let compiled = compiled.map_err(|reason| DeployError::Compile { component: component.clone(), reason })?;
        let counted = (&self.budgets, self.clerk.as_deref());
        let linked =
            link(&self.engine, &compiled, (&parts, whole.as_ref()), &self.registry, counted).await.map_err(failed)?;
        let all = || unit.members().iter().map(|member| member.admitted);
        let memory = unit
            .members()
            .iter()
            .map(|member| member.admitted.limits.memory.min(self.capacity.memory).saturating_mul(member.instances));
        let carried = CARRIED.saturating_mul(whole.as_ref().map_or(0, Whole::carriers));
        Ok(Prepared {
            engine: self.engine.clone(),
            principal: admitted.principal.clone(),
            linked,
            memory: memory.fold(carried, usize::saturating_add),
            together: unit.members().iter().map(|member| member.instances).fold(0, usize::saturating_add),
            time: admitted.limits.time.min(self.capacity.time),
            budgets: self.shared(all()),
            pool: self.pool.clone(),
            gate,
            expires: all().map(|admitted| admitted.expires).min().unwrap_or(0),
            standings: all().map(|admitted| self.standings.of(admitted.verified.clone())).collect(),
        })
    }

    /// The budgets that any of these draws on, each once: what is in one store is counted once.
    fn shared<'a>(&self, all: impl Iterator<Item = &'a Admitted>) -> Vec<Arc<MemoryBudget>> {
        let shared: BTreeMap<_, _> = all.flat_map(|admitted| admitted.limits.shared.iter().cloned()).collect();
        shared.iter().map(|(document, most)| self.budgets.memory(document, *most)).collect()
    }

    /// The links from a component to other stores, each with what both ends' documents say of it.
    fn edges<'a>(
        &self,
        admission: &Admission,
        member: &Member<'a>,
        prepared: &ByPlace,
    ) -> Result<Vec<(&'a Joint, Arc<Edge>)>, LinkError> {
        let own = member.admitted;
        let mut edges = Vec::with_capacity(member.outside.len());
        for joint in member.outside.iter().copied() {
            let callee = admission.components().get(joint.target).zip(prepared.get(&(joint.target, joint.door())));
            let Some((admitted, callee)) = callee else {
                return Err(LinkError::Mismatch(format!("what the link at line {} leads to is not there", joint.line)));
            };
            let invalid = |capability| move |source| LinkError::Claim { capability, source };
            let edge = Edge {
                callee: callee.clone(),
                caller: own.principal.clone(),
                call: self.parts(own, CALL).grant(CALL).map_err(invalid(CALL))?,
                serve: self.parts(admitted, SERVE).grant(SERVE).map_err(invalid(SERVE))?,
            };
            edges.push((joint, Arc::new(edge)));
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

    /// A unit as one component, where it is more than one; without what the encoder has no words for, which has stores of its
    /// own then.
    async fn whole<'a>(
        &self,
        admission: &'a Admission,
        unit: Unit<'a>,
    ) -> Result<(Unit<'a>, Option<Whole>), LinkError> {
        let most = self.capacity.memory;
        let Some(plan) = unit.plan(admission).map(|plan| plan.within(most)) else { return Ok((unit, None)) };
        let fused = plan.fused;
        match self.made(plan).await {
            Ok(whole) => Ok((unit, Some(whole))),
            Err(LinkError::Unit(reason)) if fused && matches!(*reason, UnitError::Encode(_)) => {
                tracing::debug!(target: "writ::host", component = %unit.root().principal, %reason, "its links stay separate");
                let separate = unit.separate(admission);
                let whole = match separate.plan(admission).map(|plan| plan.within(most)) {
                    Some(plan) => Some(self.made(plan).await?),
                    None => None,
                };
                Ok((separate, whole))
            }
            Err(error) => Err(error),
        }
    }

    /// What an earlier start made of the same plan, or else encoded and checked now, on a thread that may block.
    async fn made(&self, plan: Plan) -> Result<Whole, LinkError> {
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let work = move || {
            let kept = cache.and_then(|cache| cache.kept(&engine, plan.recipe()));
            let kept = kept.and_then(|(component, note)| Some((component, serde_json::from_slice(&note).ok()?)));
            match kept {
                Some((component, imports)) => Ok(plan.kept(component, imports)),
                None => plan.whole(),
            }
        };
        match tokio::task::spawn_blocking(carried(work)).await {
            Ok(whole) => Ok(whole?),
            Err(_) => Err(LinkError::Mismatch("the encoder failed".to_owned())),
        }
    }

    async fn compile_whole(&self, whole: &Whole) -> Result<Component, String> {
        let bytes = match &whole.code {
            Code::Kept(component, _) => return Ok(component.clone()),
            Code::Checked(checked) => checked.bytes().clone(),
        };
        let (engine, cache, recipe) = (self.engine.clone(), self.cache.clone(), whole.recipe);
        let note = serde_json::to_vec(whole.imports()).map_err(|error| error.to_string())?;
        compiling(move || {
            let component = Component::new(&engine, &bytes)?;
            if let Some(cache) = cache {
                cache.keep(&engine, recipe, &component, &note);
            }
            Ok(component)
        })
        .await
    }

    async fn compile(&self, bytes: Arc<[u8]>) -> Result<Component, String> {
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        compiling(move || match cache {
            Some(cache) => cache.component(&engine, Digest::of(&bytes), &bytes),
            None => Component::new(&engine, &bytes),
        })
        .await
    }
}

/// Compiling is untrusted work: on a thread that may block, with a catch.
async fn compiling(work: impl FnOnce() -> wasmtime::Result<Component> + Send + 'static) -> Result<Component, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(_) => Err("the compiler failed".to_owned()),
    }
}

const CALL: &str = "call";
const SERVE: &str = "serve";
