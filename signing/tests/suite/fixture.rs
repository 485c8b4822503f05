//! An operator, an account, a signing key, and components that they signed; and a forge for tokens that nobody would sign.

use std::collections::BTreeMap;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use writ_signing::token::{
    AccountDraft, Capabilities, CommonDraft, ComponentDraft, Components, Kind, SigningKeyDraft, Token, Tokens,
};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section, token};

pub(crate) const NOW: u64 = 1_770_000_000;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const PREAMBLE: &[u8] = b"\0asm\x0d\0\x01\0";

pub(crate) struct World {
    pub(crate) operator: SigningKey,
    pub(crate) account: SigningKey,
    pub(crate) signing_key: SigningKey,
    pub(crate) id: PublicKey,
    pub(crate) roots: Roots,
}

impl World {
    pub(crate) fn new() -> Self {
        let operator = key(Role::Operator);
        World {
            roots: trusted([operator.public()]),
            operator,
            account: key(Role::Account),
            signing_key: key(Role::Account),
            id: key(Role::Component).public(),
        }
    }

    pub(crate) fn account_token(&self) -> Token {
        let common = common(self.account.public(), "acme", Capabilities::Any);
        token::sign_account(&AccountDraft { common }, &self.operator, NOW).unwrap()
    }

    pub(crate) fn signing_key_token(&self, components: Components) -> Token {
        let common = common(self.signing_key.public(), "ci", Capabilities::Any);
        token::sign_signing_key(&SigningKeyDraft { common, components }, &self.account, NOW).unwrap()
    }

    pub(crate) fn component_token(&self, file: &[u8], key: &SigningKey) -> Token {
        token::sign_component(&self.component_draft(), file, key, NOW).unwrap()
    }

    pub(crate) fn component_draft(&self) -> ComponentDraft {
        let keyvalue = json!([{ "bucket": "orders", "verbs": ["read", "write"] }]);
        let capabilities = BTreeMap::from([("keyvalue".to_owned(), keyvalue)]);
        ComponentDraft {
            common: CommonDraft {
                limits: BTreeMap::from([("memory".to_owned(), json!("32MiB"))]),
                ..common(self.id, "orders", Capabilities::Only(capabilities))
            },
            version: "0.1.0".to_owned(),
            revision: 3,
        }
    }

    /// Operator, account, component.
    pub(crate) fn direct(&self, file: &[u8]) -> Vec<u8> {
        let component = self.component_token(file, &self.account);
        section::embed(file, &Tokens::new(component, None, self.account_token()).unwrap()).unwrap()
    }

    /// Operator, account, signing key, component.
    pub(crate) fn delegated(&self, file: &[u8], components: Components) -> Vec<u8> {
        let component = self.component_token(file, &self.signing_key);
        let signing_key = self.signing_key_token(components);
        section::embed(file, &Tokens::new(component, Some(signing_key), self.account_token()).unwrap()).unwrap()
    }

    /// A payload of this kind that is in order, for `sabotage` to change.
    pub(crate) fn payload(&self, kind: Kind) -> Value {
        let (issuer, subject) = match kind {
            Kind::Component => (&self.account, self.id),
            Kind::SigningKey => (&self.account, self.signing_key.public()),
            Kind::Account => (&self.operator, self.account.public()),
        };
        let mut writ = json!({ "kind": kind.name(), "name": "orders", "capabilities": {} });
        match kind {
            Kind::Component => {
                writ["version"] = "0.1.0".into();
                writ["revision"] = 3.into();
                writ["digest"] = writ_signing::Digest::of(&component()).to_string().into();
                writ["length"] = component().len().into();
            }
            Kind::SigningKey => writ["components"] = "any".into(),
            Kind::Account => {}
        }
        let issuer = issuer.public();
        json!({ "iss": issuer, "sub": subject, "iat": NOW, "nbf": NOW, "exp": NOW + DAY, "writ": writ })
    }

    /// The key that signs tokens of this kind.
    pub(crate) fn issuer(&self, kind: Kind) -> &SigningKey {
        match kind {
            Kind::Component | Kind::SigningKey => &self.account,
            Kind::Account => &self.operator,
        }
    }

    /// The component of [`component`] with these texts as its component's and its account's token.
    pub(crate) fn with_tokens(&self, component_token: &str, account_token: &str) -> Vec<u8> {
        with_content(&component(), format!("{component_token}\n{account_token}").as_bytes())
    }
}

/// These operators, under whom nothing can be revoked.
pub(crate) fn trusted<const N: usize>(operators: [PublicKey; N]) -> Roots {
    operators.into_iter().map(|operator| (operator, Revocations::Never)).collect()
}

pub(crate) fn key(role: Role) -> SigningKey {
    SigningKey::generate(role).unwrap()
}

pub(crate) fn common(subject: PublicKey, name: &str, capabilities: Capabilities) -> CommonDraft {
    CommonDraft { subject, name: name.to_owned(), capabilities, limits: BTreeMap::new(), nbf: None, exp: NOW + DAY }
}

/// A small component: a preamble and one custom section.
pub(crate) fn component() -> Vec<u8> {
    [PREAMBLE, &custom("note", b"hello")].concat()
}

pub(crate) fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    let body = [&leb(name.len()), name.as_bytes(), content].concat();
    [&[0], leb(body.len()).as_slice(), &body].concat()
}

pub(crate) fn leb(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A file whose claims section has this content, whatever it is.
pub(crate) fn with_content(file: &[u8], content: &[u8]) -> Vec<u8> {
    [file, &custom(section::NAME, content)].concat()
}

/// The text of a payload with the `jti` that it must have.
pub(crate) fn with_jti(mut payload: Value) -> String {
    let id = BASE32_NOPAD.encode(&Sha256::digest(payload.to_string()));
    payload["jti"] = id.into();
    payload.to_string()
}

/// A token with any header and any payload, and a signature that holds.
pub(crate) fn forge(header: &str, payload: &str, key: &SigningKey) -> String {
    let message = format!("{}.{}", base64(header), base64(payload));
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub(crate) fn base64(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}
