//! What is done at the end of the way: something that claims may refuse, or a failure.

use std::mem::ManuallyDrop;

use crate::bindings::demo::hops::types::Task;
use crate::bindings::wasi::http::outgoing_handler;
use crate::bindings::wasi::keyvalue::store::{self, Bucket};
use crate::bindings::wasi::logging0_1_0_draft::logging::{Level, log};
use crate::bindings::wasmcloud::messaging::consumer::{self, BrokerMessage};
use guest_http::bindings::wasi::clocks::monotonic_clock;
use guest_http::bindings::wasi::http::types::{Fields, OutgoingRequest, Scheme};

type Outcome = Result<String, String>;

/// `KIND:WHAT`.
pub(crate) fn parse(text: &str) -> Task {
    let (kind, what) = text.split_once(':').unwrap_or((text, ""));
    let what = what.to_owned();
    match kind {
        "bucket" => Task::Bucket(what),
        "subject" => Task::Subject(what),
        "host" => Task::Host(what),
        "log" => Task::Log(what),
        "fail" => Task::Fail(what),
        _ => Task::Look,
    }
}

pub(crate) fn done(task: &Task) -> Option<Outcome> {
    match task {
        Task::Look => None,
        Task::Bucket(name) => Some(bucket(name)),
        Task::Subject(name) => Some(subject(name)),
        Task::Host(name) => Some(host(name)),
        Task::Log(text) => {
            log(Level::Info, "another/component", text);
            Some(Ok("logged".to_owned()))
        }
        Task::Fail(how) => Some(fail(how)),
    }
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
    match how {
        "trap" => deliberately_trapping_function(),
        "exit" => std::process::exit(3),
        "spin" => spin(),
        "sleep" => monotonic_clock::subscribe_duration(3_600_000_000_000).block(),
        "hog" => return Ok(vec![1_u8; 1 << 30].len().to_string()),
        _ => {}
    }
    if let Some(number) = how.strip_prefix("borrow:") {
        return borrow(number);
    }
    Err("nothing fails so".to_owned())
}

/// The name that a trap's backtrace must show.
#[inline(never)]
fn deliberately_trapping_function() {
    panic!("trapping on purpose");
}

fn spin() {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}
