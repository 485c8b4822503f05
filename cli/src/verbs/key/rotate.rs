//! `writ key rotate`: a successor for an operator's or a signing key.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use writ_signing::revocation::{Draft, List, Subject};
use writ_signing::token::{self, AccountDraft, Claims, Common, CommonDraft, SigningKeyClaims, SigningKeyDraft};
use writ_signing::{PublicKey, Role, SigningKey};

use crate::advice::Advice;
use crate::home::{Home, Named, check_name};
use crate::verbs::revoke;
use crate::{Done, Outcome, clock, output, revocations};

#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// The key to follow, by its name or its public key
    #[arg(value_name = "NAME|KEY")]
    key: String,

    /// What to call its successor here [default: its name and a number]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The folder of an operator's revocation list, and of its successor's [default: revoked in WRIT_HOME]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Rotate, home: &Home) -> Done {
    let old = home.keys().find(&args.key)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => next_name(&old.name, home)?,
    };
    check_name(&name)?;
    match old.key.role() {
        Role::Operator => operator(&old, &name, &args.dir.clone().unwrap_or_else(|| home.revoked()), home),
        Role::Account => signing_key(&old, &name, home),
        role => Err(refused(&old, &format!("a {role}'s key vouches for nobody, so a new one simply takes its place"))),
    }
}

/// The successor signs a token about every account that its predecessor vouches for here, for as long as that does; and a list
/// of what that revoked.
fn operator(old: &Named, name: &str, lists: &Path, home: &Home) -> Done {
    let new = Named { name: name.to_owned(), key: SigningKey::generate(Role::Operator)? };
    let now = clock::now()?;
    let last = revoke::last(&revocations::path(lists, old.key.public()), old.key.public())?;
    let (renewed, revoked) = accounts(old, &new, last.as_ref(), (home, now))?;
    // The key first: tokens that it signed are of no use without it, and replace what was of use.
    let path = home.keys().store(name, &new.key)?;
    output::words(format_args!("kept in {}", path.display()));
    match &last {
        Some(last) => list(last, &new, lists, now)?,
        None => output::warning(format_args!(
            "there is no revocation list of {} in {}; if it revoked any account, that is vouched for again: --dir names another folder",
            old.name,
            lists.display()
        )),
    }
    for (account, account_name, token) in &renewed {
        home.tokens().store(*account, token)?;
        output::words(format_args!("{name} vouches for the account {account_name} as {} did", old.name));
    }
    for account in &revoked {
        output::words(format_args!("{name} does not vouch for the account {account}, which {} revoked", old.name));
    }
    output::data(new.key.public())?;
    output::hint(format_args!(
        "on each host `writ trust add {new} --policy FILE --revocations DIR`, as far as it trusts the old one, and the new \
         list in DIR; give each account its new token (`writ account show`), for `writ sign`; in the end \
         `writ trust remove {old}`, which is what ends the old key's power",
        new = new.key.public(),
        old = old.key.public()
    ));
    Ok(Outcome::Done)
}

/// A key, what it is called, and the token about it.
type Renewed = (PublicKey, String, token::Token);

/// The successor's tokens about accounts, and the names of those that it vouches for no more.
fn accounts(
    old: &Named,
    new: &Named,
    last: Option<&List>,
    (home, now): (&Home, u64),
) -> Result<(Vec<Renewed>, Vec<String>)> {
    let (mut renewed, mut revoked) = (Vec::new(), Vec::new());
    for kept in home.tokens().all()? {
        let claims = kept.unverified_claims()?;
        let common = claims.common();
        if common.issuer != old.key.public() || common.exp <= now {
            continue;
        }
        let extent = last.and_then(|list| list.get(&Subject::Key(common.subject)));
        if extent.is_some_and(|extent| extent.voids(common.iat)) {
            revoked.push(common.name.clone());
            continue;
        }
        let draft = AccountDraft { common: again(common, common.subject, common.exp) };
        renewed.push((common.subject, common.name.clone(), token::sign_account(&draft, &new.key, now)?));
    }
    // They are kept by their keys, in an order that nobody knows.
    renewed.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
    revoked.sort();
    Ok((renewed, revoked))
}

/// The successor's first list, which says what its predecessor's last one does.
fn list(last: &List, new: &Named, folder: &Path, now: u64) -> Result<()> {
    let mut draft = Draft::after(None);
    last.iter().for_each(|(subject, extent)| draft.revoke(*subject, *extent));
    let path = revocations::path(folder, new.key.public());
    let list = revoke::sign(&draft, new, &path, now)?;
    output::words(format_args!("list number {} of {} is in {}", list.number(), new.name, path.display()));
    Ok(())
}

/// The account signs the same about the successor, for as long from now on as it did about its predecessor.
fn signing_key(old: &Named, name: &str, home: &Home) -> Done {
    let public = old.key.public();
    let token = home.tokens().get(public)?;
    let claims = match token.map(|token| token.unverified_claims()).transpose()? {
        Some(Claims::SigningKey(claims)) => claims,
        Some(_) => return Err(refused(old, OWN_KEY)),
        None => return Err(refused(old, "no token here says whether it is a signing key or an account's own")),
    };
    let account = home.keys().find(&claims.common.issuer.to_string());
    let account = account.with_context(|| format!("the account's key signs about {}'s successor", old.name))?;
    let new = SigningKey::generate(Role::Account)?;
    let token = follow(&claims, new.public(), name, &account.key)?;
    home.tokens().store(new.public(), &token)?;
    let path = home.keys().store(name, &new)?;
    output::words(format_args!("kept in {}", path.display()));
    output::words(format_args!("{} vouches for the signing key {name} as it does for {}", account.name, old.name));
    output::data(new.public())?;
    output::hint(format_args!("{} signs until {}, unless it is revoked", old.name, clock::day(claims.common.exp)));
    Ok(Outcome::Done)
}

fn follow(claims: &SigningKeyClaims, key: PublicKey, name: &str, account: &SigningKey) -> Result<token::Token> {
    let now = clock::now()?;
    let lasts = claims.common.exp.saturating_sub(claims.common.iat);
    let mut common = again(&claims.common, key, now.saturating_add(lasts));
    name.clone_into(&mut common.name);
    Ok(token::sign_signing_key(&SigningKeyDraft { common, components: claims.components.clone() }, account, now)?)
}

/// What a token says, to be said again about a key until then.
fn again(common: &Common, subject: PublicKey, exp: u64) -> CommonDraft {
    CommonDraft {
        subject,
        name: common.name.clone(),
        capabilities: common.capabilities.clone(),
        limits: common.limits.clone(),
        nbf: None,
        exp,
    }
}

/// The first of `NAME-2`, `NAME-3`, … that is free; a number that the name ends with is counted on.
fn next_name(name: &str, home: &Home) -> Result<String> {
    let (stem, number) = match name.rsplit_once('-').map(|(stem, end)| (stem, end.parse::<u32>())) {
        Some((stem, Ok(number))) if !stem.is_empty() => (stem, number),
        _ => (name, 1),
    };
    for number in number.saturating_add(1)..number.saturating_add(1000) {
        let next = format!("{stem}-{number}");
        if !home.keys().has(&next)? {
            return Ok(next);
        }
    }
    Err(Advice::new("no name is free for the new key", "choose one with --name").into())
}

fn refused(old: &Named, why: &str) -> anyhow::Error {
    let message = format!("the key {} is not rotated: {why}", old.name);
    Advice::new(message, "docs/keys.md says what to do when a key was lost or leaked").into()
}

/// Why an account keeps its key.
const OWN_KEY: &str = "an account is its key. What its components stored, and the subjects they talk on, are kept under it; \
                       another key is another account, with empty buckets";
