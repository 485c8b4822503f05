//! What tokens say, once their payload has been read. Reading proves nothing: [`crate::Verified`] does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fields::Fields;
use super::json;
use super::{Kind, TokenError};
use crate::defence;
use crate::digest::Digest;
use crate::keys::{PublicKey, Role};

/// What every token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Common {
    /// `iss`: the key that signed.
    pub issuer: PublicKey,
    /// `sub`: the key it is about.
    pub subject: PublicKey,
    /// `jti`: names the token; made from everything else it says.
    pub jti: String,
    /// When it was signed, in unix seconds.
    pub iat: u64,
    /// From when on it is valid, in unix seconds.
    pub nbf: u64,
    /// From when on it is valid no more, in unix seconds.
    pub exp: u64,
    /// What people call the subject: 1 to 64 of `A-Z a-z 0-9 - _`.
    pub name: String,
    /// What the issuer lets the subject have.
    pub capabilities: Capabilities,
    /// Limits by name, uninterpreted; empty if the token has none.
    pub limits: BTreeMap<String, Value>,
}

/// What a token lets its subject have. What a capability's value means is its provider's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capabilities {
    /// Restricts nothing, now or later. Never in a component's token.
    Any,
    /// These, by name; any other is refused.
    Only(BTreeMap<String, Value>),
}

impl Capabilities {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Capabilities::Any => ANY.into(),
            Capabilities::Only(map) => to_json(map),
        }
    }
}

/// What a component's token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentClaims {
    /// What every token says. The issuer is the account or one of its signing keys, the subject the component's key `M…`.
    pub common: Common,
    /// The release's name, for people.
    pub version: String,
    /// The release's number; hosts do not go back.
    pub revision: u64,
    /// SHA-256 of the file up to its claims section.
    pub digest: Digest,
    /// How many bytes that is.
    pub length: u64,
}

/// What a signing key's token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyClaims {
    /// What every token says. The issuer is the account, the subject the signing key.
    pub common: Common,
    /// What the key may sign.
    pub components: Components,
}

/// What an account's token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountClaims {
    /// What every token says. The issuer is the operator, the subject the account.
    pub common: Common,
}

/// Which components a signing key may sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Components {
    /// Every component of the account, now or later.
    Any,
    /// These.
    Only(Vec<ComponentRef>),
}

impl Components {
    /// Whether the key may sign this component: one entry has both its name and its key.
    pub fn cover(&self, name: &str, id: &PublicKey) -> bool {
        match self {
            Components::Any => true,
            Components::Only(list) => list.iter().any(|entry| entry.name == name && entry.id == *id),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Components::Any => ANY.into(),
            Components::Only(list) => list.iter().map(|entry| json!({ "name": entry.name, "id": entry.id })).collect(),
        }
    }
}

/// A component by both its name and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentRef {
    /// Its name.
    pub name: String,
    /// Its key, `M…`.
    pub id: PublicKey,
}

/// What a token of any kind says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// A component's.
    Component(ComponentClaims),
    /// A signing key's.
    SigningKey(SigningKeyClaims),
    /// An account's.
    Account(AccountClaims),
}

impl Claims {
    /// What every token says.
    pub fn common(&self) -> &Common {
        match self {
            Claims::Component(claims) => &claims.common,
            Claims::SigningKey(claims) => &claims.common,
            Claims::Account(claims) => &claims.common,
        }
    }

    /// What it is about.
    pub fn kind(&self) -> Kind {
        match self {
            Claims::Component(_) => Kind::Component,
            Claims::SigningKey(_) => Kind::SigningKey,
            Claims::Account(_) => Kind::Account,
        }
    }

    pub(super) fn read(kind: Kind, payload: &[u8]) -> Result<Self, TokenError> {
        Ok(match kind {
            Kind::Component => Claims::Component(ComponentClaims::read(payload)?),
            Kind::SigningKey => Claims::SigningKey(SigningKeyClaims::read(payload)?),
            Kind::Account => Claims::Account(AccountClaims::read(payload)?),
        })
    }
}

/// How one kind of claims is read from a payload.
pub(crate) trait Read: Sized {
    /// The kind whose header such a token has.
    const KIND: Kind;

    /// What every token says.
    fn common(&self) -> &Common;

    /// Takes what only this kind has out of the `writ` object.
    fn take(common: Common, writ: &mut Fields) -> Result<Self, TokenError>;

    /// Reads a whole payload.
    fn read(payload: &[u8]) -> Result<Self, TokenError> {
        let mut payload = Fields::of(json::parse(payload)?, "payload")?;
        let jti = payload.string("jti")?;
        let expected = json::id(payload.rest());
        let is_named_rightly = jti == expected;

        let mut writ = Fields::of(payload.required("writ")?, "writ")?;
        if writ.string("writ.kind")? != Self::KIND.name() && defence::stands("kind") {
            return Err(TokenError::Field { field: "writ.kind", expected: "the kind that the header says" });
        }
        let common = common(Self::KIND, jti, &mut payload, &mut writ)?;
        let claims = Self::take(common, &mut writ)?;
        payload.finish("")?;
        writ.finish("writ.")?;
        // One `jti` must never stand for two different tokens.
        if is_named_rightly { Ok(claims) } else { Err(TokenError::Id { expected }) }
    }
}

impl Read for ComponentClaims {
    const KIND: Kind = Kind::Component;

    fn common(&self) -> &Common {
        &self.common
    }

    fn take(common: Common, writ: &mut Fields) -> Result<Self, TokenError> {
        if common.capabilities == Capabilities::Any {
            return Err(TokenError::Field {
                field: "writ.capabilities",
                expected: "an object, as a component's must be",
            });
        }
        let version = text(writ.string("writ.version")?, "writ.version", VERSION)?;
        let expected = "sha256: and 64 lower-case hexadecimal digits";
        let digest = writ.string("writ.digest")?.parse();
        Ok(ComponentClaims {
            common,
            version,
            revision: writ.integer("writ.revision")?,
            digest: digest.map_err(|_| TokenError::Field { field: "writ.digest", expected })?,
            length: writ.integer("writ.length")?,
        })
    }
}

impl Read for SigningKeyClaims {
    const KIND: Kind = Kind::SigningKey;

    fn common(&self) -> &Common {
        &self.common
    }

    fn take(common: Common, writ: &mut Fields) -> Result<Self, TokenError> {
        let components = match writ.required(COMPONENTS)? {
            Value::String(text) if text == ANY => Components::Any,
            Value::Array(list) => Components::Only(list.into_iter().map(component_ref).collect::<Result<_, _>>()?),
            _ => {
                return Err(TokenError::Field { field: COMPONENTS, expected: "\"any\" or a list" });
            }
        };
        Ok(SigningKeyClaims { common, components })
    }
}

impl Read for AccountClaims {
    const KIND: Kind = Kind::Account;

    fn common(&self) -> &Common {
        &self.common
    }

    fn take(common: Common, _writ: &mut Fields) -> Result<Self, TokenError> {
        Ok(AccountClaims { common })
    }
}

fn component_ref(value: Value) -> Result<ComponentRef, TokenError> {
    let mut entry = Fields::of(value, COMPONENTS)?;
    let name = text(entry.string("writ.components.name")?, "writ.components.name", NAME)?;
    let id = entry.key("writ.components.id", Role::Component)?;
    entry.finish("writ.components.")?;
    Ok(ComponentRef { name, id })
}

fn common(kind: Kind, jti: String, payload: &mut Fields, writ: &mut Fields) -> Result<Common, TokenError> {
    let common = Common {
        issuer: payload.key("iss", kind.issuer())?,
        subject: payload.key("sub", kind.subject())?,
        jti,
        iat: payload.instant("iat")?,
        nbf: payload.instant("nbf")?,
        exp: payload.instant("exp")?,
        name: text(writ.string("writ.name")?, "writ.name", NAME)?,
        capabilities: match writ.required(CAPABILITIES)? {
            Value::String(text) if text == ANY => Capabilities::Any,
            value => Capabilities::Only(named(value, CAPABILITIES)?),
        },
        limits: writ.optional(LIMITS).map_or(Ok(BTreeMap::new()), |value| named(value, LIMITS))?,
    };
    if common.issuer == common.subject {
        return Err(TokenError::SelfIssued { key: common.subject });
    }
    if common.exp <= common.iat.max(common.nbf) {
        return Err(TokenError::NeverValid);
    }
    Ok(common)
}

/// An object of values by name, with nothing in it that has two canonical forms.
fn named(value: Value, field: &'static str) -> Result<BTreeMap<String, Value>, TokenError> {
    if !json::is_integral(&value) {
        return Err(TokenError::Field { field, expected: "free of numbers with a fraction or an exponent" });
    }
    let Value::Object(map) = value else {
        return Err(TokenError::Field { field, expected: "an object of values by name" });
    };
    let is_name = |name: &String| matches!(name.len(), 1..=64) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !map.keys().all(is_name) {
        return Err(TokenError::Field {
            field,
            expected: "an object whose names are 1 to 64 visible ASCII characters",
        });
    }
    Ok(map.into_iter().collect())
}

/// What a text may consist of besides ASCII letters and digits, and how a message says so.
struct Alphabet {
    others: &'static str,
    expected: &'static str,
}

fn text(text: String, field: &'static str, alphabet: Alphabet) -> Result<String, TokenError> {
    let is_known = |char: char| char.is_ascii_alphanumeric() || alphabet.others.contains(char);
    if matches!(text.len(), 1..=64) && text.chars().all(is_known) {
        return Ok(text);
    }
    Err(TokenError::Field { field, expected: alphabet.expected })
}

/// The object with these entries.
pub(super) fn to_json(map: &BTreeMap<String, Value>) -> Value {
    Value::Object(map.clone().into_iter().collect())
}

const ANY: &str = "any";
const CAPABILITIES: &str = "writ.capabilities";
const COMPONENTS: &str = "writ.components";
const LIMITS: &str = "writ.limits";
const NAME: Alphabet = Alphabet { others: "-_", expected: "1 to 64 of A-Z, a-z, 0-9, - and _" };
const VERSION: Alphabet = Alphabet { others: ".+-", expected: "1 to 64 of A-Z, a-z, 0-9, ., + and -" };
