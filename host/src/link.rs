//! From an admission to a component that can be called: a linker that holds exactly what was granted, built once.

use std::collections::BTreeMap;
use std::sync::Arc;

use writ_provider::wasmtime::component::types::ComponentItem;
use writ_provider::wasmtime::component::{Component, InstancePre, Linker, LinkerInstance};
use writ_provider::wasmtime::{self, Engine};
use writ_provider::{Instance, InvalidClaim, OpenError, Principal, Slot, TooManySlots};

use crate::audit::Clerk;
use crate::authorize::Admitted;
use crate::budgets::Budgets;
use crate::compose::{self, Edge, Ends, Fused, Join, Joint, Unfaithful, identity};
use crate::fuse::Serves;
use crate::names::{InterfaceName, InvalidName};
use crate::registry::{Attach, Opened, Parts, Registry, claims};
use crate::stub;
use crate::vocabulary;
use crate::wasi::{Wasi, baseline};

/// A component, or several as one, linked to what each was granted, and to nothing else.
pub(crate) struct Linked {
    pub(crate) pre: InstancePre<Instance>,
    /// What each fresh store holds, by slot.
    pub(crate) attach: Vec<Arc<dyn Attach>>,
    /// Whose authority is in a store, and what is open to each of WASI, by their numbers. The first is called from outside.
    pub(crate) principals: Vec<(Principal, Wasi)>,
    /// Where a store holds who calls the first, if that asks for it.
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
    /// Components that run together are not wired as their links say.
    #[error(transparent)]
    Fused(#[from] Unfaithful),
    /// The component does not fit as a whole.
    #[error("it cannot be linked: {0}")]
    Mismatch(String),
}

/// A component to link, with whom its imports serve.
pub(crate) struct Part<'a> {
    pub(crate) admitted: &'a Admitted,
    /// Its links to components in stores of their own.
    pub(crate) edges: Vec<(&'a Joint, Arc<Edge>)>,
}

/// What an import of the component that is linked is called, in that and in the part whose it is.
struct Wanted {
    name: String,
    interface: InterfaceName,
    serves: Serves,
}

/// Links every import of `component`, under the component's own spelling of its name, to a slot of what was granted to the
/// part whose import it is.
pub(crate) async fn link(
    engine: &Engine,
    component: &Component,
    (parts, fused): (&[Part<'_>], Option<&Fused>),
    registry: &Registry,
    (budgets, clerk): (&Budgets, Option<&Clerk>),
) -> Result<Linked, LinkError> {
    let mut granted =
        Granted { slots: BTreeMap::new(), attach: Vec::new(), parts, registry, budgets, clerk, caller: None };
    let ends = granted.ends()?;
    let mut linker = Linker::new(engine);
    // For the baseline's own bounds on what wasi-http leaves unbounded. An import is linked once: names are unique.
    linker.allow_shadowing(true);
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            return Err(LinkError::Mismatch(format!("{name} is no interface")));
        };
        let wanted = wanted(name, fused)?;
        let shape = |error: wasmtime::Error| LinkError::Shape { import: name.to_owned(), reason: format!("{error:#}") };
        let mut at = linker.instance(name).map_err(shape)?;
        let (number, part) = match wanted.serves {
            Serves::Everyone => (0, parts.first()),
            Serves::Principal(number) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                (number, parts.get(number))
            }
            Serves::Edge(edge) => {
                granted.known(edge, fused, &mut at).map_err(shape)?;
                continue;
            }
        };
        let part = part.ok_or_else(|| LinkError::Mismatch(format!("{name} is nobody's")))?;
        if baseline::link(&wanted.interface, &mut at, Slot::new(number)?).map_err(shape)? {
            continue;
        }
        if identity::is_identity(&wanted.interface) {
            granted.asks(&mut at).map_err(shape)?;
            continue;
        }
        if let Some((edge, join, slot)) = joined(&ends, number, &wanted.name) {
            compose::link(engine, &interface, join, edge, slot, &mut at).map_err(shape)?;
            continue;
        }
        if part.admitted.types.contains(&wanted.name) {
            continue;
        }
        if let Some(word) = registry.vocabulary().imported(&wanted.interface) {
            let (slot, opened) = granted.slot(number, part.admitted, word.name()).await?;
            if opened.link(&wanted.interface, &mut at, slot).map_err(shape)? {
                continue;
            }
        }
        // Everything else was refused by `authorize`, unless every document claims it empty.
        match vocabulary::known(&wanted.interface) {
            Some(capability) => stub::link(engine, capability, &interface, &mut at).map_err(shape)?,
            None => return Err(LinkError::Mismatch(format!("nobody serves {name}"))),
        }
    }
    let pre = linker.instantiate_pre(component).map_err(|error| LinkError::Mismatch(format!("{error:#}")))?;
    let open = |part: &Part<'_>| Ok((part.admitted.principal.clone(), Wasi::of(part.admitted, budgets)?));
    let principals = parts.iter().map(open).collect::<Result<_, OpenError>>()?;
    Ok(Linked { pre, attach: granted.attach, principals, caller: granted.caller })
}

/// Whose an import is: the only component's, or as the checker traced it.
fn wanted(name: &str, fused: Option<&Fused>) -> Result<Wanted, LinkError> {
    let Some(fused) = fused else {
        let interface = name.parse().map_err(|error: InvalidName| LinkError::Mismatch(error.to_string()))?;
        return Ok(Wanted { name: name.to_owned(), interface, serves: Serves::Principal(0) });
    };
    let traced = fused.checked.imports().iter().find(|import| import.name == name);
    let traced = traced.ok_or_else(|| LinkError::Mismatch(format!("{name} was not traced to anybody")))?;
    let (interface, serves) = (traced.interface.clone(), traced.serves);
    Ok(Wanted { name: interface.to_string(), interface, serves })
}

/// A link that leads out of the store: whose it is, and the slot of its end.
struct End<'a> {
    part: usize,
    joint: &'a Joint,
    edge: Arc<Edge>,
    slot: Slot,
}

/// The edge that an import of a part goes over.
fn joined<'a>(ends: &'a [End<'a>], part: usize, import: &str) -> Option<(&'a Edge, &'a Join, Slot)> {
    ends.iter().filter(|end| end.part == part).find_map(|end| {
        let join = end.joint.interfaces.iter().find(|join| join.import.to_string() == import)?;
        Some((end.edge.as_ref(), join, end.slot))
    })
}

/// The slots given out so far: one per part and capability.
struct Granted<'a> {
    slots: BTreeMap<(usize, &'static str), (Slot, Arc<dyn Opened>)>,
    attach: Vec<Arc<dyn Attach>>,
    parts: &'a [Part<'a>],
    registry: &'a Registry,
    budgets: &'a Budgets,
    clerk: Option<&'a Clerk>,
    caller: Option<Slot>,
}

impl<'a> Granted<'a> {
    /// A slot that is filled in each fresh store.
    fn attach(&mut self, attach: Arc<dyn Attach>) -> Result<Slot, TooManySlots> {
        let slot = Slot::new(self.attach.len())?;
        self.attach.push(attach);
        Ok(slot)
    }

    /// A slot for the end of each link that leads out of the store.
    fn ends(&mut self) -> Result<Vec<End<'a>>, TooManySlots> {
        let mut ends = Vec::new();
        for (part, (joint, edge)) in
            self.parts.iter().enumerate().flat_map(|(n, part)| part.edges.iter().map(move |e| (n, e)))
        {
            let slot = self.attach(Arc::new(Ends(edge.clone())))?;
            ends.push(End { part, joint, edge: edge.clone(), slot });
        }
        Ok(ends)
    }

    /// Who calls over a link within the store: always the same.
    fn known(
        &mut self,
        edge: usize,
        fused: Option<&Fused>,
        at: &mut LinkerInstance<'_, Instance>,
    ) -> wasmtime::Result<()> {
        let importer = fused.and_then(|fused| fused.edges.get(edge)).and_then(|edge| self.parts.get(edge.importer));
        let caller = importer.map(|part| part.admitted.principal.clone());
        let slot = self.attach(Arc::new(identity::Known(caller)))?;
        identity::link(at, slot)
    }

    /// Who calls the first part: whoever the host says.
    fn asks(&mut self, at: &mut LinkerInstance<'_, Instance>) -> wasmtime::Result<()> {
        let slot = self.attach(Arc::new(identity::Known::default()))?;
        self.caller = Some(slot);
        identity::link(at, slot)
    }

    async fn slot(
        &mut self,
        part: usize,
        admitted: &Admitted,
        capability: &'static str,
    ) -> Result<(Slot, Arc<dyn Opened>), LinkError> {
        if let Some(found) = self.slots.get(&(part, capability)) {
            return Ok(found.clone());
        }
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
        self.slots.insert((part, capability), (slot, opened.clone()));
        Ok((slot, opened))
    }
}
