//! A place where the way goes on to the left alone.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../hops/wit"],
        inline: "
            package demo:step;
            world step {
                import demo:hops/left@0.1.0;
                export demo:hops/left@0.1.0;
                export demo:hops/right@0.1.0;
            }
        ",
        with: { "demo:hops/types@0.1.0": hops::bindings::demo::hops::types },
        generate_all,
    });
}

use bindings::demo::hops::left as to_the_left;
use bindings::exports::demo::hops::{left, right};
use guest_http::{IncomingRequest, ResponseOutparam};
use hops::bindings::demo::hops::types::{Report, Task, Turn};

struct Step;

/// Every turn leads to the left.
fn go(way: &[Turn], task: &Task) -> Vec<Report> {
    hops::visit(way, task, |_, rest, task| to_the_left::visit(rest, task))
}

impl left::Guest for Step {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl right::Guest for Step {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl guest_http::Guest for Step {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        hops::answer(&request, out, go);
    }
}

bindings::export!(Step with_types_in bindings);
guest_http::export!(Step with_types_in guest_http::bindings);
