//! A manifest and the files it names, read and verified: what `up`, `inspect`, `call` and `run` decide about.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use writ_host::{Admission, Artifact, Candidate, Decision, Denials, Policies, VerifiedArtifact};
use writ_manifest::{Application, Component as ComponentEntry, MAX_BYTES, Policy, ProviderEntry};
use writ_signing::{Roots, section};

use crate::advice::Advice;
use crate::data::Data;
use crate::files;
use crate::home::Home;
use crate::runtime::{self, Options};

/// An application, and of each of its components, in the manifest's order, the bytes and the proof about them.
pub(crate) struct Loaded {
    pub(crate) application: Application,
    pub(crate) components: Vec<VerifiedArtifact>,
}

impl Loaded {
    /// Reads every component file that an application names, whose manifest lies there. Every file that does not verify is
    /// named, not only the first.
    pub(crate) fn manifest(path: &Path, mut application: Application, roots: &Roots, now: u64) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        place_folders(&mut application, folder)?;
        let part = |component: &ComponentEntry| {
            let name = &component.name;
            let image = component.image().with_context(|| format!("{}: {name} has no image", path.display()))?;
            let loaded = image_path(folder, image).and_then(|file| load(&file, roots, now));
            loaded.map_err(|error| anyhow!("{}:{}: {name}: {error:#}", path.display(), image.at))
        };
        let mut problems = Vec::new();
        let components = application.components.iter().map(part);
        let components =
            components.filter_map(|part| part.map_err(|error| problems.push(error.to_string())).ok()).collect();
        if problems.is_empty() { Ok(Self { application, components }) } else { bail!(problems.join("\n")) }
    }

    /// One component file on its own. That it is refused is written down in this data folder, if a host ran there.
    pub(crate) fn alone(path: &Path, roots: &Roots, now: u64, data: Option<&Path>) -> Result<Self> {
        let noted = |error: &_| data.iter().for_each(|data| Data::note(data, &path.display().to_string(), error));
        let verified = load(path, roots, now).inspect_err(noted)?;
        let application = Application::alone(&verified.component().common.name);
        Ok(Self { application, components: vec![verified] })
    }

    /// Decides what one component may do for a call of its host's owner. A refusal is written down as by [`Loaded::alone`].
    pub(crate) fn authorize_alone(&self, options: &Options, data: Option<&Path>) -> Result<Admission> {
        let noted = |error: &_| data.iter().for_each(|data| Data::note(data, &self.application.name, error));
        self.authorize(options).map_err(anyhow::Error::from).inspect_err(noted)
    }

    /// Decides what it may do on a host of these options, which need not be there yet.
    pub(crate) fn authorize(&self, options: &Options) -> Result<Admission, Denials> {
        self.decide(options).admission()
    }

    /// The same, kept whole where something is refused.
    pub(crate) fn decide(&self, options: &Options) -> Decision {
        let registry = runtime::registry(options);
        writ_host::decide(&self.candidates(), &self.application, &options.policies, registry.vocabulary())
    }

    /// Each entry of the manifest with what was verified of it.
    pub(crate) fn candidates(&self) -> Vec<Candidate<'_>> {
        let parts = self.application.components.iter().zip(&self.components);
        parts.map(|(entry, verified)| Candidate { entry, verified }).collect()
    }
}

/// Reads a manifest.
pub(crate) fn read(path: &Path) -> Result<Application> {
    let text = files::read_text(path, MAX_BYTES)?;
    let application = Application::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))?;
    refuse_unsupported(path, &application)?;
    Ok(application)
}

/// Reads a manifest to see one component file in it, with the name of the entry that this stands for: the one of that name,
/// or else the one whose image is this file, or else the only one.
pub(crate) fn with_place(manifest: &Path, file: &Path, name: Option<&str>) -> Result<(Application, String)> {
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let mut application = read(manifest)?;
    place_folders(&mut application, folder)?;
    let place = place_of(&application, folder, file, name)?.name.clone();
    Ok((application, place))
}

/// What verifies of an application's components but one.
pub(crate) fn others(
    manifest: &Path,
    application: &Application,
    but: &str,
    roots: &Roots,
    now: u64,
) -> Vec<(ComponentEntry, VerifiedArtifact)> {
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let verified = |entry: &ComponentEntry| {
        let image = entry.image().and_then(|image| image_path(folder, image).ok())?;
        Some((entry.clone(), load(&image, roots, now).ok()?))
    };
    application.components.iter().filter(|entry| entry.name != but).filter_map(verified).collect()
}

fn place_of<'a>(
    application: &'a Application,
    folder: &Path,
    file: &Path,
    name: Option<&str>,
) -> Result<&'a ComponentEntry> {
    let same = |image: &str| {
        let image = image_path(folder, image).and_then(|path| Ok(path.canonicalize()?));
        image.is_ok_and(|image| file.canonicalize().is_ok_and(|file| file == image))
    };
    let entries = &application.components;
    let found = match name {
        Some(name) => entries.iter().find(|entry| entry.name == name),
        None => {
            let of_file = entries.iter().find(|entry| entry.image().is_some_and(|image| same(image)));
            of_file.or(if let [only] = entries.as_slice() { Some(only) } else { None })
        }
    };
    found.ok_or_else(|| {
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let hint = format!("say which one it stands for: --component {}", names.join(" or "));
        Advice::new(format!("no component of {} has this file as its image", application.name), hint).into()
    })
}

/// Reads a component file once and verifies it.
fn load(path: &Path, roots: &Roots, now: u64) -> Result<VerifiedArtifact> {
    let bytes = files::read(path, section::MAX_FILE)?;
    let artifact = Artifact::new(bytes).with_context(|| format!("{} is not taken", path.display()))?;
    artifact.verify(roots, now).with_context(|| format!("{} does not verify", path.display()))
}

/// Folders that a manifest gives are relative to it, as its images are.
fn place_folders(application: &mut Application, folder: &Path) -> Result<()> {
    let registry = runtime::registry(&Options::default());
    let gives = |provider: &&ProviderEntry| {
        provider.image().is_some_and(|image| registry.vocabulary().serving(image, "filesystem").is_some())
    };
    let givers: BTreeSet<_> =
        application.providers.iter().filter(gives).map(|provider| provider.name.clone()).collect();
    for link in application.links.iter_mut().filter(|link| givers.contains(&link.target)) {
        for host in link.target_config.values_mut() {
            let placed = folder.join(&*host).into_os_string().into_string();
            *host = placed.map_err(|path| anyhow!("the folder {} is no UTF-8", path.display()))?;
        }
    }
    Ok(())
}

/// Images are files here: a path relative to the manifest, or `file://` and an absolute one.
pub(crate) fn image_path(folder: &Path, image: &str) -> Result<PathBuf> {
    if let Some(path) = image.strip_prefix("file://") {
        return Ok(folder.join(path));
    }
    if image.contains("://") || image.starts_with("builtin:") {
        return Err(
            Advice::new(format!("the image {image} is not a file"), "write a path relative to the manifest").into()
        );
    }
    Ok(folder.join(image))
}

/// What a manifest may ask for, and a single host does not do, is refused rather than ignored.
fn refuse_unsupported(path: &Path, application: &Application) -> Result<()> {
    use writ_manifest::UnsupportedFeature as Feature;
    let sentence = |unsupported: &writ_manifest::Unsupported| {
        let what = match unsupported.feature {
            Feature::Secret => "asks for a secret, which no provider serves here",
            Feature::SharedEntry => "refers to another application's entry; name its file as `image`",
            Feature::Placement => "is spread over labelled hosts, and this is one host",
            _ => "asks for something that this version does not do",
        };
        format!("{}:{}: {} {what}", path.display(), unsupported.at, unsupported.entry)
    };
    let problems: Vec<_> = application.unsupported().iter().map(sentence).collect();
    if problems.is_empty() { Ok(()) } else { bail!(problems.join("\n")) }
}

/// The most that this host's owner allows: `policy.yaml`, where there is one, and every trust entry's policy.
pub(crate) fn policies(home: &Home) -> Result<Policies> {
    let trust = home.trust().entries()?.into_iter().map(|(operator, entry)| (operator, entry.policy)).collect();
    Ok(Policies { host: host_policy(&home.path().join("policy.yaml"))?, trust })
}

/// The most that is allowed here: what a `policy.yaml` says, where there is one.
pub(crate) fn host_policy(path: &Path) -> Result<Option<Policy>> {
    // Of the name itself: a link that leads nowhere is a policy that cannot be read, and not one that allows everything.
    if matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let text = files::read_guarded(path, MAX_BYTES)?;
    Policy::parse(&text).map(Some).map_err(|error| anyhow!("{}:{error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
    use writ_signing::{Revocations, Role, SigningKey};

    use super::*;

    const NOW: u64 = 1_770_000_000;
    const SWAPS: usize = 20_000;

    /// The least component, with a signature of somebody new.
    fn signed() -> (Vec<u8>, Roots) {
        let bytes = b"\0asm\x0d\0\x01\0";
        let [operator, account, id] =
            [Role::Operator, Role::Account, Role::Component].map(|role| SigningKey::generate(role).unwrap());
        let common = |subject, capabilities| CommonDraft {
            subject,
            name: "one".to_owned(),
            capabilities,
            limits: BTreeMap::new(),
            nbf: None,
            exp: NOW + 60,
        };
        let of_account = AccountDraft { common: common(account.public(), Capabilities::Any) };
        let of_account = token::sign_account(&of_account, &operator, NOW).unwrap();
        let own = common(id.public(), Capabilities::Only(BTreeMap::new()));
        let own = ComponentDraft { common: own, version: "0.1.0".to_owned(), revision: 1 };
        let own = token::sign_component(&own, bytes, &account, NOW).unwrap();
        let file = section::embed(bytes, &Tokens::new(own, None, of_account).unwrap()).unwrap();
        (file, Roots::from_iter([(operator.public(), Revocations::Never)]))
    }

    /// How often `load` gives the good file and how often another one, while somebody swaps it without pause.
    fn swapped(good: &[u8], load: impl Fn(&Path) -> Option<Vec<u8>>) -> (usize, usize) {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("one.wasm"), folder.path().join("new.wasm"));
        let (bad, _) = signed();
        fs::write(&path, good).unwrap();
        let swaps = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for swap in 0..SWAPS {
                    fs::write(&beside, if swap % 2 == 0 { &bad } else { good }).unwrap();
                    fs::rename(&beside, &path).unwrap();
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            });
            let (mut right, mut wrong) = (0, 0);
            while swaps.load(Ordering::Relaxed) < SWAPS {
                if let Some(bytes) = load(&path) {
                    *if bytes == good { &mut right } else { &mut wrong } += 1;
                }
            }
            (right, wrong)
        })
    }

    /// The file is opened once, and what is verified are the bytes that are kept. No switch can undo that, for no stage takes
    /// a path after this one; so the mistake is made by hand.
    #[test]
    fn threat_19_a_file_that_is_swapped_is_the_one_that_was_verified_or_none() {
        let (good, roots) = signed();
        let (right, wrong) =
            swapped(&good, |path| load(path, &roots, NOW).ok().map(|verified| verified.artifact().bytes().to_vec()));
        assert!(right > 0 && wrong == 0, "{right} right, {wrong} wrong");
        let (_, wrong) = swapped(&good, |path| load(path, &roots, NOW).ok().and_then(|_| fs::read(path).ok()));
        assert!(wrong > 0, "a file that is opened twice is never another one");
    }
}
