//! The end of every way: it calls nobody.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../hops/wit"],
        inline: "
            package demo:leaf;
            world leaf {
                export demo:hops/left@0.1.0;
                export demo:hops/right@0.1.0;
            }
        ",
        with: { "demo:hops/types@0.1.0": hops::bindings::demo::hops::types },
    });
}

use bindings::exports::demo::hops::{left, right};
use guest_http::{IncomingRequest, ResponseOutparam};
use hops::bindings::demo::hops::types::{Report, Task, Turn};

struct Leaf;

/// A way that leads on leads nowhere.
fn go(way: &[Turn], task: &Task) -> Vec<Report> {
    hops::visit(way, task, |_, _, _| Vec::new())
}

impl left::Guest for Leaf {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl right::Guest for Leaf {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl guest_http::Guest for Leaf {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        hops::answer(&request, out, go);
    }
}

bindings::export!(Leaf with_types_in bindings);
guest_http::export!(Leaf with_types_in guest_http::bindings);
