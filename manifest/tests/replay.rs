//! What the fuzzer found worth keeping, again: `fuzz/` has its targets' bodies from the same file.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../../fuzz/src/manifest.rs"]
#[allow(unreachable_pub, reason = "written for the fuzz targets")]
mod targets;

#[path = "../../fuzz/replay.rs"]
mod corpus;

use corpus::replay;

#[test]
fn manifest() {
    replay("manifest", targets::manifest);
}

#[test]
fn policy() {
    replay("policy", targets::policy);
}
