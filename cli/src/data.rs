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
//! | `audit/` | what was decided and done |
//! | `revocations` | of each issuer the newest revocation list that was seen |

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use writ_host::{Audit, Bounds, Cache, Denials, Event, Secret};
use writ_signing::{Role, SigningKey};
use zeroize::Zeroizing;

use crate::advice::Advice;
use crate::{files, output};

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
        folder(path).with_context(|| format!("the data folder {shown} cannot be used"))?;
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
        make(&path, || Ok(Zeroizing::new(FORMAT.into())))?;
        let found = files::read_text(&path, 4096)?;
        if found == FORMAT {
            return Ok(());
        }
        bail!(
            "{} was written by another version of writ ({:?}, and this one reads {:?})",
            self.path.display(),
            found.trim().chars().take(40).collect::<String>(),
            FORMAT.trim()
        )
    }

    /// The host's key, made the first time. It names this host, and grants nothing.
    fn host_key(&self) -> Result<SigningKey> {
        let path = self.path.join("host.nk");
        make(&path, || Ok(Zeroizing::new(SigningKey::generate(Role::Host)?.seed().as_bytes().to_vec())))?;
        let seed = Zeroizing::new(files::read_own(&path, 4096)?);
        let seed = Zeroizing::new(String::from_utf8_lossy(&seed).trim().to_owned());
        SigningKey::from_seed(&seed).with_context(|| format!("{} holds no host key", path.display()))
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the key-value store lies.
    pub(crate) fn store(&self) -> Result<PathBuf> {
        let path = self.path.join("store");
        folder(&path)?;
        Ok(path)
    }

    /// The audit log, which says from now on that this host writes it.
    pub(crate) fn audit(&self, uses: bool) -> Result<Audit> {
        let path = Self::audit_below(&self.path);
        folder(&path)?;
        let bounds = Bounds { uses, ..Bounds::default() };
        let audit = Audit::open(&path, bounds).with_context(|| format!("{} cannot be written", path.display()))?;
        let (host, version) = (self.host_key()?.public().to_string(), env!("CARGO_PKG_VERSION").to_owned());
        audit.record(&Event::Started { host, version });
        Ok(audit)
    }

    /// Writes a refusal down where there is an audit log. Where that cannot be done, it stands all the same.
    pub(crate) fn note(folder: &Path, application: &str, refused: &anyhow::Error) {
        if !Self::audit_below(folder).is_dir() {
            return;
        }
        match Self::open(folder).and_then(|data| data.audit(false)) {
            Ok(audit) => {
                note(&audit, application, refused);
                audit.record(&Event::Stopped {});
            }
            Err(error) => output::warning(format_args!("the refusal is not in the audit log: {error:#}")),
        }
    }

    /// Where the audit log of a data folder lies.
    pub(crate) fn audit_below(path: &Path) -> PathBuf {
        path.join("audit")
    }

    /// The cache of compiled code.
    pub(crate) fn cache(&self) -> Result<Cache> {
        cache(&self.path)
    }
}

fn note(audit: &Audit, application: &str, refused: &anyhow::Error) {
    match refused.downcast_ref::<Denials>() {
        Some(denials) => audit.record_denials(application, denials),
        None => audit.record_not_started(application, &format!("{refused:#}")),
    }
}

/// A cache of compiled code in a folder, under a secret that lies beside it and is made the first time.
pub(crate) fn cache(parent: &Path) -> Result<Cache> {
    folder(parent)?;
    let path = parent.join("secret");
    make(&path, || {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        Ok(bytes)
    })?;
    let Ok(bytes) = <[u8; 32]>::try_from(files::read_own(&path, 4096)?) else {
        let message = format!("{} is damaged", path.display());
        return Err(Advice::new(message, "remove it together with the folder cache/ beside it").into());
    };
    let cache = parent.join("cache");
    folder(&cache)?;
    Cache::new(&cache, Secret::new(bytes)).with_context(|| format!("{} cannot be made", cache.display()))
}

/// Makes a folder for its owner alone. One that was there must be ours, and nobody else's to write.
fn folder(path: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make {}", path.display()))?;
    files::check_own_folder(path)
}

/// Makes a file that only its owner reads, unless there is one.
fn make(path: &Path, bytes: impl FnOnce() -> Result<Zeroizing<Vec<u8>>>) -> Result<()> {
    if !matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok(());
    }
    match files::create_own(path, &bytes()?) {
        // Another process was faster; its file serves as well.
        Err(_) if path.exists() => Ok(()),
        made => made,
    }
}
