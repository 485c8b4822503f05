//! What is done at the end of the way: something that claims may refuse or limits, or a failure.

use std::mem::ManuallyDrop;

use crate::bindings::demo::hops::types::Task;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::keyvalue::store::{self, Bucket};
use crate::bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use crate::bindings::wasmcloud::messaging::consumer::{self, BrokerMessage};
use guest_http::bindings::wasi::clocks::monotonic_clock;
use guest_http::bindings::wasi::http::types::{Fields, OutgoingRequest, Scheme};

type Outcome = Result<String, String>;

/// Reads `KIND:WHAT`.
pub fn parse(text: &str) -> Task {
    let (kind, what) = text.split_once(':').unwrap_or((text, ""));
    let bytes = || what.parse().unwrap_or(0);
    let what = what.to_owned();
    match kind {
        "bucket" => Task::Bucket(what),
        "subject" => Task::Subject(what),
        "host" => Task::Host(what),
        "log" => Task::Log(what),
        "environment" => Task::Environment,
        "print" => Task::Print(what),
        "hand" => Task::Hand(bytes()),
        "text" => Task::Text(what),
        "answer" => Task::Answer(bytes()),
        "fail" => Task::Fail(what),
        _ => Task::Look,
    }
}

/// Writes what [`parse`] reads.
pub fn written(task: &Task) -> String {
    match task {
        Task::Look => "look".to_owned(),
        Task::Bucket(what) => format!("bucket:{what}"),
        Task::Subject(what) => format!("subject:{what}"),
        Task::Host(what) => format!("host:{what}"),
        Task::Log(what) => format!("log:{what}"),
        Task::Environment => "environment".to_owned(),
        Task::Print(what) => format!("print:{what}"),
        Task::Hand(bytes) => format!("hand:{bytes}"),
        Task::Text(what) => format!("text:{what}"),
        Task::Answer(bytes) => format!("answer:{bytes}"),
        Task::Fail(how) => format!("fail:{how}"),
    }
}

/// What came of a task, in words: nothing where there was none.
pub fn told(outcome: Option<&Outcome>) -> Option<String> {
    outcome.map(|outcome| match outcome {
        Ok(done) => done.clone(),
        Err(denied) => format!("refused: {denied}"),
    })
}

/// Does what is to be done at the end of a way.
pub fn done(task: &Task) -> Option<Outcome> {
    match task {
        // Nobody handed anything on to where a way ends that has no way to it.
        Task::Look | Task::Hand(_) => None,
        Task::Bucket(name) => Some(bucket(name)),
        Task::Subject(name) => Some(subject(name)),
        Task::Host(name) => Some(host(name)),
        Task::Log(text) => {
            log(Level::Info, "another/component", text);
            Some(Ok("logged".to_owned()))
        }
        Task::Environment => Some(Ok(environment())),
        Task::Print(text) => {
            println!("{text}");
            Some(Ok("printed".to_owned()))
        }
        Task::Text(text) => Some(Ok(text.len().to_string())),
        Task::Answer(bytes) => Some(Ok(of_length(*bytes))),
        Task::Fail(how) => Some(fail(how)),
    }
}

/// A text of so many bytes.
pub(crate) fn of_length(bytes: u32) -> String {
    "x".repeat(usize::try_from(bytes).unwrap_or(0))
}

fn environment() -> String {
    let mut all: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    all.sort();
    all.join(" ")
}

/// A bucket that is open here, and the task in which it is a number.
pub(crate) fn lent(task: &Task) -> Option<(Bucket, Task)> {
    let Task::Fail(how) = task else { return None };
    let bucket = store::open(how.strip_prefix("lend:")?).ok()?;
    let number = bucket.handle();
    Some((bucket, Task::Fail(format!("borrow:{number}"))))
}

/// Takes a number for the handle of a bucket.
fn borrow(number: &str) -> Outcome {
    let number = number.parse().map_err(|_| "no number".to_owned())?;
    // SAFETY: it may be nobody's, which is what the host is asked about. It is not dropped: whoever lent it does that.
    let bucket = ManuallyDrop::new(unsafe { Bucket::from_handle(number) });
    bucket.get("key").map(|_| "borrowed".to_owned()).map_err(|error| format!("{error:?}"))
}

fn bucket(name: &str) -> Outcome {
    let told = |error| format!("{error:?}");
    let bucket = store::open(name).map_err(told)?;
    let before = bucket.get("key").map_err(told)?;
    bucket.set("key", b"value").map_err(told)?;
    Ok(if before.is_some() { "found" } else { "new" }.to_owned())
}

fn subject(name: &str) -> Outcome {
    let message = BrokerMessage { subject: name.to_owned(), body: b"hello".to_vec(), reply_to: None };
    consumer::publish(&message).map(|()| "published".to_owned())
}

fn host(name: &str) -> Outcome {
    let request = OutgoingRequest::new(Fields::new());
    let set = request.set_scheme(Some(&Scheme::Http)).and_then(|()| request.set_authority(Some(name)));
    set.map_err(|()| "no authority".to_owned())?;
    let told = |error| format!("{error:?}");
    let answer = outgoing_handler::handle(request, None).map_err(told)?;
    loop {
        match answer.get() {
            None => answer.subscribe().block(),
            Some(Ok(answered)) => return answered.map(|answer| answer.status().to_string()).map_err(told),
            Some(Err(())) => return Err("taken".to_owned()),
        }
    }
}

fn fail(how: &str) -> Outcome {
    let (how, number) = how.split_once(':').unwrap_or((how, ""));
    let most: Option<usize> = number.parse().ok();
    match how {
        "trap" => deliberately_trapping_function(),
        "exit" => std::process::exit(3),
        "spin" => spin(),
        "sleep" => monotonic_clock::subscribe_duration(3_600_000_000_000).block(),
        "hog" => return Ok(vec![1_u8; most.unwrap_or(1 << 10) << 20].len().to_string()),
        "borrow" => return borrow(number),
        "handles" => return Ok(handles(most.unwrap_or(usize::MAX)).to_string()),
        _ => {}
    }
    Err("nothing fails so".to_owned())
}

/// The name that a trap's backtrace must show.
#[inline(never)]
fn deliberately_trapping_function() {
    panic!("trapping on purpose");
}

/// Takes so many handles at once.
fn handles(most: usize) -> usize {
    let mut held = Vec::new();
    while held.len() < most {
        held.push(Fields::new());
    }
    held.len()
}

fn spin() {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}
