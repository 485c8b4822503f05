//! What bindgen makes of `wit/schedule.wit`.

writ_provider::wasmtime::component::bindgen!({
    path: "wit",
    world: "trigger",
    exports: { default: async },
    wasmtime_crate: writ_provider::wasmtime,
});
