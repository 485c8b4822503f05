//! From an admission to a component that can be called: a linker that holds exactly what was granted, built once.

use std::collections::BTreeMap;
use std::sync::Arc;

use writ_provider::wasmtime::component::types::ComponentItem;
use writ_provider::wasmtime::component::{Component, InstancePre, Linker};
use writ_provider::wasmtime::{self, Engine};
use writ_provider::{Instance, InvalidClaim, OpenError, Slot, TooManySlots};

use crate::audit::Clerk;
use crate::authorize::Admitted;
use crate::budgets::Budgets;
use crate::compose::{self, Edge, Ends, Join, identity};
use crate::registry::{Attach, Opened, Parts, Registry, claims};
use crate::stub;
use crate::vocabulary;
use crate::wasi::{Wasi, baseline};

/// A component that was linked to what it was granted, and to nothing else.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<Instance>,
    /// What each fresh store holds, by slot.
    pub(crate) attach: Vec<Arc<dyn Attach>>,
    /// What is open to it of WASI.
    pub(crate) wasi: Wasi,
    /// Where a store holds who calls, if the component asks for it.
    pub(crate) caller: Option<Slot>,
}

/// Why an admitted component cannot be linked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A provider's backend, or a folder that is given, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A claim that was admitted does not parse for its provider.
    #[error("the claim of {capability} cannot be read: {source}")]
    Claim {
        /// The capability.
        capability: &'static str,
        /// What is wrong.
        source: InvalidClaim,
    },
    /// More grants than a store holds.
    #[error(transparent)]
    Slots(#[from] TooManySlots),
    /// An import has another shape than what serves it.
    #[error("its import {import} does not fit what is served here: {reason}")]
    Shape {
        /// The import, in the component's own spelling.
        import: String,
        /// What wasmtime says.
        reason: String,
    },
    /// The component does not fit as a whole.
    #[error("it cannot be linked: {0}")]
    Mismatch(String),
}

/// Links every import of `component`, under the component's own spelling of its name, to a slot of what was granted.
pub(crate) async fn link(
    engine: &Engine,
    component: &Component,
    (admitted, edges): (&Admitted, &[Arc<Edge>]),
    registry: &Registry,
    (budgets, clerk): (&Budgets, Option<&Clerk>),
) -> Result<Linked, LinkError> {
    let mut granted = Granted { slots: BTreeMap::new(), attach: Vec::new(), admitted, registry, budgets, clerk };
    let ends = granted.ends(edges)?;
    let mut caller = None;
    let mut linker = Linker::new(engine);
    // For the baseline's own bounds on what wasi-http leaves unbounded. An import is linked once: names are unique.
    linker.allow_shadowing(true);
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            return Err(LinkError::Mismatch(format!("{name} is no interface")));
        };
        let parsed = name.parse().map_err(|error: crate::names::InvalidName| LinkError::Mismatch(error.to_string()))?;
        let shape = |error: wasmtime::Error| LinkError::Shape { import: name.to_owned(), reason: format!("{error:#}") };
        let mut at = linker.instance(name).map_err(shape)?;
        if baseline::link(&parsed, &mut at, Slot::new(0)?).map_err(shape)? {
            continue;
        }
        if identity::is_identity(&parsed) {
            let slot = granted.attach(Arc::new(identity::Nobody))?;
            identity::link(&mut at, slot).map_err(shape)?;
            caller = Some(slot);
            continue;
        }
        if let Some((edge, join, slot)) = joined(&ends, admitted, name) {
            compose::link(engine, &interface, join, edge, slot, &mut at).map_err(shape)?;
            continue;
        }
        if admitted.types.contains(name) {
            continue;
        }
        if let Some(word) = registry.vocabulary().imported(&parsed) {
            let (slot, opened) = granted.slot(word.name()).await?;
            if opened.link(&parsed, &mut at, slot).map_err(shape)? {
                continue;
            }
        }
        // Everything else was refused by `authorize`, unless every document claims it empty.
        match vocabulary::known(&parsed) {
            Some(capability) => stub::link(engine, capability, &interface, &mut at).map_err(shape)?,
            None => return Err(LinkError::Mismatch(format!("nobody serves {name}"))),
        }
    }
    let pre = linker.instantiate_pre(component).map_err(|error| LinkError::Mismatch(format!("{error:#}")))?;
    Ok(Linked { pre, attach: granted.attach, wasi: Wasi::of(admitted, budgets)?, caller })
}

/// The edge that an import goes over, and the slot of its end.
fn joined<'a>(
    ends: &'a [(Arc<Edge>, Slot)],
    admitted: &'a Admitted,
    import: &str,
) -> Option<(&'a Edge, &'a Join, Slot)> {
    admitted.edges.iter().zip(ends).find_map(|(joint, (edge, slot))| {
        let join = joint.interfaces.iter().find(|join| join.import.to_string() == import)?;
        Some((edge.as_ref(), join, *slot))
    })
}

/// The slots given out so far: one per capability.
struct Granted<'a> {
    slots: BTreeMap<&'static str, (Slot, Arc<dyn Opened>)>,
    attach: Vec<Arc<dyn Attach>>,
    admitted: &'a Admitted,
    registry: &'a Registry,
    budgets: &'a Budgets,
    clerk: Option<&'a Clerk>,
}

impl Granted<'_> {
    /// A slot that is filled in each fresh store.
    fn attach(&mut self, attach: Arc<dyn Attach>) -> Result<Slot, TooManySlots> {
        let slot = Slot::new(self.attach.len())?;
        self.attach.push(attach);
        Ok(slot)
    }

    /// A slot for each edge's end, in the order of the admission.
    fn ends(&mut self, edges: &[Arc<Edge>]) -> Result<Vec<(Arc<Edge>, Slot)>, TooManySlots> {
        let end = |edge: &Arc<Edge>| Ok((edge.clone(), self.attach(Arc::new(Ends(edge.clone())))?));
        edges.iter().map(end).collect()
    }

    async fn slot(&mut self, capability: &'static str) -> Result<(Slot, Arc<dyn Opened>), LinkError> {
        if let Some(found) = self.slots.get(capability) {
            return Ok(found.clone());
        }
        let admitted = self.admitted;
        let how = admitted.capabilities.get(capability).cloned().unwrap_or_default();
        let opened = self.registry.open(capability, how.image.as_deref()).await?;
        let parts = Parts {
            principal: &admitted.principal,
            link: &how.link,
            settings: &admitted.settings,
            claims: claims(&admitted.documents, capability),
            budgets: self.budgets,
            clerk: self.clerk,
        };
        let attach = opened.admit(parts).map_err(|source| LinkError::Claim { capability, source })?;
        let slot = self.attach(attach)?;
        self.slots.insert(capability, (slot, opened.clone()));
        Ok((slot, opened))
    }
}
