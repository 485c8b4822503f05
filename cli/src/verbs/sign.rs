//! `writ sign`: puts a component's claims, and the chain that vouches for them, into its file.

mod first;
mod refresh;
mod signer;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use writ_manifest::{ComponentFile, MAX_BYTES};
use writ_provider::units::Time;
use writ_signing::token::{self, Capabilities, Claims, CommonDraft, ComponentDraft, Kind, Tokens};
use writ_signing::{Component, PublicKey, Revocations, Role, SigningKey, Verified, inspect, section};

use self::signer::Signer;
pub(crate) use self::signer::Wanted;
use super::verify;
use crate::advice::Advice;
use crate::home::Home;
use crate::project::CLAIMS;
use crate::revocations::Marks;
use crate::{Done, Outcome, clock, describe, files, output, wider};

#[derive(Debug, clap::Args)]
pub(crate) struct Sign {
    /// A finished component; its old claims, if it has any, are replaced
    file: PathBuf,

    /// What it asks for [default: writ.yaml beside FILE, or else in this folder]
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,

    /// Where to write the signed component [default: in place]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// How long the signature lasts, such as 90d [default: what the claims say]
    #[arg(long, value_name = "TIME")]
    expires: Option<Time>,

    /// Only swap the tokens of the account and the signing key for those that are kept here, without signing again
    #[arg(long, conflicts_with_all = ["claims", "expires", "key", "seed_stdin", "seed_fd"])]
    refresh_chain: bool,

    #[command(flatten)]
    wanted: Wanted,
}

pub(crate) fn run(args: &Sign, home: &Home) -> Done {
    if args.refresh_chain {
        return refresh::run(args, home);
    }
    let out = args.out.as_deref().unwrap_or(&args.file);
    let claims = args.claims.as_deref();
    let signed = Job { file: &args.file, claims, out, expires: args.expires, wanted: &args.wanted }.run(home)?;
    signed.tell()?;
    signed.tell_of_other_bytes();
    Ok(Outcome::Done)
}

/// A component to sign.
pub(crate) struct Job<'a> {
    pub(crate) file: &'a Path,
    /// Its claims; where it is not said, they are looked for.
    pub(crate) claims: Option<&'a Path>,
    pub(crate) out: &'a Path,
    /// How long the signature lasts, if not as the claims say.
    pub(crate) expires: Option<Time>,
    pub(crate) wanted: &'a Wanted,
}

/// A component that was signed.
pub(crate) struct Signed {
    path: PathBuf,
    component: Verified<Component>,
    /// What the file that it replaced said about itself.
    replaced: Option<Claims>,
    /// Whether its operator is trusted here.
    trusted: bool,
}

impl Job<'_> {
    /// Signs it, and writes it where it belongs.
    pub(crate) fn run(&self, home: &Home) -> Result<Signed> {
        let file = files::read(self.file, section::MAX_FILE)?;
        // Whether it is a component at all comes first: nothing is made for a file that cannot be signed.
        section::unsigned(&file).with_context(|| format!("{} cannot be signed", self.file.display()))?;
        let claims = Source::read(self.file, self.claims)?;
        let now = clock::now()?;
        let signer = Signer::choose(self.wanted, home)?;

        let (id, new_source) = claims.id()?;
        let lasts = self.expires.map_or(claims.file.expires.duration(), Time::duration);
        let draft = draft(&claims.file, id, now.saturating_add(lasts.as_secs()));
        let (signed, component) = sign(&file, &draft, &signer, home, now)?;
        let replaced = carried(self.out);
        // The id is kept first: a file that was signed under an id that nobody kept would start a lineage of its own.
        if let Some(text) = new_source {
            files::replace(&claims.path, text.as_bytes())?;
            output::words(format_args!("wrote the component's new id into {}; commit it", claims.path.display()));
        }
        files::replace(self.out, &signed)?;
        let trusted = home.trust().entries()?.iter().any(|(operator, _)| *operator == component.operator());
        Ok(Signed { path: self.out.to_owned(), component, replaced, trusted })
    }
}

impl Signed {
    /// Says what was signed, and what may not be what was meant.
    pub(crate) fn tell(&self) -> Result<()> {
        output::data(format_args!("signed {} as {}", self.path.display(), verify::summary(&self.component)))?;
        tell_claims(&self.component)?;
        warn(&self.component);
        if !self.trusted {
            output::warning(format_args!(
                "the operator {operator} is not trusted here, so it runs elsewhere only; `writ trust add {operator} --policy FILE` changes that",
                operator = self.component.operator()
            ));
        }
        Ok(())
    }

    /// Says so where another release had the same revision.
    fn tell_of_other_bytes(&self) {
        let claims = self.component.component();
        let Some(Claims::Component(old)) = &self.replaced else { return };
        let same_release = old.common.subject == claims.common.subject && old.revision == claims.revision;
        if same_release && old.digest != claims.digest {
            let revision = claims.revision;
            output::hint(format_args!(
                "other bytes were signed as revision {revision} before; raise `revision` with every release: hosts go by it, and then by the time"
            ));
        }
    }
}

/// A `writ.yaml`, and where it was found.
struct Source {
    path: PathBuf,
    text: String,
    file: ComponentFile,
}

impl Source {
    fn read(component: &Path, claims: Option<&Path>) -> Result<Self> {
        let path = claims.map_or_else(|| Self::find(component), |path| Ok(path.to_owned()))?;
        let text = files::read_text(&path, MAX_BYTES)?;
        let file = ComponentFile::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))?;
        Ok(Self { path, text, file })
    }

    fn find(component: &Path) -> Result<PathBuf> {
        let beside = component.with_file_name(CLAIMS);
        let found = [beside, PathBuf::from(CLAIMS)].into_iter().find(|path| path.exists());
        found.ok_or_else(|| {
            let message = format!("there is no {CLAIMS} beside {} or in this folder", component.display());
            let hint = format!("`writ init {}` writes one; --claims names another file", component.display());
            Advice::new(message, hint).into()
        })
    }

    /// The component's key; and, where it has none yet, a new one and the text that names it.
    fn id(&self) -> Result<(PublicKey, Option<String>)> {
        let place = || format!("the id in {} cannot be used", self.path.display());
        if let Some(id) = &self.file.id {
            let key: PublicKey = id.parse().with_context(place)?;
            if key.role() != Role::Component {
                bail!("{}: it is the key of another role ({})", place(), key.role());
            }
            return Ok((key, None));
        }
        // Nothing is ever signed with it, so its seed is not kept.
        let key = SigningKey::generate(Role::Component)?.public();
        let text = ComponentFile::with_id(&self.text, &key.to_string());
        let text = text.map_err(|error| anyhow!("{}:{error}", self.path.display()));
        Ok((key, Some(text.context("the component's new id cannot be written")?)))
    }
}

/// What its token will say.
fn draft(claims: &ComponentFile, id: PublicKey, exp: u64) -> ComponentDraft {
    let common = CommonDraft {
        subject: id,
        name: claims.name.clone(),
        capabilities: Capabilities::Only(claims.claims.clone()),
        limits: claims.limits.clone(),
        nbf: None,
        exp,
    };
    ComponentDraft { common, version: claims.version.clone(), revision: claims.revision }
}

/// The signed file, and what verifying it here gave.
fn sign(
    file: &[u8],
    draft: &ComponentDraft,
    signer: &Signer,
    home: &Home,
    now: u64,
) -> Result<(Vec<u8>, Verified<Component>)> {
    let token = token::sign_component(draft, file, &signer.key, now)?;
    let vouchers = &signer.vouchers;
    let tokens = Tokens::new(token, vouchers.signing_key.clone(), vouchers.account.clone())?;
    let signed = section::embed(file, &tokens)?;
    let component = verified(&signed, &tokens, home, now)?;
    Ok((signed, component))
}

/// What verifying it gives. Who signs for hosts elsewhere need not trust anybody: all else must hold.
fn verified(signed: &[u8], tokens: &Tokens, home: &Home, now: u64) -> Result<Verified<Component>> {
    let mut roots = home.trust().sources()?.roots(&Marks::default());
    let operator = tokens.account().unverified_claims()?.common().issuer;
    if !roots.contains(&operator) {
        roots.extend([(operator, Revocations::Never)]);
    }
    writ_signing::verify(signed, &roots, now).context("what was signed would not verify, so nothing was written")
}

fn tell_claims(component: &Verified<Component>) -> Result<()> {
    let common = &component.component().common;
    let Capabilities::Only(claims) = &common.capabilities else { return Ok(()) };
    let mut rows: Vec<_> = claims.iter().map(|(name, value)| [format!("  {name}"), describe::claim(value)]).collect();
    if rows.is_empty() {
        rows.push(["  no capability".to_owned(), String::new()]);
    }
    if !common.limits.is_empty() {
        rows.push(["  limits".to_owned(), describe::limits(&common.limits)]);
    }
    output::table(&rows)
}

fn warn(component: &Verified<Component>) {
    let claims = component.component();
    for (kind, common) in component.chain().filter(|(kind, _)| *kind != Kind::Component) {
        if common.exp < claims.common.exp {
            let end = clock::day(common.exp);
            output::warning(format_args!(
                "the {kind}'s token ends before this signature does, on {end}, and this with it"
            ));
        }
    }
    wider::warn(component);
}

/// What the file that is about to be replaced says about itself.
fn carried(out: &Path) -> Option<Claims> {
    let file = files::read(out, section::MAX_FILE).ok()?;
    let first = inspect(&file).ok()?.tokens.into_iter().next()?;
    first.ok().map(|token| token.claims)
}
