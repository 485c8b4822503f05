//! The tokens of one file: a component's, perhaps a signing key's, and an account's.

use std::fmt;

use super::{Kind, MAX_TOKEN, Token, TokenError};

/// The tokens of one file, each of the kind its place demands. `Display` prints them as the claims section holds them.
///
/// Proves nothing: signatures and claims are unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    component: Token,
    signing_key: Option<Token>,
    account: Token,
}

impl Tokens {
    /// Puts tokens together for [`crate::section::embed`].
    ///
    /// # Errors
    /// [`TokensError::Kind`] if one of them is of another kind than its place demands.
    pub fn new(component: Token, signing_key: Option<Token>, account: Token) -> Result<Self, TokensError> {
        let token = demand(1, component, Kind::Component)?;
        let signing_key = signing_key.map(|token| demand(2, token, Kind::SigningKey)).transpose()?;
        let last = if signing_key.is_some() { 3 } else { 2 };
        Ok(Tokens { component: token, signing_key, account: demand(last, account, Kind::Account)? })
    }

    /// Reads the content of a claims section: two or three tokens with exactly one LF between, and nothing else.
    ///
    /// # Errors
    /// A [`TokensError`] if it is anything else.
    pub fn parse(content: &[u8]) -> Result<Self, TokensError> {
        let mut tokens = lines(content)?.into_iter().enumerate().map(|(index, line)| {
            line.parse::<Token>().map_err(|source| TokensError::Token { position: index.saturating_add(1), source })
        });
        let component = tokens.next().ok_or(TokensError::NoAccount)??;
        let second = tokens.next().transpose()?;
        let third = tokens.next().transpose()?;
        match (second, third) {
            (Some(account), None) if account.kind() == Kind::SigningKey => {
                // What is missing is said, and not that a signing key stands where an account's token was expected.
                demand(1, component, Kind::Component).and(Err(TokensError::NoAccount))
            }
            (Some(account), None) => Tokens::new(component, None, account),
            (Some(signing_key), Some(account)) => Tokens::new(component, Some(signing_key), account),
            (None, _) => demand(1, component, Kind::Component).and(Err(TokensError::NoAccount)),
        }
    }

    /// The component's token.
    pub fn component(&self) -> &Token {
        &self.component
    }

    /// The signing key's token, if the component was not signed by the account itself.
    pub fn signing_key(&self) -> Option<&Token> {
        self.signing_key.as_ref()
    }

    /// The account's token.
    pub fn account(&self) -> &Token {
        &self.account
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.component)?;
        if let Some(signing_key) = &self.signing_key {
            writeln!(f, "{signing_key}")?;
        }
        write!(f, "{}", self.account)
    }
}

/// Why a claims section's content is not a component's tokens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// More than three tokens could fill.
    #[error("the claims section has {length} bytes, and at most {MAX_CONTENT} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("the claims section is not text")]
    NotText,
    /// More than three tokens, or line ends before, behind or doubled between them.
    #[error("the claims section has {found} lines, where 2 or 3 were expected, with one LF between")]
    Lines {
        /// How many it has.
        found: usize,
    },
    /// A line is not a token.
    #[error("line {position} of the claims section is not a token: {source}")]
    Token {
        /// Which, counted from 1.
        position: usize,
        /// Why.
        source: TokenError,
    },
    /// A token of another kind than its place demands.
    #[error(
        "line {position} of the claims section is about a {found}, where a {expected} was expected; the order is component, signing key, account"
    )]
    Kind {
        /// Which, counted from 1.
        position: usize,
        /// The kind its place demands.
        expected: Kind,
        /// The kind it has.
        found: Kind,
    },
    /// No account's token, so nothing leads to an operator.
    #[error(
        "the file carries no account's token, so nothing leads to an operator; sign it with `writ sign`, which adds it"
    )]
    NoAccount,
}

/// The content's lines, each of them not empty, and at most three.
pub(crate) fn lines(content: &[u8]) -> Result<Vec<&str>, TokensError> {
    if content.len() > MAX_CONTENT {
        return Err(TokensError::TooLong { length: content.len() });
    }
    let text = str::from_utf8(content).map_err(|_| TokensError::NotText)?;
    let lines: Vec<_> = text.split('\n').collect();
    match lines.len() {
        1..=3 if lines.iter().all(|line| !line.is_empty()) => Ok(lines),
        found => Err(TokensError::Lines { found }),
    }
}

fn demand(position: usize, token: Token, expected: Kind) -> Result<Token, TokensError> {
    match token.kind() {
        kind if kind == expected => Ok(token),
        found => Err(TokensError::Kind { position, expected, found }),
    }
}

/// Three tokens and two line ends.
pub(crate) const MAX_CONTENT: usize = 3 * MAX_TOKEN + 2;
