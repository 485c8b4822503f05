//! Signs what `writ sign` would not: tokens that are expired, not yet valid, or by nobody we know.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{Role, SigningKey, section};

/// In seconds.
pub const DAY: u64 = 86_400;

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs()
}

/// An operator and an account of its own, and what is written into a component's token.
pub struct Mint {
    operator: SigningKey,
    account: SigningKey,
    /// When it is signed.
    pub iat: u64,
    /// From when on the component's token is valid; `None` for `iat`.
    pub nbf: Option<u64>,
    /// Until when it is.
    pub exp: u64,
    /// The claims.
    pub claims: BTreeMap<String, Value>,
}

impl Mint {
    /// With new keys, for a day from now on, and with no claims.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let key = |role| SigningKey::generate(role).expect("randomness");
        let (operator, account) = (key(Role::Operator), key(Role::Account));
        Self { operator, account, iat: now(), nbf: None, exp: now() + DAY, claims: BTreeMap::new() }
    }

    /// The operator's public key, for `writ trust add`.
    #[must_use]
    pub fn operator(&self) -> String {
        self.operator.public().to_string()
    }

    /// The account's public key, as claims of other accounts name it.
    #[must_use]
    pub fn account(&self) -> String {
        self.account.public().to_string()
    }

    /// Signs a component.
    #[must_use]
    pub fn sign(&self, component: &[u8]) -> Vec<u8> {
        self.sign_as("minted", &self.claims, &BTreeMap::new(), component)
    }

    /// Signs a component under a name, claims and limits of its own. It is another component each time.
    ///
    /// # Panics
    /// When the token cannot be signed.
    #[must_use]
    pub fn sign_as(
        &self,
        name: &str,
        claims: &BTreeMap<String, Value>,
        limits: &BTreeMap<String, Value>,
        component: &[u8],
    ) -> Vec<u8> {
        let common = |subject, name: &str, capabilities, limits, nbf, exp| CommonDraft {
            subject,
            name: name.to_owned(),
            capabilities,
            limits,
            nbf,
            exp,
        };
        let id = SigningKey::generate(Role::Component).expect("randomness").public();
        let account =
            common(self.account.public(), "mint", Capabilities::Any, BTreeMap::new(), None, now() + 365 * DAY);
        let account = token::sign_account(&AccountDraft { common: account }, &self.operator, self.iat);
        let draft = ComponentDraft {
            common: common(id, name, Capabilities::Only(claims.clone()), limits.clone(), self.nbf, self.exp),
            version: "0.1.0".to_owned(),
            revision: 1,
        };
        let token = token::sign_component(&draft, component, &self.account, self.iat).expect("a token");
        let tokens = Tokens::new(token, None, account.expect("a token")).expect("the tokens fit each other");
        section::embed(component, &tokens).expect("a component")
    }
}
