//! `filesystem`: the folders a component sees.
//!
//! | field | written | permits |
//! |---|---|---|
//! | `paths` | a list of folders as the guest names them, or `any`; mandatory | seeing these, and what lies below them |
//! | `host` | a folder of the host | only what is this folder there, or lies below it. Absent: whatever is given |
//! | `rights` | `[read]` or `[read, write]` | so much. Absent: `[read]` |
//!
//! `rights` is the one narrowing field whose absence narrows: whoever names a folder and says no more means to read it.
//!
//! What is given is the host's owner's to say: `read./guest/path: host/folder` or `write./guest/path: host/folder` in the
//! target configuration of a link to `builtin:filesystem`, or `writ run --dir`. Nothing of the host's disk is given by itself.
//! Host folders are compared as they are once every symbolic link is followed, and opened once, at deployment. What a guest
//! names below one is resolved there and nowhere else, by wasmtime-wasi: `..`, absolute paths and symbolic links that lead
//! outside are refused. See [`files`] for what is bounded besides.

mod files;

pub(super) use files::Files;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::{FsPerms, WasiCtx};
use writ_provider::defence::stands;
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig, OpenError};

use super::{list, written};

/// An entry of `filesystem`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    paths: Paths,
    #[serde(default, deserialize_with = "host")]
    host: Option<PathBuf>,
    #[serde(default)]
    rights: Rights,
}

#[derive(Debug)]
enum Paths {
    Any,
    Only(Vec<String>),
}

/// What may be done in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Rights {
    #[default]
    Read,
    ReadWrite,
}

/// A folder that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// As the guest names it.
    guest: String,
    /// What it is on the host, every symbolic link followed.
    host: PathBuf,
    rights: Rights,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rights = match self.rights {
            Rights::Read => "reading",
            Rights::ReadWrite => "reading and writing",
        };
        write!(f, "{rights} {}, which is {} here", self.guest, self.host.display())
    }
}

impl Constraint for Entry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ paths: [/data], rights: [read] }";

    type Request<'a> = &'a Folder;
    type Plan = Folder;

    fn permits(&self, folder: &Folder) -> Result<(), Denied> {
        if let Paths::Only(paths) = &self.paths
            && !paths.iter().any(|path| Path::new(&folder.guest).starts_with(path))
            && stands("filesystem: path")
        {
            let permitted = if paths.is_empty() { "no folder".to_owned() } else { list(paths) };
            return Err(Denied::new(format!("permits {permitted}")));
        }
        if let Some(host) = &self.host
            && !fs::canonicalize(host).is_ok_and(|own| folder.host.starts_with(own))
            && stands("filesystem: host")
        {
            return Err(Denied::new(format!("permits what lies in the host's {}", host.display())));
        }
        if self.rights < folder.rights && stands("filesystem: right") {
            return Err(Denied::new("permits reading alone"));
        }
        Ok(())
    }

    /// Of the host's folders only the same are certain to lie within each other: what a symbolic link in them leads to is
    /// not looked up.
    fn covers(&self, other: &Self) -> bool {
        let paths = match (&self.paths, &other.paths) {
            (Paths::Any, _) => true,
            (Paths::Only(_), Paths::Any) => false,
            (Paths::Only(own), Paths::Only(others)) => {
                others.iter().all(|other| own.iter().any(|path| Path::new(other).starts_with(path)))
            }
        };
        paths && (self.host.is_none() || self.host == other.host) && self.rights >= other.rights
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Folder>, InvalidLink> {
        let mut guests = BTreeSet::new();
        let plan = |(property, host): (&String, &String)| {
            let folder = folder(property, host)?;
            match guests.insert(folder.guest.clone()) {
                true => Ok(folder),
                false => Err("the same guest's path is given twice".to_owned()),
            }
        };
        let mut plan = plan;
        let invalid = |property: &String, reason| InvalidLink { property: property.clone(), reason };
        link.iter().map(|given| plan(given).map_err(|reason| invalid(given.0, reason))).collect()
    }

    fn request(folder: &Folder) -> &Folder {
        folder
    }

    /// Without `host`: a line that is signed into a component would name one machine's folders, and which folder it is
    /// here the host's owner has decided by giving it.
    fn allowing(folder: &Folder) -> Value {
        match folder.rights {
            Rights::Read => json!({ "paths": [folder.guest] }),
            Rights::ReadWrite => json!({ "paths": [folder.guest], "rights": ["read", "write"] }),
        }
    }
}

fn folder(property: &str, host: &str) -> Result<Folder, String> {
    let (rights, guest) = match property.split_once('.') {
        Some(("read", guest)) => (Rights::Read, guest),
        Some(("write", guest)) => (Rights::ReadWrite, guest),
        _ => return Err("expected `read./guest/path` or `write./guest/path`".to_owned()),
    };
    if !is_guest_path(guest) {
        return Err(format!("the guest's path is expected to be {GUEST_PATH}"));
    }
    let found = fs::canonicalize(host).and_then(|found| Ok((fs::metadata(&found)?.is_dir(), found)));
    match found {
        Ok((true, host)) => Ok(Folder { guest: guest.to_owned(), host, rights }),
        Ok((false, _)) => Err(format!("{host} is no folder")),
        Err(error) => Err(format!("the folder {host} cannot be used: {error}")),
    }
}

/// Opens the folders, once for every store to come.
pub(super) fn open(folders: &[Folder]) -> Result<WasiFilesystemCtx, OpenError> {
    let mut wasi = WasiCtx::builder();
    for Folder { guest, host, rights } in folders {
        let perms = match rights {
            Rights::Read => FsPerms::ReadOnly,
            Rights::ReadWrite => FsPerms::ReadWrite,
        };
        let unusable = |reason: &dyn fmt::Display| {
            OpenError::Config(format!("the folder {} cannot be opened: {reason}", host.display()))
        };
        wasi.preopened_dir(host, guest, perms).map_err(|error| unusable(&error.root_cause()))?;
        // Whoever can change the path to it could have led it elsewhere since it was asked about.
        if fs::canonicalize(host).ok().as_ref() != Some(host) {
            return Err(unusable(&"it was moved meanwhile"));
        }
    }
    Ok(wasi.build().filesystem().clone())
}

/// An absolute path in its one spelling: no empty part, no `.` and no `..`.
fn is_guest_path(path: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
    let Some(parts) = path.strip_prefix('/') else { return false };
    path.len() <= LONGEST && (parts.is_empty() || parts.split('/').all(plain))
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = |what: &str| de::Error::custom(format!("`paths` is expected to be {what}"));
        let paths = match Value::deserialize(deserializer)? {
            Value::String(word) if word == "any" => return Ok(Self::Any),
            Value::Array(paths) => paths,
            _ => return Err(expected("a list of paths, or `any`")),
        };
        let path = |path| match path {
            Value::String(path) if is_guest_path(&path) => Ok(path),
            _ => Err(expected(&format!("a list of paths, each {GUEST_PATH}"))),
        };
        paths.into_iter().map(path).collect::<Result<_, _>>().map(Self::Only)
    }
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let host: Option<PathBuf> = written(deserializer)?;
    match host {
        Some(host) if !host.is_absolute() => Err(de::Error::custom("`host` is expected to be an absolute path")),
        other => Ok(other),
    }
}

impl<'de> Deserialize<'de> for Rights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rights = BTreeSet::<String>::deserialize(deserializer)?;
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        match rights.as_slice() {
            ["read"] => Ok(Self::Read),
            ["read", "write"] => Ok(Self::ReadWrite),
            _ => Err(de::Error::custom("`rights` is expected to be `[read]` or `[read, write]`")),
        }
    }
}

const GUEST_PATH: &str = "absolute, without `.`, `..`, empty parts or a `/` at its end";
const LONGEST: usize = 1024;

/// The interfaces that it opens.
pub(crate) const INTERFACES: &[&str] = &["wasi:filesystem/preopens@0.2.0", "wasi:filesystem/types@0.2.0"];

#[cfg(test)]
mod tests;
