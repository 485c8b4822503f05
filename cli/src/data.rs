//! The data folder of `up`: what a host keeps between runs.
//!
//! | in it | what |
//! |---|---|
//! | `format` | the version of this layout |
//! | `lock` | held while a host uses the folder |
//! | `host.nk` | the seed of the host's key `N…`; it grants nothing |
//! | `secret` | 32 random bytes that vouch for the compiled code |
//! | `cache/` | compiled code, each entry under the secret |
//! | `store/` | the key-value store |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_host::{Cache, Secret};
use writ_signing::{Role, SigningKey};

use crate::advice::Advice;

/// The version of the layout above.
const FORMAT: &str = "writ data 1\n";

/// A data folder that this process holds.
pub(crate) struct Data {
    path: PathBuf,
    // Held until the process ends.
    _lock: File,
}

impl Data {
    /// Opens the folder, or makes it. Only one process may hold it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        folder(path).with_context(|| format!("the data folder {shown} cannot be made"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join("lock"));
        let lock = lock.with_context(|| format!("the data folder {shown} cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("the data folder {shown} is in use by another writ");
                return Err(Advice::new(message, "stop that one, or choose another with --data DIR").into());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("the data folder {shown} cannot be locked"));
            }
        }
        let data = Self { path: path.to_owned(), _lock: lock };
        data.check_format()?;
        data.host_key()?;
        Ok(data)
    }

    fn check_format(&self) -> Result<()> {
        let path = self.path.join("format");
        match fs::read_to_string(&path) {
            Ok(found) if found == FORMAT => Ok(()),
            Ok(found) => bail!(
                "{} was written by another version of writ ({:?}, and this one reads {:?})",
                self.path.display(),
                found.trim().chars().take(40).collect::<String>(),
                FORMAT.trim()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                create(&path, FORMAT.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// The host's key, made the first time. It names this host, and grants nothing.
    fn host_key(&self) -> Result<SigningKey> {
        let path = self.path.join("host.nk");
        if !path.exists() {
            let key = SigningKey::generate(Role::Host)?;
            create(&path, key.seed().as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        let seed = zeroize::Zeroizing::new(private(&path)?);
        let seed = zeroize::Zeroizing::new(String::from_utf8_lossy(&seed).trim().to_owned());
        SigningKey::from_seed(&seed).with_context(|| format!("{} holds no host key", path.display()))
    }

    /// Where the key-value store lies.
    pub(crate) fn store(&self) -> Result<PathBuf> {
        let path = self.path.join("store");
        folder(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// The cache of compiled code.
    pub(crate) fn cache(&self) -> Result<Cache> {
        cache(&self.path)
    }
}

/// A cache of compiled code in a folder, under a secret that lies beside it and is made the first time.
pub(crate) fn cache(parent: &Path) -> Result<Cache> {
    folder(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    let path = parent.join("secret");
    if !path.exists() {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        match create(&path, &bytes) {
            // Another process was faster; its secret is read below.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            made => made.with_context(|| format!("{} cannot be written", path.display()))?,
        }
    }
    let Ok(bytes) = <[u8; 32]>::try_from(private(&path)?) else {
        let message = format!("{} is damaged", path.display());
        return Err(Advice::new(message, "remove it together with the folder cache/ beside it").into());
    };
    let folder = parent.join("cache");
    Cache::new(&folder, Secret::new(bytes)).with_context(|| format!("{} cannot be made", folder.display()))
}

fn folder(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only its owner reads, whole or not at all, and never over another.
fn create(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&beside, path));
    let _ = fs::remove_file(&beside);
    written
}

/// Reads a file that only its owner may read.
fn private(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        let message = format!("{} can be read by others (mode {:o})", path.display(), mode & 0o777);
        return Err(Advice::new(message, format!("chmod 600 {}", path.display())).into());
    }
    let mut bytes = Vec::new();
    file.take(4096).read_to_end(&mut bytes)?;
    Ok(bytes)
}
