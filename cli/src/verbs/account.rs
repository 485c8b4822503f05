//! `writ account`: the tokens that vouch for accounts, and for the keys that sign in their place.

mod show;
mod signing_key;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use writ_manifest::{MAX_BYTES, Policy};
use writ_provider::units::Time;
use writ_signing::inspect::{self, UnverifiedToken};
use writ_signing::time::Timestamp;
use writ_signing::token::{self, AccountDraft, Capabilities, Claims, CommonDraft, Kind, Token};
use writ_signing::{PublicKey, Role, SigningKey};

use crate::advice::Advice;
use crate::args::{Output, OutputArgs, PolicyArgs};
use crate::home::{Home, Named, check_name};
use crate::verbs::revoke::a;
use crate::{Done, Outcome, clock, describe, files, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account: a key, and an operator's token about it
    Create(Create),
    /// Show an account or a signing key, and what vouches for it
    Show(show::Show),
    /// Keep tokens that were signed elsewhere
    Import {
        /// What `writ account show --tokens` wrote there
        file: PathBuf,

        /// Keep the word of this key in the place of another's that is kept: of an account's new operator, O…
        #[arg(long, value_name = "NAME|KEY")]
        issuer: Option<String>,
    },
    /// Keys that sign components in an account's place, for CI and for teams
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeys),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// What to call it: 1 to 64 of a-z, 0-9 and -
    name: String,

    /// The operator's key that signs its token [default: the only one there is]
    #[arg(long, value_name = "NAME|KEY")]
    operator: Option<String>,

    #[command(flatten)]
    most: PolicyArgs,

    /// Vouch for this key instead of making one: it renews an account, or its holder keeps it elsewhere
    #[arg(long, value_name = "NAME|KEY")]
    key: Option<String>,

    /// How long the token lasts
    #[arg(long, value_name = "TIME", default_value = "365d")]
    expires: Time,

    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(verb: Account, home: &Home) -> Done {
    match verb {
        Account::Create(args) => create(&args, home),
        Account::Show(args) => show::run(&args, home),
        Account::Import { file, issuer } => import(&file, issuer.as_deref(), home),
        Account::SigningKey(verb) => signing_key::run(verb, home),
    }
}

fn create(args: &Create, home: &Home) -> Done {
    check_name(&args.name)?;
    let operator = operator(args.operator.as_deref(), home)?;
    let subject = About::choose(&args.name, args.key.as_deref(), home)?;
    let about = common(&args.name, subject.public(), &args.most, args.expires)?;
    let token = token::sign_account(&AccountDraft { common: about }, &operator.key, clock::now()?)?;
    let old = home.tokens().get(subject.public())?;
    if old.as_ref().is_some_and(|old| old.kind() != Kind::Account) {
        bail!("{} is a signing key; as an account it would own nothing that its account does", subject.public());
    }
    subject.keep(&args.name, &token, home)?;
    tell(&args.name, &token, &operator, args.output.output)?;
    if let Some(old) = old {
        warn_of_older(&old, &token)?;
    }
    Ok(Outcome::Done)
}

/// The key that a token is made about.
enum About {
    /// Made for it, and kept once the token is.
    New(Box<SigningKey>),
    /// There already, here or elsewhere.
    Known(PublicKey),
}

impl About {
    /// The key that was asked for, or else a new one.
    fn choose(name: &str, wanted: Option<&str>, home: &Home) -> Result<Self> {
        let Some(wanted) = wanted else {
            if home.keys().has(name)? {
                let message = format!("there is a key named {name} already, and keys are never replaced");
                let hint = format!("choose another name; or renew its token with --key {name}");
                return Err(Advice::new(message, hint).into());
            }
            return Ok(Self::New(Box::new(SigningKey::generate(Role::Account)?)));
        };
        let key = home.keys().public(wanted)?;
        match key.role() {
            Role::Account => Ok(Self::Known(key)),
            role => bail!("{key} is the key of another role ({role}); expected an account's, which starts with A"),
        }
    }

    fn public(&self) -> PublicKey {
        match self {
            Self::New(key) => key.public(),
            Self::Known(key) => *key,
        }
    }

    /// Keeps the token, and the key last: what was interrupted before it leaves nothing that signs.
    fn keep(&self, name: &str, token: &Token, home: &Home) -> Result<()> {
        home.tokens().store(self.public(), token)?;
        if let Self::New(key) = self {
            let path = home.keys().store(name, key)?;
            output::words(format_args!("kept in {}", path.display()));
        }
        Ok(())
    }
}

/// The operator's key that was asked for, or the only one there is.
fn operator(wanted: Option<&str>, home: &Home) -> Result<Named> {
    let Some(wanted) = wanted else {
        let mut operators = home.keys().of_role(Role::Operator)?.into_iter();
        return match (operators.next(), operators.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Advice::new("there are several operators", "choose one with --operator").into()),
            (None, _) => {
                let message = format!("there is no operator's key in {}", home.path().display());
                Err(Advice::new(message, "`writ key generate operator` makes one").into())
            }
        };
    };
    let named = home.keys().find(wanted)?;
    match named.key.role() {
        Role::Operator => Ok(named),
        role => bail!("{} is the key of another role ({role}); accounts are signed by operators", named.name),
    }
}

/// What every token says, for `expires` from now on.
fn common(name: &str, subject: PublicKey, most: &PolicyArgs, expires: Time) -> Result<CommonDraft> {
    let policy = most.policy.as_deref().map(read_policy).transpose()?;
    let capabilities = policy.as_ref().map_or(Capabilities::Any, describe::of_policy);
    let limits = policy.map(|policy| policy.limits).unwrap_or_default();
    let exp = clock::now()?.saturating_add(expires.duration().as_secs());
    Ok(CommonDraft { subject, name: name.to_owned(), capabilities, limits, nbf: None, exp })
}

/// Reads a policy's file.
pub(crate) fn read_policy(path: &Path) -> Result<Policy> {
    let text = files::read_text(path, MAX_BYTES)?;
    Policy::parse(&text).map_err(|error| anyhow!("{}:{error}", path.display()))
}

/// Says what was vouched for; the public key is data.
fn tell(name: &str, token: &Token, issuer: &Named, format: Output) -> Result<()> {
    let claims = token.unverified_claims()?;
    let common = claims.common();
    let (kind, until) = (token.kind(), clock::day(common.exp));
    output::words(format_args!("{} vouches for the {kind} {name} until {until}", issuer.name));
    match format {
        Output::Json => output::json(&json!({ "name": name, "key": common.subject, "token": token.as_str() })),
        Output::Text => output::data(common.subject),
    }
}

/// A new token voids none: where it says something else, the older one is what a thief would use.
fn warn_of_older(old: &Token, new: &Token) -> Result<()> {
    let (old, new) = (old.unverified_claims()?, new.unverified_claims()?);
    if old.common().exp <= clock::now()? || says(&old) == says(&new) {
        return Ok(());
    }
    let (old, new) = (old.common(), new.common());
    output::warning(format_args!(
        "the older token says something else, and stands until it ends on {}, wherever it is",
        clock::day(old.exp)
    ));
    // Before this one was signed, or a list of the same issuer's would void this one, too.
    let (key, by, since) = (old.subject, old.issuer, Timestamp(new.iat));
    output::hint(format_args!("`writ revoke {key} --by {by} --before {since}` voids it"));
    Ok(())
}

/// All that a token says, but for when and under which number.
fn says(claims: &Claims) -> Value {
    let mut said = describe::token(claims);
    ["iat", "nbf", "exp", "jti"].iter().for_each(|field| drop(said.remove(*field)));
    Value::Object(said)
}

/// Keeps the lines of a file, each of them a token, under the keys they are about.
fn import(path: &Path, issuer: Option<&str>, home: &Home) -> Done {
    let text = files::read_text(path, MOST_IMPORTED)?;
    let tokens: Vec<_> = text.lines().map(signed).collect::<Result<_>>().with_context(|| path.display().to_string())?;
    if tokens.is_empty() {
        bail!("{} holds no token", path.display());
    }
    let expected = issuer.map(|key| home.keys().public(key)).transpose()?;
    tokens.iter().try_for_each(|token| check_import(token, expected, home))?;
    for UnverifiedToken { token, claims, .. } in &tokens {
        let common = claims.common();
        home.tokens().store(common.subject, token)?;
        let (kind, name, until) = (token.kind(), &common.name, clock::day(common.exp));
        output::words(format_args!("kept the token of the {kind} {name} until {until}"));
        output::words(format_args!("  {} vouches for {}", common.issuer, common.subject));
    }
    Ok(Outcome::Done)
}

/// Refuses what would put another's word in the place of one that is kept: whoever knows a public key can sign a token about
/// it, and components that are signed with that key would then be somebody else's.
fn check_import(new: &UnverifiedToken, expected: Option<PublicKey>, home: &Home) -> Result<()> {
    let (kind, common) = (new.token.kind(), new.claims.common());
    let (key, issuer) = (common.subject, common.issuer);
    let Some(kept) = home.tokens().get(key)? else { return Ok(()) };
    let claims = kept.unverified_claims()?;
    let kept = claims.common();
    if claims.kind() != kind {
        bail!("{key} is {} of {} here, and {issuer} says it is {}", a(claims.kind()), kept.issuer, a(kind));
    }
    if kept.issuer != issuer && expected != Some(issuer) {
        let message = format!("{} vouches for {key} here, and this token is of {issuer}", kept.issuer);
        return Err(Advice::new(message, format!("if that is its new issuer, --issuer {issuer}")).into());
    }
    if kept.iat > common.iat {
        bail!("a newer token about {key} is kept already");
    }
    Ok(())
}

/// A token that whoever it names did sign, and that vouches for a key which signs.
fn signed(line: &str) -> Result<UnverifiedToken> {
    let token = inspect::token(line)?;
    if !token.signed_by_issuer {
        bail!("a token was not signed by {}, which it names as its issuer", token.claims.common().issuer);
    }
    if token.token.kind() == Kind::Component {
        bail!("a component's token stays in its file; expected an account's or a signing key's");
    }
    Ok(token)
}

/// A signing key's token and its account's, and more than that.
const MOST_IMPORTED: usize = 16 * token::MAX_TOKEN;
