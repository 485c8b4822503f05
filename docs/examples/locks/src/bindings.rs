//! What bindgen makes of `wit/locks.wit`.

writ_provider::wasmtime::component::bindgen!({
    path: "wit",
    world: "provider",
    imports: { default: async | trappable },
    with: { "example:locks/locks.held": crate::Held },
    wasmtime_crate: writ_provider::wasmtime,
});
