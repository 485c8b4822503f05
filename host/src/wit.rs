//! A component's types, as WIT.

use wit_component::WitPrinter;
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, WorldId};

use crate::load::Artifact;

/// A component whose types WIT has no words for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its types cannot be written as WIT: {0}")]
pub struct Untellable(String);

impl Artifact {
    /// The component's world, and of the packages it names what the component uses of them, as a text in WIT.
    ///
    /// # Errors
    /// [`Untellable`], for types that only the binary form has.
    pub fn wit(&self) -> Result<String, Untellable> {
        told(self.bytes())
    }
}

/// A component's world, and what it uses of the packages it names.
pub(crate) fn told(component: &[u8]) -> Result<String, Untellable> {
    let (resolve, world) = world(component)?;
    let main = resolve.worlds.get(world).and_then(|world| world.package);
    let main = main.ok_or_else(|| Untellable("its world is in no package".to_owned()))?;
    let others: Vec<_> = resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != main).collect();
    let mut printer = WitPrinter::default();
    printer.print(&resolve, main, &others).map_err(|error| Untellable(format!("{error:#}")))?;
    Ok(printer.output.to_string())
}

/// The world of a component, with all that it names.
pub(crate) fn world(component: &[u8]) -> Result<(Resolve, WorldId), Untellable> {
    // What it reads is a file that anybody may have written.
    let decoded = std::panic::catch_unwind(|| decode(component).map_err(|error| format!("{error:#}")));
    match decoded.unwrap_or_else(|_| Err("the reader failed".to_owned())) {
        Ok(DecodedWasm::Component(resolve, world)) => Ok((resolve, world)),
        Ok(DecodedWasm::WitPackage(..)) => Err(Untellable("it is a package of WIT".to_owned())),
        Err(reason) => Err(Untellable(reason)),
    }
}
