//! Calling one exported function by name, with arguments in WAVE: what `writ call` does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use writ_provider::wasmtime::component::types::{ComponentFunc, ComponentItem};
use writ_provider::wasmtime::component::{Component, Val};
use writ_provider::wasmtime::{self, Engine};
use writ_provider::{Failure, Target};

use crate::authorize::Admission;
use crate::denial::Denials;
use crate::host::{DeployError, Host};
use crate::prepared::Entry;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The documents do not allow the component here.
    #[error("{0}")]
    Denied(#[from] Denials),
    /// It does not compile or link.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// No export of that name.
    #[error("it exports no function `{name}`{known}")]
    NoSuchFunction {
        /// What was asked for.
        name: String,
        /// What it does export, as a sentence's end.
        known: String,
    },
    /// The name fits several exports.
    #[error("`{name}` may be any of {candidates}: write one of them")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The functions it fits.
        candidates: String,
    },
    /// Another number of arguments than parameters.
    #[error("`{signature}` takes {expected} arguments, and {found} were given")]
    Arity {
        /// The function with its types.
        signature: String,
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// An argument is not a value of its parameter's type.
    #[error("argument {position} (`{parameter}: {ty}`): {reason}")]
    Argument {
        /// From 1.
        position: usize,
        /// The parameter's name.
        parameter: String,
        /// Its type, in WAVE.
        ty: String,
        /// What is wrong with the value.
        reason: String,
    },
    /// The function passes resources, which have no text.
    #[error("`{0}` passes resources, which cannot be written as text")]
    Resource(String),
    /// Every instance is in use.
    #[error(transparent)]
    Busy(#[from] writ_provider::Busy),
    /// The call failed; the log says how.
    #[error("the call failed: {0}")]
    Failed(#[from] Failure),
}

impl Host {
    /// Calls one exported function of the first admitted component in a fresh store; `args` and the result are in WAVE. None
    /// for a function that returns nothing.
    ///
    /// `function` is the export's name: `name`, `namespace:package/interface#name`, or `interface#name` where that is clear.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(
        &self,
        admission: &Admission,
        function: &str,
        args: &[String],
    ) -> Result<Option<String>, CallError> {
        let Some(admitted) = admission.components().first() else {
            return Err(CallError::NoSuchFunction { name: function.to_owned(), known: String::new() });
        };
        let prepared = self.prepare_first(admission, admitted, function).await?;
        let component = prepared.linked.pre.component().clone();
        let found = find(self.engine(), &component, function)?;
        let values = found.values(args)?;
        let target = Target::new(Arc::new(Entry(Arc::new(prepared))));
        let permit = target.admit(Duration::from_secs(1)).await?;
        let result = Arc::new(Mutex::new(None));
        let (kept, pre) = (result.clone(), target.pre().clone());
        let work = target.run(permit, move |store| {
            Box::pin(async move {
                let instance = pre.instantiate_async(&mut *store).await?;
                let parent = match &found.interface {
                    Some(name) => instance.get_export_index(&mut *store, None, name),
                    None => None,
                };
                let index = instance.get_export_index(&mut *store, parent.as_ref(), &found.name);
                let index = index.ok_or_else(|| wasmtime::format_err!("the export is gone"))?;
                let called = instance.get_func(&mut *store, index);
                let called = called.ok_or_else(|| wasmtime::format_err!("the export is no function"))?;
                let mut results = vec![Val::Bool(false); found.ty.results().len()];
                called.call_async(&mut *store, &values, &mut results).await?;
                let text = results.first().map(Val::to_wave).transpose()?;
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = text;
                Ok(())
            })
        });
        work.await?;
        let text = result.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(text)
    }
}

/// An exported function that was found by its name.
struct Found {
    interface: Option<String>,
    name: String,
    ty: ComponentFunc,
}

impl Found {
    /// The name as it can be asked for: `interface#name`.
    fn full(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.name),
            None => self.name.clone(),
        }
    }

    fn fits(&self, asked: &str) -> bool {
        let Some((interface, name)) = asked.split_once('#') else { return self.name == asked };
        let own = self.interface.as_deref().unwrap_or_default();
        let unversioned = own.split('@').next().unwrap_or_default();
        let short = unversioned.rsplit('/').next().unwrap_or_default();
        self.name == name && [own, unversioned, short].contains(&interface)
    }

    fn signature(&self) -> String {
        let parameters: Vec<_> = self.ty.params().map(|(name, ty)| format!("{name}: {}", type_name(&ty))).collect();
        let results: Vec<_> = self.ty.results().map(|ty| type_name(&ty)).collect();
        let arrow = if results.is_empty() { "" } else { " -> " };
        format!("{}({}){arrow}{}", self.full(), parameters.join(", "), results.join(", "))
    }

    fn values(&self, args: &[String]) -> Result<Vec<Val>, CallError> {
        let parameters: Vec<_> = self.ty.params().collect();
        if parameters.len() != args.len() {
            let signature = self.signature();
            return Err(CallError::Arity { signature, expected: parameters.len(), found: args.len() });
        }
        let mut all = parameters.iter().map(|(_, ty)| ty.clone()).chain(self.ty.results());
        if all.any(|ty| has_resource(&ty)) {
            return Err(CallError::Resource(self.signature()));
        }
        let value = |(i, ((name, ty), text)): (usize, (&(&str, wasmtime::component::Type), &String))| {
            Val::from_wave(ty, text).map_err(|error| CallError::Argument {
                position: i.saturating_add(1),
                parameter: (*name).to_owned(),
                ty: type_name(ty),
                reason: error.root_cause().to_string(),
            })
        };
        parameters.iter().zip(args).enumerate().map(value).collect()
    }
}

fn find(engine: &Engine, component: &Component, asked: &str) -> Result<Found, CallError> {
    let all = functions(engine, component);
    let (mut fitting, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|found| found.fits(asked));
    match fitting.len() {
        1 => fitting.pop().ok_or_else(|| unreachable!()),
        0 => {
            let known = rest.iter().map(Found::signature).collect::<Vec<_>>().join("\n  ");
            let known = if known.is_empty() { String::new() } else { format!("; it exports\n  {known}") };
            Err(CallError::NoSuchFunction { name: asked.to_owned(), known })
        }
        _ => {
            let candidates = fitting.iter().map(Found::full).collect::<Vec<_>>().join(", ");
            Err(CallError::Ambiguous { name: asked.to_owned(), candidates })
        }
    }
}

/// Every function a component exports, at its top or in an interface.
fn functions(engine: &Engine, component: &Component) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => found.push(Found { interface: None, name: name.to_owned(), ty }),
            ComponentItem::ComponentInstance(interface) => {
                for (function, item) in interface.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item.ty {
                        found.push(Found { interface: Some(name.to_owned()), name: function.to_owned(), ty });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn type_name(ty: &wasmtime::component::Type) -> String {
    use wasmtime::component::wasm_wave::wasm::DisplayType;
    DisplayType(ty).to_string()
}

fn has_resource(ty: &wasmtime::component::Type) -> bool {
    use wasmtime::component::Type;
    match ty {
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => true,
        Type::List(list) => has_resource(&list.ty()),
        Type::Option(option) => has_resource(&option.ty()),
        Type::Result(result) => result.ok().into_iter().chain(result.err()).any(|ty| has_resource(&ty)),
        Type::Tuple(tuple) => tuple.types().any(|ty| has_resource(&ty)),
        Type::Record(record) => record.fields().any(|field| has_resource(&field.ty)),
        Type::Variant(variant) => variant.cases().filter_map(|case| case.ty).any(|ty| has_resource(&ty)),
        _ => false,
    }
}
