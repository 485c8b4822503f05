//! `writ sign --refresh-chain`: later tokens of the account and the signing key, over the same signature.

use anyhow::{Context, Result, bail};
use writ_signing::section;
use writ_signing::token::{Token, Tokens};

use super::{Sign, verified};
use crate::home::Home;
use crate::verbs::verify;
use crate::{Done, Outcome, clock, files, output, wider};

/// The component's token stays as it is, byte for byte, and so does all that it covers.
pub(super) fn run(args: &Sign, home: &Home) -> Done {
    let file = files::read(&args.file, section::MAX_FILE)?;
    let carried = section::split(&file).map_err(anyhow::Error::from);
    let carried = carried.and_then(|split| Ok(Tokens::parse(split.content)?));
    let carried = carried.with_context(|| format!("{} cannot be refreshed", args.file.display()))?;

    let signer = carried.component().unverified_claims()?.common().issuer;
    let vouchers = home.tokens().vouchers(signer)?;
    refuse_older(carried.account(), &vouchers.account)?;
    if let (Some(carried), Some(kept)) = (carried.signing_key(), &vouchers.signing_key) {
        refuse_older(carried, kept)?;
    }
    let tokens = Tokens::new(carried.component().clone(), vouchers.signing_key, vouchers.account)?;
    let refreshed = section::embed(&file, &tokens)?;
    let component = verified(&refreshed, &tokens, home, clock::now()?)?;
    let out = args.out.as_deref().unwrap_or(&args.file);
    files::replace(out, &refreshed)?;

    output::data(format_args!("refreshed {} as {}", out.display(), verify::summary(&component)))?;
    if tokens == carried {
        output::words("its tokens are those that are kept here; a renewed one is kept with `writ account import`");
    }
    wider::warn(&component);
    Ok(Outcome::Done)
}

fn refuse_older(carried: &Token, kept: &Token) -> Result<()> {
    let (carried, kept) = (carried.unverified_claims()?, kept.unverified_claims()?);
    if kept.common().iat < carried.common().iat {
        bail!("the {} token in the file is newer than the one that is kept here", carried.kind());
    }
    Ok(())
}
