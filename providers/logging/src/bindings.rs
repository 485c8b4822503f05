//! What bindgen makes of `wasi:logging`, which components import with and without a version.

pub(crate) use unversioned::wasi::logging::logging as older;
pub(crate) use versioned::wasi::logging0_1_0_draft::logging as published;

mod versioned {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/logging",
        wasmtime_crate: writ_provider::wasmtime,
    });
}

mod unversioned {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/logging-unversioned",
        wasmtime_crate: writ_provider::wasmtime,
    });
}
