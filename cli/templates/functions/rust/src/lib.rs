//! What other components call. What is said is in `greeting.rs`, which is tested without a host.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "component", generate_all });
}
mod greeting;

use bindings::exports::local::component::greeter::{Guest, Refusal};
use bindings::wasi::logging::logging::{Level, log};

struct Component;

impl Guest for Component {
    fn greet(name: String) -> Result<String, Refusal> {
        log(Level::Info, "greeter", "somebody is greeted");
        greeting::greeting(&name).map_err(|refusal| match refusal {
            greeting::Refusal::Nobody => Refusal::Nobody,
            greeting::Refusal::TooLong(letters) => Refusal::TooLong(letters),
        })
    }
}

bindings::export!(Component with_types_in bindings);
