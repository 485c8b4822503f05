//! Where a handle lies in a store, and the plain function that finds it.
//!
//! bindgen takes a plain `fn` to reach a host function's data, so a slot cannot be captured in a closure. Instead there
//! is one such function per slot, in a table, and the host picks the one it wants at link time. Identity is *which
//! getter was linked*, not something looked up at the call.

use std::any::Any;

use wasmtime::component::HasData;

use crate::{Attached, Instance, Provider, View};

/// The position of a handle in its store's list, below [`Slot::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

/// How bindgen's linking functions reach a host function's data.
pub type Getter<D> = for<'a> fn(&'a mut Instance) -> <D as HasData>::Data<'a>;

/// Data that can be found in a store by slot.
pub trait Find: HasData {
    /// The data at `slot`. Called at every host call.
    fn find(instance: &mut Instance, slot: usize) -> Self::Data<'_>;
}

/// One store was asked to hold more handles than there are slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one store holds at most {} grants", Slot::MOST)]
pub struct TooManySlots;

impl Slot {
    /// How many handles one store holds at most.
    pub const MOST: usize = 256;

    /// The slot at `index`.
    ///
    /// # Errors
    /// [`TooManySlots`] at or above [`Slot::MOST`].
    pub fn new(index: usize) -> Result<Self, TooManySlots> {
        u8::try_from(index).map(Self).map_err(|_| TooManySlots)
    }

    /// Its position in the list.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The function that finds `D` at this slot.
    #[expect(clippy::indexing_slicing, reason = "four bits each, into sixteen rows of sixteen")]
    pub fn getter<D: Find>(self) -> Getter<D> {
        Table::<D>::GETTERS[usize::from(self.0 >> 4)][usize::from(self.0 & 15)]
    }
}

impl<P: Provider> Find for Attached<P> {
    fn find(instance: &mut Instance, slot: usize) -> View<'_, P> {
        let deadline = instance.deadline();
        let (handle, table) = instance.handle(slot);
        let handle: &mut dyn Any = handle;
        match handle.downcast_mut() {
            Some(handle) => View { handle, table, deadline },
            // The host attaches what it linked: a mismatch is a bug of the host's, and the call's catch ends the store.
            None => unreachable!("slot {slot} holds another provider's handle"),
        }
    }
}

struct Table<D>(D);

fn at<D: Find, const SLOT: usize>(instance: &mut Instance) -> D::Data<'_> {
    D::find(instance, SLOT)
}

macro_rules! rows {
    ($data:ident; $($row:literal)*) => { [$( rows!(@ $data $row; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) ),*] };
    (@ $data:ident $row:literal; $($column:literal)*) => { [$( at::<$data, { $row * 16 + $column }> ),*] };
}

impl<D: Find> Table<D> {
    const GETTERS: [[Getter<D>; 16]; 16] = rows!(D; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}
