//! When every instance is in use.

use std::thread;

use writ_tests::{Home, Manifest, Scratch, Up, guest};

#[test]
fn who_finds_no_instance_is_told_to_come_again() {
    let scratch = Scratch::new();
    let manifest = scratch.write("hostile.yaml", Manifest::new("hostile", &guest("hostile.wasm")).to_string());
    let args = ["--max-instances", "2", "--log-format", "json"];
    let up = Up::start_with(&Home::shared(), &manifest, &scratch.data(), &args);
    let answers: Vec<_> = thread::scope(|threads| {
        let asked: Vec<_> = (0..20).map(|_| threads.spawn(|| up.get("/sleep"))).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let busy: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    let slept = answers.iter().filter(|answer| answer.status == 504).count();
    assert_eq!(busy.len() + slept, 20, "{answers:?}");
    // Two sleep at a time, for two seconds each; the others wait for two seconds, no longer.
    assert!((2..=4).contains(&slept), "{slept} of 20 slept in 2 instances");
    assert!(busy.iter().all(|answer| answer.header("retry-after").is_some()), "{busy:?}");
    assert_eq!(up.get("/ok").text(), "ok");
}
