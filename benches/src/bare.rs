//! What this host is compared with: the same guest and the same host functions on wasmtime alone, without claims, limits
//! or deadlines of the guest's own.

use std::sync::Arc;

use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};
use writ_keyvalue::backend::{Backend, BackendError, Changes};
use writ_keyvalue::key::Scope;
use writ_provider::wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use writ_provider::wasmtime::{self, Engine, Store};
use writ_provider::{Deadline, Principal, Resource, ResourceTable};

use crate::shim::Callee;
use wit::wasi::keyvalue::store;
use wit::wasi::logging0_1_0_draft::logging;

mod wit {
    writ_provider::wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package bench:bare;
            world imports {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
            }
        ",
        world: "bench:bare/imports",
        imports: { "wasi:keyvalue/store": async | trappable },
        with: { "wasi:keyvalue/store.bucket": super::Bucket },
        trappable_error_type: { "wasi:keyvalue/store.error" => super::Failure },
        wasmtime_crate: writ_provider::wasmtime,
    });
}

/// The guest, linked to what is here.
pub(crate) struct Bare {
    engine: Engine,
    pub(crate) pre: InstancePre<State>,
    backend: Arc<dyn Backend>,
    principal: Principal,
}

impl Bare {
    /// Compiles for the engine of the host that it is compared with, so that its settings are the same.
    pub(crate) fn new(
        engine: &Engine,
        guest: &[u8],
        backend: Arc<dyn Backend>,
        principal: Principal,
    ) -> wasmtime::Result<Self> {
        Self::linked(engine, guest, backend, principal, |_| Ok(()))
    }

    /// As [`Bare::new`], with what `link` adds.
    pub(crate) fn linked(
        engine: &Engine,
        guest: &[u8],
        backend: Arc<dyn Backend>,
        principal: Principal,
        link: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()>,
    ) -> wasmtime::Result<Self> {
        let component = Component::new(engine, guest)?;
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        store::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        logging::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        link(&mut linker)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Self { engine: engine.clone(), pre, backend, principal })
    }

    /// A store without limits. The engine interrupts by epochs, so it has a deadline: one that never comes.
    pub(crate) fn store(&self) -> Store<State> {
        let state = State {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            egress: NoEgress,
            backend: self.backend.clone(),
            principal: self.principal.clone(),
            deadline: Deadline::after(std::time::Duration::from_secs(3_600)),
            callee: None,
        };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(u64::MAX / 2);
        store
    }
}

/// wasmtime's error as a program's.
pub(crate) fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// What a bare store holds.
pub(crate) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: NoEgress,
    backend: Arc<dyn Backend>,
    principal: Principal,
    deadline: Deadline,
    /// What a hand-written link calls.
    pub(crate) callee: Option<Callee>,
}

/// As the provider's bucket, without a grant.
#[expect(unreachable_pub, reason = "bindgen's modules re-export it")]
pub struct Bucket {
    scope: Scope,
    backend: Arc<dyn Backend>,
}

/// As the provider's failure, without a denial.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "bindgen's modules name it")]
pub enum Failure {
    Other(String),
    Trap(wasmtime::Error),
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<wasmtime::Error> for Failure {
    fn from(trap: wasmtime::Error) -> Self {
        Self::Trap(trap)
    }
}

impl State {
    fn bucket(&self, bucket: &Resource<Bucket>) -> Result<&Bucket, Failure> {
        self.table.get(bucket).map_err(|error| Failure::Trap(error.into()))
    }
}

impl store::Host for State {
    async fn open(&mut self, name: String) -> Result<Resource<Bucket>, Failure> {
        let scope = Scope::new(self.principal.account().bytes(), &name);
        let bucket = Bucket { scope, backend: self.backend.clone() };
        self.table.push(bucket).map_err(|error| Failure::Other(error.to_string()))
    }

    fn convert_error(&mut self, failure: Failure) -> wasmtime::Result<store::Error> {
        match failure {
            Failure::Other(reason) => Ok(store::Error::Other(reason)),
            Failure::Trap(trap) => Err(trap),
        }
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, this: Resource<Bucket>, key: String) -> Result<Option<Vec<u8>>, Failure> {
        let deadline = self.deadline;
        let bucket = self.bucket(&this)?;
        if key.len() > MOST_KEY {
            return Err(Failure::Other(format!("a key has at most {MOST_KEY} bytes")));
        }
        let mut values = deadline.bound(bucket.backend.get(vec![bucket.scope.key(&key)], MOST_VALUE)).await??;
        Ok(values.pop().flatten())
    }

    async fn set(&mut self, this: Resource<Bucket>, key: String, value: Vec<u8>) -> Result<(), Failure> {
        let deadline = self.deadline;
        let bucket = self.bucket(&this)?;
        let changes = Changes::from([(bucket.scope.key(&key), Some(value))]);
        Ok(deadline.bound(bucket.backend.write(changes)).await??)
    }

    async fn delete(&mut self, _: Resource<Bucket>, _: String) -> Result<(), Failure> {
        Err(not_measured())
    }

    async fn exists(&mut self, _: Resource<Bucket>, _: String) -> Result<bool, Failure> {
        Err(not_measured())
    }

    async fn list_keys(&mut self, _: Resource<Bucket>, _: Option<u64>) -> Result<store::KeyResponse, Failure> {
        Err(not_measured())
    }

    async fn drop(&mut self, this: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

fn not_measured() -> Failure {
    Failure::Trap(wasmtime::format_err!("the bench does not measure this"))
}

impl logging::Host for State {
    /// What the provider does once the grant said yes.
    fn log(&mut self, level: logging::Level, context: String, message: String) {
        let id = self.principal.component();
        let component = &self.principal;
        let (kept_context, kept_message) = (start(&context, 256), start(&message, 8 << 10));
        let cut = (kept_context.len() < context.len() || kept_message.len() < message.len()).then_some(true);
        let context = (!kept_context.is_empty()).then_some(kept_context);
        match level {
            logging::Level::Info => tracing::event!(
                target: "writ::guest",
                tracing::Level::INFO,
                component = %component,
                id = %id,
                context,
                cut,
                message = kept_message
            ),
            _ => tracing::debug!(message = kept_message),
        }
    }
}

fn start(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

/// The guest sends no requests.
struct NoEgress;

type Sent = Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>;
type Answer = Result<(http::Response<WasiBody>, Sent), wasmtime_wasi_http::Error>;

impl WasiHttpHooks for NoEgress {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<wasmtime_wasi_http::RequestOptions>,
        _: Sent,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        Box::new(async { Err(wasmtime_wasi_http::Error::HttpRequestDenied) })
    }
}

/// As the provider has it.
const MOST_KEY: usize = 4 << 10;
const MOST_VALUE: usize = 1 << 20;
