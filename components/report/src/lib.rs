//! Uses the locks of `docs/examples/locks`, and is called by the schedule of `docs/examples/schedule`.

wit_bindgen::generate!({
    path: ["../../docs/examples/locks/wit", "../../docs/examples/schedule/wit"],
    inline: "
        package demo:report;
        world report {
            import example:locks/locks@0.1.0;
            export example:schedule/job@0.1.0;
            export hold: func(names: list<string>, wait: u32) -> result<_, string>;
        }
    ",
    generate_all,
});

use std::time::Duration;

use example::locks::locks::{Error, Held, acquire};

struct Report;

impl Guest for Report {
    /// Takes these locks, one after the other, and holds all it has until it took the last.
    fn hold(names: Vec<String>, wait: u32) -> Result<(), String> {
        let held: Result<Vec<Held>, Error> = names.iter().map(|name| acquire(name, wait)).collect();
        match held {
            Ok(_) => Ok(()),
            Err(Error::Denied(reason)) => Err(format!("denied: {reason}")),
            Err(Error::Busy) => Err("busy".to_owned()),
        }
    }
}

impl exports::example::schedule::job::Guest for Report {
    /// Writes the report; of two that would, the second leaves it to the first.
    fn run() {
        if let Ok(_held) = acquire("report", 0) {
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

export!(Report);
