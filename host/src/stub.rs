//! Interfaces that were claimed empty and that no provider serves: linked, so that a component which never calls them
//! runs, and a trap when it does.
//!
//! wasmtime's own `define_unknown_imports_as_traps` gives every resource a type of its own, which does not fit an interface
//! that passes `wasi:io`'s streams. Here a resource that belongs to the baseline is the host's own type, and any other is
//! one type per name.

use std::hash::{DefaultHasher, Hash, Hasher};

use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, IoError};
use wasmtime_wasi_http::p2::{body, types as http};
use wasmtime_wasi_http::{FieldMap, RequestOptions};
use writ_provider::Instance;
use writ_provider::wasmtime::component::types::{ComponentInstance, ComponentItem};
use writ_provider::wasmtime::component::{LinkerInstance, ResourceType};
use writ_provider::wasmtime::{self, Engine};

/// Links every function of `interface` to a trap that says that `capability` was claimed empty.
pub(crate) fn link(
    engine: &Engine,
    capability: &'static str,
    interface: &ComponentInstance,
    linker: &mut LinkerInstance<'_, Instance>,
) -> wasmtime::Result<()> {
    for (name, item) in interface.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let called = name.to_owned();
                linker.func_new(name, move |_, _, _, _| {
                    Err(wasmtime::format_err!(
                        "`{called}` was called, but {capability} is claimed empty: it permits nothing"
                    ))
                })?;
            }
            ComponentItem::Resource(_) => linker.resource(name, resource(name), |_, _| Ok(()))?,
            _ => {}
        }
    }
    Ok(())
}

fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<DynPollable>(),
        "input-stream" => ResourceType::host::<DynInputStream>(),
        "output-stream" => ResourceType::host::<DynOutputStream>(),
        "error" => ResourceType::host::<IoError>(),
        "fields" => ResourceType::host::<FieldMap>(),
        "request-options" => ResourceType::host::<RequestOptions>(),
        "outgoing-request" => ResourceType::host::<http::HostOutgoingRequest>(),
        "outgoing-response" => ResourceType::host::<http::HostOutgoingResponse>(),
        "incoming-request" => ResourceType::host::<http::HostIncomingRequest>(),
        "incoming-response" => ResourceType::host::<http::HostIncomingResponse>(),
        "future-incoming-response" => ResourceType::host::<http::HostFutureIncomingResponse>(),
        "incoming-body" => ResourceType::host::<body::HostIncomingBody>(),
        "outgoing-body" => ResourceType::host::<body::HostOutgoingBody>(),
        other => {
            let mut hasher = DefaultHasher::new();
            other.hash(&mut hasher);
            // Every function of these interfaces traps, so two names that share a number share nothing.
            ResourceType::host_dynamic((hasher.finish() & u64::from(u32::MAX)) as u32)
        }
    }
}
