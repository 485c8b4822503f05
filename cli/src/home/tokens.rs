//! Tokens of accounts and signing keys, each in a file named for its subject.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use writ_signing::PublicKey;
use writ_signing::token::{Claims, Kind, MAX_TOKEN, Token};

use crate::advice::Advice;
use crate::files;

/// The folder `tokens/`.
#[derive(Debug)]
pub(crate) struct Tokens {
    folder: PathBuf,
}

/// What vouches for a key that signs components.
pub(crate) struct Vouchers {
    /// The signing key's token, if the key is not the account's own.
    pub(crate) signing_key: Option<Token>,
    pub(crate) account: Token,
}

impl Tokens {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The tokens that lead from this key to an operator.
    pub(crate) fn vouchers(&self, key: PublicKey) -> Result<Vouchers> {
        let token = self.load(key)?;
        match token.unverified_claims()? {
            Claims::Account(_) => Ok(Vouchers { signing_key: None, account: token }),
            Claims::SigningKey(claims) => {
                let account = self.load(claims.common.issuer)?;
                if account.kind() != Kind::Account {
                    bail!(
                        "{} is about a {}, where an account's was expected",
                        self.path(claims.common.issuer).display(),
                        account.kind()
                    );
                }
                Ok(Vouchers { signing_key: Some(token), account })
            }
            Claims::Component(_) => bail!("{} is a component's token", self.path(key).display()),
        }
    }

    /// The token about a key, if one is kept here.
    pub(crate) fn get(&self, key: PublicKey) -> Result<Option<Token>> {
        if self.path(key).exists() { self.load(key).map(Some) } else { Ok(None) }
    }

    /// Every token that is kept here, in the order of the keys they are about; one that cannot be read fails them all.
    pub(crate) fn all(&self) -> Result<Vec<Token>> {
        let names = super::names(&self.folder)?;
        let keys = names.iter().filter_map(|name| name.strip_suffix(SUFFIX)?.parse().ok());
        keys.map(|key| self.load(key)).collect()
    }

    /// Keeps a token about a key; an older one is replaced.
    pub(crate) fn store(&self, key: PublicKey, token: &Token) -> Result<()> {
        super::make_folder(&self.folder)?;
        files::replace(&self.path(key), format!("{token}\n").as_bytes())
    }

    fn load(&self, key: PublicKey) -> Result<Token> {
        let path = self.path(key);
        if !path.exists() {
            let message = format!("nothing vouches for the key {key}: there is no {}", path.display());
            let hint = "an operator vouches for an account with `writ account create`; a token made elsewhere is kept with `writ account import`";
            return Err(Advice::new(message, hint).into());
        }
        let text = files::read_text(&path, MAX_TOKEN.saturating_add(1))?;
        let token: Token =
            text.strip_suffix('\n').unwrap_or(&text).parse().with_context(|| path.display().to_string())?;
        let claims = token.unverified_claims().with_context(|| path.display().to_string())?;
        if claims.common().subject != key {
            bail!("{} is about {}", path.display(), claims.common().subject);
        }
        Ok(token)
    }

    fn path(&self, key: PublicKey) -> PathBuf {
        self.folder.join(format!("{key}{SUFFIX}"))
    }
}

const SUFFIX: &str = ".jwt";
