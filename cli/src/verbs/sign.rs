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

use self::signer::{Signer, Wanted};
use super::verify;
use crate::advice::Advice;
use crate::home::Home;
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
    let file = files::read(&args.file, section::MAX_FILE)?;
    // Whether it is a component at all comes first: nothing is made for a file that cannot be signed.
    section::unsigned(&file).with_context(|| format!("{} cannot be signed", args.file.display()))?;
    let claims = Source::read(args)?;
    let now = clock::now()?;
    let signer = Signer::choose(&args.wanted, home)?;

    let (id, new_source) = claims.id()?;
    let (signed, component) = sign(&file, args, &claims.file, id, &signer, home, now)?;
    let out = args.out.as_deref().unwrap_or(&args.file);
    let replaced = carried(out);
    // The id is kept first: a file that was signed under an id that nobody kept would start a lineage of its own.
    if let Some(text) = new_source {
        files::replace(&claims.path, text.as_bytes())?;
        output::words(format_args!("wrote the component's new id into {}; commit it", claims.path.display()));
    }
    files::replace(out, &signed)?;

    output::data(format_args!("signed {} as {}", out.display(), verify::summary(&component)))?;
    tell_claims(&component)?;
    warn(&component, replaced.as_ref());
    if home.trust().entries()?.iter().all(|(operator, _)| *operator != component.operator()) {
        output::warning(format_args!(
            "the operator {operator} is not trusted here, so it runs elsewhere only; `writ trust add {operator} --policy FILE` changes that",
            operator = component.operator()
        ));
    }
    Ok(Outcome::Done)
}

/// A `writ.yaml`, and where it was found.
struct Source {
    path: PathBuf,
    text: String,
    file: ComponentFile,
}

impl Source {
    fn read(args: &Sign) -> Result<Self> {
        let path = match &args.claims {
            Some(path) => path.clone(),
            None => Self::find(&args.file)?,
        };
        let text = files::read_text(&path, MAX_BYTES)?;
        let file = ComponentFile::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))?;
        Ok(Self { path, text, file })
    }

    fn find(component: &Path) -> Result<PathBuf> {
        let beside = component.with_file_name(NAME);
        let found = [beside, PathBuf::from(NAME)].into_iter().find(|path| path.exists());
        found.ok_or_else(|| {
            let message = format!("there is no {NAME} beside {} or in this folder", component.display());
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

/// The signed file, and what verifying it here gave.
fn sign(
    file: &[u8],
    args: &Sign,
    claims: &ComponentFile,
    id: PublicKey,
    signer: &Signer,
    home: &Home,
    now: u64,
) -> Result<(Vec<u8>, Verified<Component>)> {
    let lasts = args.expires.map_or(claims.expires.duration(), Time::duration);
    let common = CommonDraft {
        subject: id,
        name: claims.name.clone(),
        capabilities: Capabilities::Only(claims.claims.clone()),
        limits: claims.limits.clone(),
        nbf: None,
        exp: now.saturating_add(lasts.as_secs()),
    };
    let draft = ComponentDraft { common, version: claims.version.clone(), revision: claims.revision };
    let token = token::sign_component(&draft, file, &signer.key, now)?;
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

fn warn(component: &Verified<Component>, replaced: Option<&Claims>) {
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
    let Some(Claims::Component(old)) = replaced else { return };
    let same_release = old.common.subject == claims.common.subject && old.revision == claims.revision;
    if same_release && old.digest != claims.digest {
        let revision = claims.revision;
        output::hint(format_args!(
            "other bytes were signed as revision {revision} before; raise `revision` with every release: hosts go by it, and then by the time"
        ));
    }
}

/// What the file that is about to be replaced says about itself.
fn carried(out: &Path) -> Option<Claims> {
    let file = files::read(out, section::MAX_FILE).ok()?;
    let first = inspect(&file).ok()?.tokens.into_iter().next()?;
    first.ok().map(|token| token.claims)
}

/// What a component's claims are called, beside its source.
const NAME: &str = "writ.yaml";
