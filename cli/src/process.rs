//! What this process does to itself before it holds a secret or runs anything.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Keeps this process's memory out of core dumps, and away from other processes of the same user.
pub(crate) fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Takes all the file descriptors that this process may have: connections and guests' files share them.
pub(crate) fn take_descriptors() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn leaves_no_core_dump() {
        harden().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).maximum, Some(0));
        #[cfg(target_os = "linux")]
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
