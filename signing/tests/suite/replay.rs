//! What the fuzzer found worth keeping, again: `fuzz/` has its targets' bodies from the same file.

#[path = "../../../fuzz/src/signing.rs"]
#[allow(unreachable_pub, dead_code, reason = "written for the fuzz targets")]
mod targets;

#[path = "../../../fuzz/replay.rs"]
mod corpus;

use corpus::replay;

#[test]
fn section() {
    replay("section", targets::section);
}

#[test]
fn token() {
    replay("token", targets::token);
}

#[test]
fn chain() {
    replay("chain", targets::chain);
}
