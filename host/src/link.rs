//! From an admission to a component that can be called: a linker that holds exactly what was granted, built once.

use std::collections::BTreeMap;
use std::sync::Arc;

use writ_provider::wasmtime::component::types::{ComponentInstance, ComponentItem};
use writ_provider::wasmtime::component::{Component, InstancePre, Linker, LinkerInstance};
use writ_provider::wasmtime::{self, Engine};
use writ_provider::{Instance, InvalidClaim, OpenError, Principal, Slot, TooManySlots};

use crate::audit::Clerk;
use crate::authorize::Admitted;
use crate::budgets::Budgets;
use crate::compose::middleware::{self, Front, is_handler};
use crate::compose::{self, Edge, Ends, Join, Joint, Owner, UnitError, Whole, identity};
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
    /// What carries calls from store to store, by the numbers after theirs.
    pub(crate) carriers: Vec<Carrier>,
    /// Where a store holds who calls the first, if that asks for it.
    pub(crate) caller: Option<Slot>,
    /// Where a store holds the links to handlers that its components are in front of.
    pub(crate) behind: Vec<Slot>,
}

/// What carries calls for a component: its own out of the store, over this import, or those of others into it.
pub(crate) struct Carrier {
    /// The number of that component.
    pub(crate) part: usize,
    pub(crate) import: Option<String>,
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
    /// It cannot be put together with what its links need.
    #[error(transparent)]
    Unit(Box<UnitError>),
    /// The component does not fit as a whole.
    #[error("it cannot be linked: {0}")]
    Mismatch(String),
}

impl From<UnitError> for LinkError {
    fn from(error: UnitError) -> Self {
        Self::Unit(Box::new(error))
    }
}

/// A component to link, with whom its imports serve.
pub(crate) struct Part<'a> {
    pub(crate) admitted: &'a Admitted,
    /// Its links to components in stores of their own.
    pub(crate) edges: Vec<(&'a Joint, Arc<Edge>)>,
}

/// Whose an import is, and what it is called there.
enum Wanted<'a> {
    /// A part's.
    Part(usize, InterfaceName),
    /// What carries the calls of this import of a part.
    Carry(usize, &'a str),
    /// Who calls over a link within the store: always the same, or whoever the host says.
    Caller(Option<usize>),
    /// Types alone.
    Types,
}

/// Links every import of `component`, under the component's own spelling of its name, to a slot of what was granted to the
/// part whose import it is.
pub(crate) async fn link(
    engine: &Engine,
    component: &Component,
    (parts, whole): (&[Part<'_>], Option<&Whole>),
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
        let shape = |error: wasmtime::Error| LinkError::Shape { import: name.to_owned(), reason: format!("{error:#}") };
        let mut at = linker.instance(name).map_err(shape)?;
        match wanted(name, whole)? {
            Wanted::Part(number, wanted) => {
                if is_handler(&wanted) {
                    let (end, join) = end(&ends, number, &wanted.to_string(), name)?;
                    let slots = (end.slot, Slot::new(number)?);
                    middleware::link(join, &end.edge, slots, &mut at).map_err(shape)?;
                } else {
                    granted.part((number, &wanted), engine, (name, &interface), &mut at).await?;
                }
            }
            Wanted::Caller(who) => granted.caller(who, &mut at).map_err(shape)?,
            Wanted::Types => {}
            Wanted::Carry(part, import) => {
                let (end, join) = end(&ends, part, import, name)?;
                compose::link(join, &end.edge, end.slot, &mut at).map_err(shape)?;
            }
        }
    }
    let pre = linker.instantiate_pre(component).map_err(|error| LinkError::Mismatch(format!("{error:#}")))?;
    let open = |part: &Part<'_>| Ok((part.admitted.principal.clone(), Wasi::of(part.admitted, budgets)?));
    let principals = parts.iter().map(open).collect::<Result<_, OpenError>>()?;
    let behind = ends.iter().filter(|end| end.joint.is_in_front()).map(|end| end.slot).collect();
    let carriers = carriers(parts.len(), whole);
    Ok(Linked { pre, attach: granted.attach, principals, carriers, caller: granted.caller, behind })
}

/// For whom each component that the host itself put into a whole carries calls. The receiver's go to the first.
fn carriers(parts: usize, whole: Option<&Whole>) -> Vec<Carrier> {
    let Some(whole) = whole else { return Vec::new() };
    let numbers = (parts..).take(whole.carriers()).filter_map(|number| u32::try_from(number).ok());
    let carrier = |number| match whole.owner(number) {
        Owner::Sender(part, import) => Carrier { part, import: Some(import.to_owned()) },
        Owner::Receiver => Carrier { part: 0, import: None },
        Owner::Member(part) => Carrier { part, import: None },
    };
    numbers.map(carrier).collect()
}

/// Whose an import is: the only component's, or as the checker traced it.
fn wanted<'a>(name: &str, whole: Option<&'a Whole>) -> Result<Wanted<'a>, LinkError> {
    let Some(whole) = whole else {
        let interface = name.parse().map_err(|error: InvalidName| LinkError::Mismatch(error.to_string()))?;
        return Ok(Wanted::Part(0, interface));
    };
    let traced = whole.imports().iter().find(|import| import.name == name);
    let traced = traced.ok_or_else(|| LinkError::Mismatch(format!("{name} was not traced to anybody")))?;
    let number = match traced.serves {
        Serves::Everyone => return Ok(Wanted::Part(0, traced.interface.clone())),
        Serves::Edge(edge) => return Ok(Wanted::Caller(whole.caller(edge))),
        Serves::Principal(number) => number,
    };
    Ok(match whole.owner(number) {
        Owner::Member(number) => Wanted::Part(number, traced.interface.clone()),
        Owner::Sender(part, import) if compose::is_carry(&traced.interface) => Wanted::Carry(part, import),
        // They were made here: what else they import holds the types of what they carry.
        Owner::Sender(..) | Owner::Receiver => Wanted::Types,
    })
}

/// A link that leads out of the store: whose it is, and the slot of its end.
struct End<'a> {
    part: usize,
    joint: &'a Joint,
    edge: Arc<Edge>,
    slot: Slot,
}

impl End<'_> {
    /// This end, where it is for that import of a part.
    fn of(&self, part: usize, import: &str) -> Option<(&Self, &Join)> {
        let mut joins = self.joint.interfaces.iter().filter(|_| self.part == part);
        joins.find(|join| join.import.to_string() == import).map(|join| (self, join))
    }
}

/// A link to a handler.
fn front(joint: &Joint, edge: &Arc<Edge>) -> Result<Front, LinkError> {
    let unfit = |_| {
        let callee = &edge.callee.principal;
        LinkError::Mismatch(format!("{callee}, at line {}, exports another wasi:http/incoming-handler", joint.line))
    };
    Front::new(edge.clone()).map_err(unfit)
}

/// The end of the link that an import of a part leads over.
fn end<'a, 'b>(
    ends: &'b [End<'a>],
    part: usize,
    import: &str,
    name: &str,
) -> Result<(&'b End<'a>, &'b Join), LinkError> {
    let found = ends.iter().find_map(|end| end.of(part, import));
    found.ok_or_else(|| LinkError::Mismatch(format!("{name} leads nowhere")))
}

/// Where a capability of a part lies, and what serves it.
type Served = (Slot, Arc<dyn Opened>);

/// The slots given out so far: one per part and capability.
struct Granted<'a> {
    slots: BTreeMap<(usize, &'static str), Served>,
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
    fn ends(&mut self) -> Result<Vec<End<'a>>, LinkError> {
        let mut ends = Vec::new();
        for (part, (joint, edge)) in
            self.parts.iter().enumerate().flat_map(|(n, part)| part.edges.iter().map(move |e| (n, e)))
        {
            let end: Arc<dyn Attach> = match joint.is_in_front() {
                true => Arc::new(front(joint, edge)?),
                false => Arc::new(Ends(edge.clone())),
            };
            let slot = self.attach(end)?;
            ends.push(End { part, joint, edge: edge.clone(), slot });
        }
        Ok(ends)
    }

    /// One import of a part.
    async fn part(
        &mut self,
        (number, wanted): (usize, &InterfaceName),
        engine: &Engine,
        (name, interface): (&str, &ComponentInstance),
        at: &mut LinkerInstance<'_, Instance>,
    ) -> Result<(), LinkError> {
        let shape = |error: wasmtime::Error| LinkError::Shape { import: name.to_owned(), reason: format!("{error:#}") };
        let part = self.parts.get(number).ok_or_else(|| LinkError::Mismatch(format!("{name} is nobody's")))?;
        if baseline::link(wanted, at, Slot::new(number)?).map_err(shape)? {
            return Ok(());
        }
        if identity::is_identity(wanted) {
            return self.caller(None, at).map_err(shape);
        }
        if part.admitted.types.contains(&wanted.to_string()) {
            return Ok(());
        }
        if let Some(word) = self.registry.vocabulary().imported(wanted) {
            let (slot, opened) = self.slot(number, part.admitted, word.name()).await?;
            if opened.link(wanted, at, slot).map_err(shape)? {
                return Ok(());
            }
        }
        // Everything else was refused by `authorize`, unless every document claims it empty.
        match vocabulary::known(wanted) {
            Some(capability) => stub::link(engine, capability, interface, at).map_err(shape),
            None => Err(LinkError::Mismatch(format!("nobody serves {name}"))),
        }
    }

    /// Who calls: this part, or whoever the host says, who is the same over all interfaces that other stores call.
    fn caller(&mut self, part: Option<usize>, at: &mut LinkerInstance<'_, Instance>) -> wasmtime::Result<()> {
        let caller = part.and_then(|part| self.parts.get(part)).map(|part| part.admitted.principal.clone());
        let slot = match self.caller.filter(|_| part.is_none()) {
            Some(slot) => slot,
            None => self.attach(Arc::new(identity::Known(caller)))?,
        };
        if part.is_none() {
            self.caller = Some(slot);
        }
        identity::link(at, slot)
    }

    async fn slot(&mut self, part: usize, admitted: &Admitted, capability: &'static str) -> Result<Served, LinkError> {
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
