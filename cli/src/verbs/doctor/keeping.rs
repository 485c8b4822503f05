//! `WRIT_HOME`: its keys, what vouches for them, whom it trusts, and the most that it allows.

use std::fs;
use std::path::Path;

use anyhow::Result;
use writ_manifest as manifest;
use writ_signing::revocation::Unlisted;
use writ_signing::token::Token;
use writ_signing::{PublicKey, Revocations, Role, VerifyError};

use super::{Check, made_ours, shell_path, shell_word, soon};
use crate::home::{Home, Named};
use crate::revocations::{self, Marks, Sources};
use crate::{application, clock, files};

pub(super) fn checks(home: &Home, now: u64) -> Vec<Check> {
    let path = home.path();
    if !path.exists() {
        let found = format!("{} is not there; the first `writ sign` or `writ build` makes it", path.display());
        return vec![Check::optional(HOME, found)];
    }
    let mut checks = vec![folder(HOME, path)];
    for sub in ["keys", "tokens", "trust"] {
        let folder = folder(&format!("{sub}/"), &path.join(sub));
        checks.extend(folder.fix.is_some().then_some(folder));
    }
    checks.extend(keys(home, now));
    checks.extend(trust(home, now));
    checks.push(policy(&path.join("policy.yaml")));
    checks
}

/// A folder in which others could put something decides nothing.
fn folder(what: &str, path: &Path) -> Check {
    match files::check_guarded_folder(path) {
        Ok(()) => Check::good(what, path.display().to_string()),
        Err(error) => {
            let fix = made_ours(path, "go-w", 0o022).unwrap_or_else(|| format!("ls -ld {}", shell_path(path)));
            Check::broken(what, error.to_string()).fix(fix)
        }
    }
}

fn keys(home: &Home, now: u64) -> Vec<Check> {
    let names = match home.keys().names() {
        Ok(names) => names,
        Err(error) => return vec![Check::broken("keys", format!("{error:#}"))],
    };
    if names.is_empty() {
        return vec![Check::optional("keys", "none; the first `writ sign` or `writ build` makes them")];
    }
    names.iter().flat_map(|name| key(home, name, now)).collect()
}

/// A key, and what vouches for it.
fn key(home: &Home, name: &str, now: u64) -> Vec<Check> {
    let what = format!("key {name}");
    match home.keys().load(name) {
        Ok(named) => {
            let found = format!("{} {}", named.key.role(), named.key.public());
            let vouched = (named.key.role() == Role::Account).then(|| vouched(home, &named, now));
            std::iter::once(Check::good(what, found)).chain(vouched.into_iter().flatten()).collect()
        }
        Err(error) => {
            let path = home.keys().path(name);
            let link = fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file());
            let ours = made_ours(&path, "600", 0o077).filter(|_| !link);
            // What is in it cannot be repaired; out of the way, it holds up no other key.
            let aside = || format!("mv {0} {0}.unusable", shell_path(&path));
            vec![Check::broken(what, error.root_cause().to_string()).fix(ours.unwrap_or_else(aside))]
        }
    }
}

/// Every token that leads from a key to its operator.
fn vouched(home: &Home, named: &Named, now: u64) -> Vec<Check> {
    let vouchers = match home.tokens().vouchers(named.key.public()) {
        Ok(vouchers) => vouchers,
        Err(error) => {
            let found = format!("{}, so it signs nothing", error.root_cause());
            return vec![Check::optional(format!("token of {}", named.name), found).fix(renew(named))];
        }
    };
    let tokens = vouchers.signing_key.iter().chain([&vouchers.account]);
    tokens.filter_map(|token| valid(named, token, now).ok()).collect()
}

fn valid(named: &Named, token: &Token, now: u64) -> Result<Check> {
    let exp = token.unverified_claims()?.common().exp;
    let what = format!("{} token of {}", token.kind(), named.name);
    let end = clock::day(exp);
    Ok(match exp {
        exp if exp <= now => {
            Check::broken(what, format!("ended on {end}: what it signed runs nowhere")).fix(renew(named))
        }
        exp if soon(exp, now) => Check::optional(what, format!("ends soon, on {end}")).fix(renew(named)),
        _ => Check::good(what, format!("valid until {end}")),
    })
}

/// The line that shows who has to sign a new token.
fn renew(named: &Named) -> String {
    format!("writ key show {}", named.name)
}

fn trust(home: &Home, now: u64) -> Vec<Check> {
    let mut checks = Vec::new();
    let entries = match home.trust().each() {
        Ok(entries) => entries,
        Err(error) => return vec![Check::broken("trust", format!("{error:#}"))],
    };
    for (path, entry) in entries {
        let what = |name: &str| format!("trust in {name}");
        checks.push(match entry {
            Ok((operator, entry)) => match lists(home, operator, &entry.revocations, now) {
                Ok(()) => Check::good(what(&entry.name), operator.to_string()),
                Err(error) => unlisted(what(&entry.name), home, &entry.revocations, &error),
            },
            Err(error) => Check::unreadable("trust", &path, &error),
        });
    }
    if checks.is_empty() {
        let none = Check::optional("trust", "no operator is trusted here, so nothing runs here");
        let known = home.keys().all().unwrap_or_default().into_iter().flatten();
        let operator = known.map(|named| named.key.public()).find(|key| key.role() == Role::Operator);
        checks.push(match operator {
            Some(key) => none.fix(format!("writ trust add {key} --any")),
            None => none,
        });
    }
    checks
}

/// Whether every list under an operator can be relied on.
fn lists(home: &Home, operator: PublicKey, demanded: &manifest::Revocations, now: u64) -> Result<(), VerifyError> {
    let sources = Sources::new(home.path(), [(operator, demanded.clone())].into_iter());
    let roots = sources.roots(&Marks::default());
    roots.iter().try_for_each(|(_, revocations)| match revocations {
        Revocations::Never => Ok(()),
        Revocations::Lists(lists) => lists.check_all(operator, now),
    })
}

/// A list that is wanting. One that is too old is signed again by whoever holds its issuer's key. One that is not there has to
/// be brought: a list that began anew would revoke nothing of what the last one did.
fn unlisted(what: String, home: &Home, demanded: &manifest::Revocations, error: &VerifyError) -> Check {
    let check = Check::broken(&what, error.to_string());
    let (VerifyError::Unlisted { issuer, reason }, manifest::Revocations::Lists { dir, .. }) = (error, demanded) else {
        return check;
    };
    let dir = home.path().join(dir);
    let named = home.keys().find(&issuer.to_string());
    match (reason, named) {
        (Unlisted::Stale { .. }, Ok(named)) => {
            check.fix(format!("writ revoke --by {} --dir {}", shell_word(&named.name), shell_path(&dir)))
        }
        (Unlisted::Missing, named) => {
            let last = revocations::path(&home.revoked(), *issuer);
            if last.exists() {
                return check.fix(format!("cp {} {}", shell_path(&last), shell_path(&dir)));
            }
            let name = named.map_or_else(|_| issuer.to_string(), |named| named.name);
            let first = format!("if there never was one, `writ revoke --first --by {name}` signs it");
            Check::broken(what, format!("{error}: bring the newest one; {first}"))
        }
        _ => check,
    }
}

fn policy(path: &Path) -> Check {
    match application::host_policy(path) {
        Ok(Some(_)) => Check::good("policy.yaml", "the most that is allowed here"),
        Ok(None) => Check::good("policy.yaml", "none: whatever the trusted operators allow"),
        Err(error) => Check::unreadable("policy.yaml", path, &error),
    }
}

const HOME: &str = "WRIT_HOME";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};
    use writ_signing::SigningKey;
    use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft};

    use super::*;

    const DAY: u64 = 86_400;

    /// What is said, `now`, of an account's token that was signed at 100 days and lasts 90.
    #[track_caller]
    fn check(now: u64, expected: Expect) {
        let key = |role| SigningKey::generate(role).unwrap();
        let (operator, account) = (key(Role::Operator), key(Role::Account));
        let common = CommonDraft {
            subject: account.public(),
            name: "ada".to_owned(),
            capabilities: Capabilities::Any,
            limits: BTreeMap::new(),
            nbf: None,
            exp: 190 * DAY,
        };
        let token = token::sign_account(&AccountDraft { common }, &operator, 100 * DAY).unwrap();
        let named = Named { name: "ada".to_owned(), key: account };
        let check = valid(&named, &token, now).unwrap();
        expected.assert_eq(&format!("{} {}: {}", check.state.word(), check.what, check.found));
        assert_eq!(check.fix.is_some(), check.state != super::super::State::Good);
    }

    #[test]
    fn times() {
        check(101 * DAY, expect!["ok account token of ada: valid until 1970-07-10"]);
        check(189 * DAY, expect!["optional account token of ada: ends soon, on 1970-07-10"]);
        check(190 * DAY, expect!["broken account token of ada: ended on 1970-07-10: what it signed runs nowhere"]);
    }
}
