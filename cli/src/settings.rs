//! Arguments and environment, resolved once. Each setting remembers where it came from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use anyhow::Result;

use crate::advice::Advice;
use crate::args::{Args, Verb};
use crate::log;

/// What every verb works with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where keys, tokens and trusted operators are kept.
    pub(crate) home: Setting<PathBuf>,
    /// Below which each application's host keeps its state.
    pub(crate) data: PathBuf,
    /// Where `call` keeps compiled code, and `build` the tools that projects pin.
    pub(crate) cache: PathBuf,
    pub(crate) log_format: log::Format,
    pub(crate) log_level: log::Level,
}

/// A value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    Default,
}

impl Settings {
    /// Resolves the arguments against this process's environment, and gives back the verb.
    pub(crate) fn resolve(args: Args) -> Result<(Verb, Self)> {
        let variable = |name: &str| std::env::var_os(name);
        let home = home(args.home, variable)?;
        let data = xdg("XDG_DATA_HOME", ".local/share", variable);
        let cache = xdg("XDG_CACHE_HOME", ".cache", variable);
        Ok((args.verb, Self { home, data, cache, log_format: args.log_format, log_level: args.log_level }))
    }
}

impl Settings {
    /// Where the tools are kept that projects pin.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }
}

/// writ's folder below one of the XDG base directories, or in the working folder where there is no home either.
fn xdg(name: &str, default: &str, variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = absolute(name).or_else(|| absolute("HOME").map(|home| home.join(default)));
    folder.unwrap_or_else(|| PathBuf::from(".writ")).join("writ")
}

fn home(flag: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Setting<PathBuf>> {
    let written = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(value) = flag {
        return Ok(Setting { value, origin: Origin::Flag("--home") });
    }
    if let Some(value) = written("WRIT_HOME") {
        return Ok(Setting { value, origin: Origin::Environment("WRIT_HOME") });
    }
    // The XDG base directory specification: a relative path is invalid and ignored.
    if let Some(folder) = written("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute()) {
        return Ok(Setting { value: folder.join("writ"), origin: Origin::Environment("XDG_CONFIG_HOME") });
    }
    match written("HOME").filter(|folder| folder.is_absolute()) {
        Some(folder) => Ok(Setting { value: folder.join(".config/writ"), origin: Origin::Default }),
        None => {
            Err(Advice::new("there is no folder to keep keys in: HOME is not set", "set WRIT_HOME to a folder").into())
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the argument {name}"),
            Self::Environment(name) => write!(f, "the environment's {name}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(flag: Option<&str>, environment: &[(&str, &str)], expected: Option<(&str, Origin)>) {
        let variable = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        let expected = expected.map(|(value, origin)| Setting { value: value.into(), origin });
        assert_eq!(home(flag.map(PathBuf::from), variable).ok(), expected);
    }

    #[test]
    fn the_home_is_the_first_that_is_written() {
        let all = [("WRIT_HOME", "/w"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
        check(Some("f"), &all, Some(("f", Origin::Flag("--home"))));
        check(None, &all, Some(("/w", Origin::Environment("WRIT_HOME"))));
        check(None, &[("WRIT_HOME", ""), all[1], all[2]], Some(("/x/writ", Origin::Environment("XDG_CONFIG_HOME"))));
        check(None, &[("XDG_CONFIG_HOME", "x"), all[2]], Some(("/h/.config/writ", Origin::Default)));
        check(None, &[("HOME", "h")], None);
        check(None, &[], None);
    }
}
