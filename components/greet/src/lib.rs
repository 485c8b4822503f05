//! Greets people and counts them: what cargo-component builds runs like anything else.

// Written by cargo-component, anew for each build.
#[allow(warnings)]
#[rustfmt::skip]
mod bindings;

use bindings::exports::demo::greet::greeter::{Guest, Visit};
use bindings::wasi::keyvalue::{atomics, store};
use bindings::wasi::logging::logging::{Level, log};

struct Greet;

impl Guest for Greet {
    fn greet(name: String) -> Result<String, String> {
        let visits = count(&name).map_err(|error| format!("{error:?}"))?;
        log(Level::Info, "greet", &format!("visit {visits}"));
        Ok(format!("Hello, {name}! This is visit {visits}."))
    }

    fn total(visits: Vec<Visit>) -> u64 {
        visits.iter().map(|visit| u64::from(visit.count)).sum()
    }
}

bindings::export!(Greet with_types_in bindings);

fn count(name: &str) -> Result<u64, store::Error> {
    let bucket = store::open("greetings")?;
    atomics::increment(&bucket, &format!("visits/{name}"), 1)
}
