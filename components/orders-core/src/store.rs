//! Where orders are kept: the bucket `orders`, with `order/ID` for each and their count in `counter/orders`.

use crate::bindings::wasi::keyvalue::atomics;
use crate::bindings::wasi::keyvalue::store::{self, Bucket, Error};
use crate::bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use crate::{LOG, Reply};

/// The bucket, opened.
pub(crate) struct Orders(Bucket);

impl Orders {
    pub(crate) fn open() -> Result<Orders, Reply> {
        store::open("orders").map(Orders).map_err(|error| failed("open", &error))
    }

    /// A number that no other order has, whoever asks at the same time.
    pub(crate) fn next_id(&self) -> Result<u64, Reply> {
        atomics::increment(&self.0, "counter/orders", 1).map_err(|error| failed("increment", &error))
    }

    pub(crate) fn put(&self, id: u64, json: &[u8]) -> Result<(), Reply> {
        self.0.set(&key(id), json).map_err(|error| failed("set", &error))
    }

    pub(crate) fn get(&self, id: u64) -> Result<Option<Vec<u8>>, Reply> {
        self.0.get(&key(id)).map_err(|error| failed("get", &error))
    }
}

fn key(id: u64) -> String {
    format!("order/{id}")
}

/// A store that fails may work again later: 503. One that refuses will not, and it is our claims that are wrong: 500.
fn failed(operation: &str, error: &Error) -> Reply {
    let (status, reason) = match error {
        Error::AccessDenied => (500, "access-denied"),
        Error::NoSuchStore => (503, "no-such-store"),
        Error::Other(reason) => (503, reason.as_str()),
    };
    log(Level::Error, LOG, &format!("{operation}: {reason}"));
    Reply::error(status, "orders cannot be stored or read now")
}
