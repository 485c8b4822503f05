//! `writ account show`: what vouches for an account or a signing key.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use writ_signing::PublicKey;
use writ_signing::token::{Claims, Token};

use crate::args::{Output, OutputArgs};
use crate::home::Home;
use crate::{Done, Outcome, clock, describe, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Its name, or its public key
    #[arg(value_name = "NAME|KEY")]
    account: String,

    /// Write the tokens themselves, for `writ account import` elsewhere. They are no secret
    #[arg(long)]
    tokens: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Show, home: &Home) -> Done {
    let key = find(&args.account, home)?;
    let vouchers = home.tokens().vouchers(key)?;
    let own = vouchers.signing_key.as_ref().unwrap_or(&vouchers.account);
    let chain: Vec<&Token> = vouchers.signing_key.iter().chain([&vouchers.account]).collect();
    if args.tokens {
        chain.iter().try_for_each(|token| output::data(token.as_str()))?;
        return Ok(Outcome::Done);
    }
    let signing_keys = signing_keys(key, home)?;
    match args.output.output {
        Output::Json => {
            let tokens: Vec<_> = chain.iter().map(|token| token.as_str()).collect();
            let mut shown = describe::token(&own.unverified_claims()?);
            let fields = signing_keys.iter().map(|claims| Value::Object(describe::token(claims)));
            shown.insert("signing_keys".to_owned(), fields.collect());
            shown.insert("tokens".to_owned(), json!(tokens));
            output::json(&Value::Object(shown))?;
        }
        Output::Text => {
            tell(&own.unverified_claims()?)?;
            for claims in &signing_keys {
                output::data("")?;
                tell(claims)?;
            }
        }
    }
    Ok(Outcome::Done)
}

fn tell(claims: &Claims) -> Result<()> {
    let common = claims.common();
    output::data(format_args!("{} {}", claims.kind(), common.name))?;
    let mut rows = vec![
        describe::row("key", common.subject),
        describe::row("signed by", common.issuer),
        describe::row("valid", format_args!("{} to {}", clock::day(common.nbf), clock::day(common.exp))),
    ];
    if let Claims::SigningKey(key) = claims {
        rows.push(describe::row("signs", describe::signs(&key.components)));
    }
    rows.extend(describe::may(common));
    output::table(&rows)
}

/// The key of this name here, the key itself, or the subject of a token that names it so.
fn find(wanted: &str, home: &Home) -> Result<PublicKey> {
    if let Ok(key) = home.keys().public(wanted) {
        return Ok(key);
    }
    let mut found = Vec::new();
    for token in home.tokens().all()? {
        let claims = token.unverified_claims()?;
        if claims.common().name == wanted {
            found.push(claims.common().subject);
        }
    }
    match found.as_slice() {
        [key] => Ok(*key),
        [] => bail!("there is no key and no token named {wanted} in {}", home.path().display()),
        _ => bail!("several tokens in {} name {wanted}; give the public key", home.path().display()),
    }
}

/// The tokens that this account signed, as far as they are kept here.
fn signing_keys(account: PublicKey, home: &Home) -> Result<Vec<Claims>> {
    let all: Vec<Claims> = home.tokens().all()?.iter().map(Token::unverified_claims).collect::<Result<_, _>>()?;
    Ok(all.into_iter().filter(|claims| claims.common().issuer == account).collect())
}
