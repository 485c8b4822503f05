//! A place where the way goes on to the left or to the right.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../hops/wit"],
        inline: "
            package demo:fork;
            world fork {
                import demo:hops/left@0.1.0;
                import demo:hops/right@0.1.0;
                export demo:hops/left@0.1.0;
                export demo:hops/right@0.1.0;
            }
        ",
        with: { "demo:hops/types@0.1.0": hops::bindings::demo::hops::types },
        generate_all,
    });
}

use bindings::demo::hops::{left as to_the_left, right as to_the_right};
use bindings::exports::demo::hops::{left, right};
use guest_http::{IncomingRequest, ResponseOutparam};
use hops::bindings::demo::hops::types::{Report, Task, Turn};

struct Fork;

fn go(way: &[Turn], task: &Task) -> Vec<Report> {
    hops::visit(way, task, |turn, rest, task| match turn {
        Turn::Left => to_the_left::visit(rest, task),
        Turn::Right => to_the_right::visit(rest, task),
    })
}

impl left::Guest for Fork {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl right::Guest for Fork {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl guest_http::Guest for Fork {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        hops::answer(&request, out, go);
    }
}

bindings::export!(Fork with_types_in bindings);
guest_http::export!(Fork with_types_in guest_http::bindings);
