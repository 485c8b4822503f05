//! WASI's own views, found by the number of the principal they belong to.

use wasmtime_wasi::cli::{WasiCli, WasiCliCtxView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtxView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtxView};
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsCtxView};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView};

use crate::{Find, Instance};

impl Find for WasiCli {
    fn find(instance: &mut Instance, principal: usize) -> WasiCliCtxView<'_> {
        let view = instance.wasi(principal);
        WasiCliCtxView { ctx: view.ctx.cli(), table: view.table }
    }
}

impl Find for WasiClocks {
    fn find(instance: &mut Instance, principal: usize) -> WasiClocksCtxView<'_> {
        let view = instance.wasi(principal);
        WasiClocksCtxView { ctx: view.ctx.clocks(), table: view.table }
    }
}

impl Find for WasiFilesystem {
    fn find(instance: &mut Instance, principal: usize) -> WasiFilesystemCtxView<'_> {
        let view = instance.wasi(principal);
        WasiFilesystemCtxView { ctx: view.ctx.filesystem(), table: view.table }
    }
}

impl Find for WasiRandom {
    fn find(instance: &mut Instance, principal: usize) -> &mut WasiRandomCtx {
        instance.wasi(principal).ctx.random()
    }
}

impl Find for WasiSockets {
    fn find(instance: &mut Instance, principal: usize) -> WasiSocketsCtxView<'_> {
        let view = instance.wasi(principal);
        WasiSocketsCtxView { ctx: view.ctx.sockets(), table: view.table }
    }
}

impl Find for WasiHttp {
    fn find(instance: &mut Instance, principal: usize) -> WasiHttpCtxView<'_> {
        instance.http_of(principal)
    }
}
