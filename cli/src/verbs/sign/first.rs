//! The very first signature: a newcomer signs without reading about keys.

use std::collections::BTreeMap;

use anyhow::Result;
use writ_manifest::{Revocations, TrustEntry, TrustPolicy};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft};
use writ_signing::{Role, SigningKey};

use super::signer::Signer;
use crate::home::{Home, Vouchers};
use crate::{clock, output};

/// Makes an operator and an account, and trusts the operator in this home.
///
/// The account's key is kept last: what was interrupted before it leaves nothing that signs.
pub(super) fn make(home: &Home) -> Result<Signer> {
    let (operator, account) = (SigningKey::generate(Role::Operator)?, SigningKey::generate(Role::Account)?);
    let now = clock::now()?;
    let common = CommonDraft {
        subject: account.public(),
        name: ACCOUNT.to_owned(),
        capabilities: Capabilities::Any,
        limits: BTreeMap::new(),
        nbf: None,
        exp: now.saturating_add(YEAR),
    };
    let token = token::sign_account(&AccountDraft { common }, &operator, now)?;
    let entry = TrustEntry {
        name: OPERATOR.to_owned(),
        operator: operator.public().to_string(),
        policy: TrustPolicy::Any,
        revocations: Revocations::None,
    };
    home.keys().store(OPERATOR, &operator)?;
    home.trust().add(operator.public(), &entry)?;
    home.tokens().store(account.public(), &token)?;
    home.keys().store(ACCOUNT, &account)?;

    output::words(format_args!(
        "there were no keys in {home}, so two were made there, readable by you alone:\n  \
         operator  {OPERATOR}  {operator}\n  \
         account   {ACCOUNT}           {account}\n\
         the account may claim anything, for a year. Hosts with this WRIT_HOME trust the operator; another does after\n  \
         writ trust add {operator} --any",
        home = home.path().display(),
        operator = operator.public(),
        account = account.public(),
    ));
    Ok(Signer { key: account, vouchers: Vouchers { signing_key: None, account: token } })
}

const OPERATOR: &str = "local-operator";
const ACCOUNT: &str = "local";

/// How long the account's token lasts, in seconds.
const YEAR: u64 = 365 * 86_400;
