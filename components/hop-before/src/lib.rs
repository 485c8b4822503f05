//! A place from where the way leads through a component in any language: it hands the task on as a text, to be given on.

mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../hops/wit"],
        inline: "
            package demo:before;
            world before {
                export demo:hops/left@0.1.0;
                export demo:hops/right@0.1.0;
            }
        ",
        with: { "demo:hops/types@0.1.0": hops::bindings::demo::hops::types },
    });
}

mod conformance {
    wit_bindgen::generate!({ path: "../conformance/wit", world: "driver", generate_all });
}

use bindings::exports::demo::hops::{left, right};
use conformance::test::conformance::echo;
use hops::bindings::demo::hops::types::{Report, Task, Turn};

struct Before;

/// Every turn leads on.
fn go(way: &[Turn], task: &Task) -> Vec<Report> {
    hops::visit(way, task, |_, _, task| {
        let told = echo::echo_text(true, &hops::task::written(task));
        vec![Report { caller: None, calls: 1, outcome: Some(Ok(told)) }]
    })
}

impl left::Guest for Before {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

impl right::Guest for Before {
    fn visit(way: Vec<Turn>, task: Task) -> Vec<Report> {
        go(&way, &task)
    }
}

bindings::export!(Before with_types_in bindings);
