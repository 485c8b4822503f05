//! `writ:identity/caller`: a component learns who calls it.
//!
//! Who that is lies in the callee's store, where the host puts it before it calls: no guest says anything about it.

use std::any::Any;

use writ_provider::wasmtime;
use writ_provider::wasmtime::component::{HasData, LinkerInstance};
use writ_provider::{Find, Instance, Principal, Slot};

use crate::names::InterfaceName;
use crate::registry::Attach;
use bindings::writ::identity::caller;

mod bindings {
    writ_provider::wasmtime::component::bindgen!({
        path: "../wit",
        world: "writ:host/identity",
        wasmtime_crate: writ_provider::wasmtime,
    });
}

/// Who calls the component of a store; nobody where a trigger or the host's owner does.
#[derive(Default)]
pub(crate) struct Caller(pub(crate) Option<Principal>);

struct Identity;

impl HasData for Identity {
    type Data<'a> = &'a mut Caller;
}

impl Find for Identity {
    fn find(instance: &mut Instance, slot: usize) -> &mut Caller {
        match instance.held(slot) {
            Some(caller) => caller,
            // The host attaches what it linked.
            None => unreachable!("slot {slot} holds no caller"),
        }
    }
}

impl caller::Host for Caller {
    fn get(&mut self) -> Option<caller::Principal> {
        let principal = self.0.as_ref()?;
        Some(caller::Principal {
            account_name: principal.account_name().to_owned(),
            account_key: principal.account().to_string(),
            component_name: principal.component_name().to_owned(),
            component_key: principal.component().to_string(),
        })
    }
}

/// Whether it is the interface that says who calls.
pub(crate) fn is_identity(name: &InterfaceName) -> bool {
    INTERFACE.parse::<InterfaceName>().is_ok_and(|own| own.matches(name))
}

/// Links it at a slot, which holds a [`Caller`].
pub(crate) fn link(linker: &mut LinkerInstance<'_, Instance>, slot: Slot) -> wasmtime::Result<()> {
    caller::add_to_linker_instance::<_, Identity>(linker, slot.getter::<Identity>())
}

/// Puts a [`Caller`] into each fresh store. Where that is nobody, the host may say otherwise before it calls.
#[derive(Default)]
pub(crate) struct Known(pub(crate) Option<Principal>);

impl Attach for Known {
    fn attach(&self) -> Box<dyn Any + Send> {
        Box::new(Caller(self.0.clone()))
    }
}

const INTERFACE: &str = "writ:identity/caller@0.1.0";
