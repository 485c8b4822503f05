//! What the machine has to give: folders to write to, and address space.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::process::{Resource, getrlimit};
use writ_host::{Capacity, Host, Registry};

use super::application::Manifest;
use super::{Check, made_ours, shell_path};
use crate::files;
use crate::settings::Settings;

pub(super) fn checks(settings: &Settings, manifest: Option<&Manifest>) -> Vec<Check> {
    let data = manifest.map_or_else(|| settings.data.clone(), |manifest| settings.data.join(manifest.name()));
    vec![
        folder("data folder", &data, "XDG_DATA_HOME"),
        folder("cache folder", &settings.cache, "XDG_CACHE_HOME"),
        address_space(),
    ]
}

/// Whether a folder can be written, or made.
fn folder(what: &str, path: &Path, variable: &str) -> Check {
    let shown = path.display();
    let Some(there) = path.ancestors().map(named).find(|folder| folder.exists()) else {
        return Check::broken(what, format!("{shown} cannot be made"));
    };
    if there == path
        && let Err(error) = files::check_own_folder(path)
    {
        let fix = made_ours(path, "go-w", 0o022).unwrap_or_else(|| elsewhere(variable));
        return Check::broken(what, error.to_string()).fix(fix);
    }
    if rustix::fs::access(&there, Access::WRITE_OK | Access::EXEC_OK).is_err() || !there.is_dir() {
        return Check::broken(what, format!("{shown} cannot be written, below {}", there.display()))
            .fix(elsewhere(variable));
    }
    match (there == path, in_use(path)) {
        (_, true) => {
            let fix = "writ up app.yaml --data ./data";
            Check::optional(what, format!("{shown} is in use by another writ; a second host needs its own")).fix(fix)
        }
        (true, false) => Check::good(what, shown.to_string()),
        (false, false) => Check::good(what, format!("{shown} is made when it is needed")),
    }
}

/// A path's folder, where the empty path is the one we are in.
fn named(path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
}

fn elsewhere(variable: &str) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_else(std::env::temp_dir);
    format!("export {variable}={}", shell_path(&home.join(".writ")))
}

/// Whether a host holds this data folder.
pub(super) fn in_use(data: &Path) -> bool {
    let lock = File::open(data.join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether the address space suffices that a host reserves for its instances.
fn address_space() -> Check {
    let what = "address space";
    let fits = |stores| {
        let capacity = Capacity { stores, ..Capacity::default() };
        let settings = writ_host::Settings { capacity, ..writ_host::Settings::default() };
        Host::new(settings, Registry::new())
    };
    let most = Capacity::default().stores;
    let Err(error) = fits(most) else {
        return Check::good(what, format!("enough for {most} instances"));
    };
    let fewer = [128, 64, 16, 4, 1].into_iter().find(|stores| fits(*stores).is_ok());
    let found = match fewer {
        Some(fewer) => format!("enough for {fewer} of {most} instances"),
        None => format!("not enough for any instance: {error}"),
    };
    let fix = match (getrlimit(Resource::As).maximum, fewer) {
        (Some(_), Some(fewer)) => format!("writ up app.yaml --max-instances {fewer}"),
        _ => "ulimit -v unlimited".to_owned(),
    };
    Check::broken(what, found).fix(fix)
}
