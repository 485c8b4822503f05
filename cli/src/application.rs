//! A manifest and the files it names, read and verified: what `up`, `inspect`, `call` and `run` decide about.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use writ_host::{Admission, Artifact, Candidate, Decision, Denials, Policies, VerifiedArtifact};
use writ_manifest::{Application, Component as ComponentEntry, MAX_BYTES, Policy, ProviderEntry};
use writ_signing::{Roots, section};

use crate::advice::Advice;
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

    /// One component file on its own.
    pub(crate) fn alone(path: &Path, roots: &Roots, now: u64) -> Result<Self> {
        let verified = load(path, roots, now)?;
        let application = Application::alone(&verified.component().common.name);
        Ok(Self { application, components: vec![verified] })
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
