//! What bindgen makes of `wasi:config`, in the two drafts that components import.

pub(crate) use draft::wasi::config0_2_0_draft::runtime;
pub(crate) use rc1::wasi::config0_2_0_rc_1::store;

mod rc1 {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/config",
        wasmtime_crate: writ_provider::wasmtime,
    });
}

mod draft {
    writ_provider::wasmtime::component::bindgen!({
        path: "../../wit",
        world: "writ:host/config-runtime",
        wasmtime_crate: writ_provider::wasmtime,
    });
}
