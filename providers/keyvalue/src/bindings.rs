//! What bindgen makes of `wasi:keyvalue`.

writ_provider::wasmtime::component::bindgen!({
    path: "../../wit",
    world: "writ:host/keyvalue",
    imports: { default: async | trappable },
    with: { "wasi:keyvalue/store.bucket": crate::Bucket },
    trappable_error_type: { "wasi:keyvalue/store.error" => crate::Failure },
    wasmtime_crate: writ_provider::wasmtime,
});
