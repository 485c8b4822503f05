//! `writ account signing-key`: keys that sign components in an account's place.

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use writ_provider::units::Time;
use writ_signing::revocation::Subject;
use writ_signing::token::{self, ComponentRef, Components, Kind, SigningKeyDraft};
use writ_signing::{PublicKey, Role};

use super::{About, common, tell, warn_of_older};
use crate::advice::Advice;
use crate::args::{Output, OutputArgs, PolicyArgs};
use crate::home::{Home, Named, check_name};
use crate::verbs::revoke::{self, HowArgs};
use crate::{Done, Outcome, clock, output, wider};

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKeys {
    /// Make a key that signs the account's components, and the account's token about it
    Add(Add),
    /// Revoke a signing key, in its account's revocation list
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// The signing key, by its name or its public key
    #[arg(value_name = "NAME|KEY")]
    key: String,

    #[command(flatten)]
    how: HowArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// What to call it: 1 to 64 of a-z, 0-9 and -
    name: String,

    /// The account's key that signs its token [default: the only account's there is]
    #[arg(long, value_name = "NAME|KEY")]
    account: Option<String>,

    #[command(flatten)]
    components: ComponentsArgs,

    #[command(flatten)]
    most: PolicyArgs,

    /// Vouch for this key instead of making one
    #[arg(long, value_name = "NAME|KEY")]
    key: Option<String>,

    /// How long the token lasts
    #[arg(long, value_name = "TIME", default_value = "30d")]
    expires: Time,

    #[command(flatten)]
    output: OutputArgs,
}

/// What the key may sign: one of the two must be written out.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct ComponentsArgs {
    /// A component it may sign, by its name and its id, as its writ.yaml has them; may be given again
    #[arg(long = "component", value_name = "NAME=M…", value_parser = component)]
    components: Vec<ComponentRef>,

    /// It may sign every component of the account, now or later
    #[arg(long)]
    any_component: bool,
}

pub(crate) fn run(verb: SigningKeys, home: &Home) -> Done {
    match verb {
        SigningKeys::Add(args) => add(&args, home),
        SigningKeys::Revoke(args) => revoke(&args, home),
    }
}

fn add(args: &Add, home: &Home) -> Done {
    check_name(&args.name)?;
    let account = account(args.account.as_deref(), home)?;
    let vouchers = home.tokens().vouchers(account.key.public())?;
    if vouchers.signing_key.is_some() {
        bail!("{} is a signing key itself; signing keys are signed by their account", account.name);
    }
    let subject = About::choose(&args.name, args.key.as_deref(), home)?;
    let old = home.tokens().get(subject.public())?;
    if old.as_ref().is_some_and(|old| old.kind() != Kind::SigningKey) {
        bail!("{} is an account's key, which signs for itself", subject.public());
    }
    let components = match args.components.any_component {
        true => Components::Any,
        false => Components::Only(args.components.components.clone()),
    };
    let about = common(&args.name, subject.public(), &args.most, args.expires)?;
    let draft = SigningKeyDraft { common: about, components };
    let token = token::sign_signing_key(&draft, &account.key, clock::now()?)?;
    subject.keep(&args.name, &token, home)?;
    tell(&args.name, &token, &account, args.output.output)?;
    for more in wider::than(token.unverified_claims()?.common(), vouchers.account.unverified_claims()?.common()) {
        output::warning(format_args!("the account's token does not allow this, so it has no effect: {more}"));
    }
    if let Some(old) = old {
        warn_of_older(&old, &token)?;
    }
    Ok(Outcome::Done)
}

/// What `writ revoke KEY --by ACCOUNT` does, where the key's token says which account that is.
fn revoke(args: &Revoke, home: &Home) -> Done {
    let key = home.keys().public(&args.key)?;
    let token = home.tokens().get(key)?.with_context(|| format!("no token here says whose signing key {key} is"))?;
    if token.kind() != Kind::SigningKey {
        bail!("{key} is an account's own key; its operator revokes it, with `writ revoke {key} --by OPERATOR`");
    }
    let account = home.keys().find(&token.unverified_claims()?.common().issuer.to_string())?;
    revoke::revoke(&account, &[Subject::Key(key)], &args.how, (&home.revoked(), home), Output::Text)
}

/// The account's key that was asked for, or the only one that is not a signing key.
pub(in crate::verbs) fn account(wanted: Option<&str>, home: &Home) -> Result<Named> {
    let Some(wanted) = wanted else {
        let mut accounts = Vec::new();
        for named in home.keys().of_role(Role::Account)? {
            let token = home.tokens().get(named.key.public())?;
            if token.is_none_or(|token| token.kind() == Kind::Account) {
                accounts.push(named);
            }
        }
        let mut accounts = accounts.into_iter();
        return match (accounts.next(), accounts.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Advice::new("there are several accounts", "choose one with --account").into()),
            (None, _) => {
                let message = format!("there is no account's key in {}", home.path().display());
                Err(Advice::new(message, "`writ account create NAME --operator NAME --any` makes one").into())
            }
        };
    };
    let named = home.keys().find(wanted)?;
    match named.key.role() {
        Role::Account => Ok(named),
        role => bail!("{} is the key of another role ({role}); signing keys are signed by accounts", named.name),
    }
}

fn component(text: &str) -> Result<ComponentRef> {
    let Some((name, id)) = text.split_once('=') else {
        bail!("expected NAME=M…, as the component's writ.yaml has them")
    };
    let id: PublicKey = id.parse()?;
    match id.role() {
        Role::Component => Ok(ComponentRef { name: name.to_owned(), id }),
        role => bail!("{id} is the key of another role ({role}); a component's starts with M"),
    }
}
