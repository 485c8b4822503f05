//! What the components of the tests of links share: each goes a way over its links, and at its end tries what it is told to.
//!
//! `GET /?way=left,right&task=bucket:NAME` goes left, then right, and does the task there; the answer has a report of every
//! component on the way.

pub mod task;

/// What wit-bindgen makes of the WIT.
pub mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        inline: "
            package demo:hopping;
            world hopping {
                import demo:hops/types@0.1.0;
                import writ:identity/caller@0.1.0;
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:logging/logging@0.1.0-draft;
                import wasi:http/outgoing-handler@0.2.12;
                import wasi:clocks/monotonic-clock@0.2.12;
                import wasmcloud:messaging/consumer@0.2.0;
            }
        ",
        with: {
            "wasi:http/types@0.2.12": guest_http::bindings::wasi::http::types,
            "wasi:io/error@0.2.12": guest_http::bindings::wasi::io::error,
            "wasi:io/poll@0.2.12": guest_http::bindings::wasi::io::poll,
            "wasi:io/streams@0.2.12": guest_http::bindings::wasi::io::streams,
            "wasi:clocks/monotonic-clock@0.2.12": guest_http::bindings::wasi::clocks::monotonic_clock,
        },
        generate_all,
        generate_unused_types: true,
    });
}

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::demo::hops::types::{Report, Task, Turn};
use bindings::writ::identity::caller;
use guest_http::{IncomingRequest, ResponseOutparam};

/// How often this instance was called.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// Goes on where there is a way to go, over `take`, and does the task where there is none.
pub fn visit(way: &[Turn], task: &Task, take: impl FnOnce(Turn, &[Turn], &Task) -> Vec<Report>) -> Vec<Report> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let caller = caller();
    // It is open for as long as the others are on their way.
    let lent = task::lent(task);
    let task = lent.as_ref().map_or(task, |(_, task)| task);
    let Some((turn, rest)) = way.split_first() else {
        return vec![Report { caller, calls, outcome: task::done(task) }];
    };
    let mut reports = vec![Report { caller, calls, outcome: None }];
    reports.extend(match task {
        Task::Hand(bytes) if rest.is_empty() => take(*turn, rest, &Task::Text(task::of_length(*bytes))),
        task => take(*turn, rest, task),
    });
    reports
}

/// Who calls, as the host says; nobody where a trigger does.
pub fn caller() -> Option<String> {
    caller::get().map(|caller| {
        let caller::Principal { account_name, account_key, component_name, component_key } = caller;
        format!("{account_name}/{component_name} {account_key}/{component_key}")
    })
}

/// Answers a request for a way and a task; `times=N` goes it so often, and `way=left;right` first left and then right.
pub fn answer(request: &IncomingRequest, out: ResponseOutparam, go: impl Fn(&[Turn], &Task) -> Vec<Report>) {
    let (_, query) = guest_http::path_and_query(request);
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let turn = |word: &str| if word == "left" { Turn::Left } else { Turn::Right };
    let way = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(turn).collect::<Vec<_>>();
    let ways: Vec<_> = value("way").unwrap_or_default().split(';').map(way).collect();
    let task = task::parse(value("task").unwrap_or("look"));
    let times = value("times").and_then(|times| times.parse().ok()).unwrap_or(1);
    let mut reports = Vec::new();
    for way in (0..times).flat_map(|_| &ways) {
        reports = go(way, &task);
    }
    let told: Vec<_> = reports.iter().map(tell).collect();
    guest_http::respond_json(out, 200, &[], serde_json::Value::from(told).to_string().as_bytes());
}

fn tell(report: &Report) -> serde_json::Value {
    let outcome = task::told(report.outcome.as_ref());
    serde_json::json!({ "caller": report.caller, "calls": report.calls, "outcome": outcome })
}
