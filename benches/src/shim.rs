//! What somebody would write by hand to join two components over one interface: two stores, and for each function a typed
//! call of the other's. No claims, no limits, and nothing that another interface could use.

use writ_provider::wasmtime::component::{Func, HasSelf, InstancePre, Linker, TypedFunc, Val};
use writ_provider::wasmtime::{self, Store};

use crate::bare::State;
use crate::side::CALLS;
use wit::bench::guest::calls::{self, Line};

mod wit {
    writ_provider::wasmtime::component::bindgen!({
        path: ["../wit", "../components/bench-guest/wit"],
        inline: "
            package bench:shim;
            world shim {
                import bench:guest/calls@0.1.0;
            }
        ",
        world: "bench:shim/shim",
        imports: { default: async | trappable },
        wasmtime_crate: writ_provider::wasmtime,
    });
}

/// The callee's store, as long as the caller's.
pub(crate) struct Callee {
    store: Store<State>,
    echo: TypedFunc<(String,), (String,)>,
    bytes: TypedFunc<(Vec<u8>,), (Vec<u8>,)>,
    lines: TypedFunc<(Vec<Line>,), (Vec<Line>,)>,
    /// `bytes`, with a value for each element.
    dynamic: Func,
}

impl Callee {
    pub(crate) async fn new(mut store: Store<State>, pre: &InstancePre<State>) -> wasmtime::Result<Self> {
        let instance = pre.instantiate_async(&mut store).await?;
        let missing = || wasmtime::format_err!("the guest lacks an export");
        let interface = instance.get_export_index(&mut store, None, CALLS).ok_or_else(missing)?;
        let mut index = |name| instance.get_export_index(&mut store, Some(&interface), name).ok_or_else(missing);
        let [echo, bytes, lines] = [index("echo")?, index("bytes")?, index("lines")?];
        Ok(Self {
            echo: instance.get_typed_func(&mut store, echo)?,
            bytes: instance.get_typed_func(&mut store, bytes)?,
            lines: instance.get_typed_func(&mut store, lines)?,
            dynamic: instance.get_func(&mut store, bytes).ok_or_else(missing)?,
            store,
        })
    }
}

/// Links the typed calls.
pub(crate) fn typed(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    calls::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

/// Links `bytes` alone, with a value for each element: what a host does that knows types only at run time.
pub(crate) fn dynamic(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    typed(linker)?;
    linker.instance(CALLS)?.func_new_async("bytes", |mut caller, _, parameters, results: &mut [Val]| {
        Box::new(async move {
            let mut callee = taken(caller.data_mut())?;
            callee.dynamic.call_async(&mut callee.store, parameters, results).await?;
            caller.data_mut().callee = Some(callee);
            Ok(())
        })
    })
}

fn taken(state: &mut State) -> wasmtime::Result<Callee> {
    state.callee.take().ok_or_else(not_measured)
}

fn not_measured() -> wasmtime::Error {
    wasmtime::format_err!("the bench does not measure this")
}

impl calls::Host for State {
    async fn echo(&mut self, text: String) -> wasmtime::Result<String> {
        let mut callee = taken(self)?;
        let (text,) = callee.echo.call_async(&mut callee.store, (text,)).await?;
        self.callee = Some(callee);
        Ok(text)
    }

    async fn bytes(&mut self, bytes: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let mut callee = taken(self)?;
        let (bytes,) = callee.bytes.call_async(&mut callee.store, (bytes,)).await?;
        self.callee = Some(callee);
        Ok(bytes)
    }

    async fn lines(&mut self, lines: Vec<Line>) -> wasmtime::Result<Vec<Line>> {
        let mut callee = taken(self)?;
        let (lines,) = callee.lines.call_async(&mut callee.store, (lines,)).await?;
        self.callee = Some(callee);
        Ok(lines)
    }

    async fn nop(&mut self) -> wasmtime::Result<()> {
        Err(not_measured())
    }

    async fn log(&mut self, _: u32) -> wasmtime::Result<()> {
        Err(not_measured())
    }

    /// Asked of every side before it is measured.
    async fn put(&mut self) -> wasmtime::Result<()> {
        Ok(())
    }

    async fn get(&mut self, _: u32) -> wasmtime::Result<u64> {
        Err(not_measured())
    }
}
