//! How a call goes from one store to another: as the bytes it has in memory, whatever its types.
//!
//! A host that reads a list of bytes as one value per element pays some eighty times what it costs to copy them. So for each
//! interface of a link two small components are made. The *sender* exports the interface, beside the component that
//! imports it; the *receiver* imports it, beside the one that exports it. Between the two the host moves one list of bytes
//! each way ([`CARRY`], [`RECEIVE`]), and knows no other type.
//!
//! | | what happens |
//! |---|---|
//! | 1 | the caller calls the sender. The canonical ABI puts strings and lists into the sender's memory, one after the other from [`module::ARENA`] on |
//! | 2 | the sender puts the call's flat values behind them, and hands all of it to the host: the call's *image* |
//! | 3 | the host puts the image into the receiver's memory, *at the same address*; so every pointer in it points where it did |
//! | 4 | the receiver calls the component with the flat values from the image's end |
//! | 5 | the result and what it points to lie behind the image; they go back in the same way, to the same address |
//!
//! Nothing is encoded, and no type is walked. What the receiver hands on is read from its memory by the canonical ABI, which
//! checks bounds, UTF-8 and cases as it does for any component: an image that lies can only do what a guest can.

mod interface;
mod module;
#[cfg(test)]
mod tests;

use wit_parser::{InterfaceId, Resolve, WorldId, WorldKey};

use crate::names::InterfaceName;
use crate::wit::Untellable;
pub(crate) use interface::{Interfaces, Named};

/// What a sender imports: `carry: func(function: u32, image: list<u8>) -> list<u8>`.
pub(crate) const CARRY: &str = "writ:carry/carry@0.1.0";
/// What a receiver exports: `receive: func(function: u32, image: list<u8>) -> list<u8>`.
pub(crate) const RECEIVE: &str = "writ:carry/receive@0.1.0";

/// Whether a name is of the package of those two: no component has it of its own, for beside a sender it would be another's.
pub(crate) fn is_reserved(name: &InterfaceName) -> bool {
    name.namespace == "writ" && name.package == "carry"
}

/// Why a link's interface cannot be carried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CarryError {
    /// The component's types cannot be told as WIT.
    #[error(transparent)]
    Types(#[from] Untellable),
    /// It neither imports nor exports the interface.
    #[error("it has no interface {0}")]
    Absent(String),
    /// A function that the caller imports is not among what the other exports.
    #[error("the function {0} is not exported")]
    Function(String),
    /// Neither of the two components can be made: a mistake of this host.
    #[error("the link's components cannot be made: {0}")]
    Encode(String),
}

impl Interfaces {
    /// The component to put beside one that imports this interface, which `export` serves: of its receiver's functions,
    /// `served`, those are called that are of that interface.
    ///
    /// # Errors
    /// [`CarryError`], where a function is missing.
    pub(crate) fn sender(&self, export: &str, served: &[Named]) -> Result<Vec<u8>, CarryError> {
        let number = |name: &str| {
            let place = served.iter().position(|served| served.interface == export && served.function == name);
            place.ok_or_else(|| CarryError::Function(name.to_owned()))
        };
        let functions: Vec<_> = self
            .shapes()
            .map(|shape| Ok((number(&shape.named.function)?, shape)))
            .collect::<Result<_, CarryError>>()?;
        let (resolve, world) = self.world("sender", &format!("import carry; {}", self.items("export")))?;
        encode(&resolve, world, module::sender(&functions))
    }

    /// The component to put beside one that exports these interfaces.
    ///
    /// # Errors
    /// [`CarryError::Encode`].
    pub(crate) fn receiver(&self) -> Result<Vec<u8>, CarryError> {
        let functions: Vec<_> = self.shapes().collect();
        let (resolve, world) = self.world("receiver", &format!("{} export receive;", self.items("import")))?;
        encode(&resolve, world, module::receiver(&functions))
    }
}

/// A component of a core module that implements a world.
fn encode(resolve: &Resolve, world: WorldId, mut module: Vec<u8>) -> Result<Vec<u8>, CarryError> {
    wit_component::embed_component_metadata(&mut module, resolve, world, wit_component::StringEncoding::UTF8)
        .map_err(|error| CarryError::Encode(format!("{error:#}")))?;
    let mut encoder = wit_component::ComponentEncoder::default()
        .validate(false)
        .module(&module)
        .map_err(|error| CarryError::Encode(format!("{error:#}")))?;
    encoder.encode().map_err(|error| CarryError::Encode(format!("{error:#}")))
}

/// The interface of that name among what a world imports or exports.
fn find<'a>(resolve: &Resolve, items: impl Iterator<Item = &'a WorldKey>, name: &str) -> Option<InterfaceId> {
    items
        .filter_map(|key| match key {
            WorldKey::Interface(id) => Some(*id),
            WorldKey::Name(_) => None,
        })
        .find(|id| resolve.id_of(*id).as_deref() == Some(name))
}
