//! One issuer's list: made by [`Draft::sign`], believed by [`List::verify`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Extent, Mark, Subject};
use crate::defence;
use crate::keys::{BadSignature, PublicKey, Role, SigningKey};
use crate::time::Timestamp;
use crate::token::fields::Fields;
use crate::token::jws::{self, Jws};
use crate::token::{TokenError, json};

/// The longest list that is read, in bytes: 1 MiB, for some eight thousand entries.
pub const MAX_LIST: usize = 1 << 20;

/// The header of every list, byte for byte.
pub const HEADER: &str = r#"{"typ":"writ-revocations+jwt","alg":"ed25519-nkey"}"#;

/// A list that its issuer signed. [`List::verify`] alone makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    issuer: PublicKey,
    number: u64,
    iat: u64,
    jti: String,
    revoked: BTreeMap<Subject, Extent>,
}

impl List {
    /// Reads the list of one issuer. Whether it is fresh, and no older than one before it, is not said by this.
    ///
    /// # Errors
    /// A [`ListError`] for anything that this issuer did not sign as a list.
    pub fn verify(bytes: &[u8], issuer: PublicKey) -> Result<Self, ListError> {
        if bytes.len() > MAX_LIST && defence::stands("sizes") {
            return Err(ListError::TooLong { length: bytes.len() });
        }
        let text = str::from_utf8(bytes).map_err(|_| ListError::NotText)?;
        let jws = Jws::parse(text.strip_suffix('\n').unwrap_or(text))?;
        if jws.header != HEADER.as_bytes() {
            return Err(ListError::Header);
        }
        jws.check(&issuer).map_err(|BadSignature| ListError::BadSignature { issuer })?;
        Self::read(&jws.payload, issuer)
    }

    /// Whose list it is.
    pub fn issuer(&self) -> PublicKey {
        self.issuer
    }

    /// Its number among its issuer's lists.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was signed, in unix seconds.
    pub fn iat(&self) -> u64 {
        self.iat
    }

    /// Names it; made from everything else it says.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// What to demand once it was seen.
    pub fn mark(&self) -> Mark {
        Mark { number: self.number, jti: self.jti.clone() }
    }

    /// How much of this subject is revoked, if any.
    pub fn get(&self, subject: &Subject) -> Option<Extent> {
        self.revoked.get(subject).copied()
    }

    /// Everything that is revoked.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, &Extent)> {
        self.revoked.iter()
    }

    fn read(payload: &[u8], issuer: PublicKey) -> Result<Self, ListError> {
        let value = json::parse(payload)?;
        let is_canonical = value.as_object().is_some_and(|object| json::canonical(object).as_bytes() == payload);
        let mut payload = Fields::of(value, "payload")?;
        if !is_canonical {
            return Err(ListError::NotCanonical);
        }
        let jti = payload.string("jti")?;
        let expected = json::id(payload.rest());
        let found: PublicKey = payload.key("iss", issuer.role())?;
        let iat = payload.instant("iat")?;
        let mut writ = Fields::of(payload.required("writ")?, "writ")?;
        payload.finish("")?;
        if writ.string("writ.kind")? != KIND {
            return Err(TokenError::Field { field: "writ.kind", expected: "`revocations`" }.into());
        }
        let number = writ.integer("writ.number")?;
        let Value::Object(entries) = writ.required(REVOKED)? else {
            return Err(TokenError::Field { field: REVOKED, expected: "an object" }.into());
        };
        writ.finish("writ.")?;
        if found != issuer {
            return Err(ListError::Issuer { expected: issuer, found });
        }
        if number == 0 {
            return Err(TokenError::Field { field: "writ.number", expected: "1 or more" }.into());
        }
        let revoked = entries.into_iter().map(|(subject, extent)| entry(issuer, &subject, extent));
        let revoked = revoked.collect::<Result<_, _>>()?;
        if jti != expected {
            return Err(TokenError::Id { expected }.into());
        }
        Ok(List { issuer, number, iat, jti, revoked })
    }
}

/// A list before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    number: u64,
    revoked: BTreeMap<Subject, Extent>,
}

impl Draft {
    /// An issuer's first list, or the one that follows `last` and says all that it said.
    pub fn after(last: Option<&List>) -> Self {
        match last {
            Some(last) => Draft { number: last.number.saturating_add(1), revoked: last.revoked.clone() },
            None => Draft { number: 1, revoked: BTreeMap::new() },
        }
    }

    /// Adds a subject. What was revoked of it before stays revoked.
    pub fn revoke(&mut self, subject: Subject, extent: Extent) {
        let before = self.revoked.get(&subject).copied();
        self.revoked.insert(subject, before.map_or(extent, |before| before.or(extent)));
    }

    /// The issuer signs the list, at `now` in unix seconds. The text ends with an LF.
    ///
    /// # Errors
    /// [`SignListError`] if no reader would believe it: a subject that is not this issuer's to revoke, or too many of them.
    pub fn sign(&self, issuer: &SigningKey, now: u64) -> Result<String, SignListError> {
        let entry = |(subject, extent): (&Subject, &Extent)| {
            let extent = match extent {
                Extent::Total => json!({}),
                Extent::Before(instant) => json!({ "before": instant }),
            };
            (subject.to_string(), extent)
        };
        let revoked: Map<String, Value> = self.revoked.iter().map(entry).collect();
        let mut payload = Map::new();
        payload.insert("iss".to_owned(), issuer.public().to_string().into());
        payload.insert("iat".to_owned(), now.into());
        payload.insert("writ".to_owned(), json!({ "kind": KIND, "number": self.number, "revoked": revoked }));
        payload.insert("jti".to_owned(), json::id(&payload).into());
        let text = jws::sign(HEADER, &json::canonical(&payload), issuer) + "\n";
        List::verify(text.as_bytes(), issuer.public())?;
        Ok(text)
    }
}

/// Why a list was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not signed, because no host would accept it: {0}")]
pub struct SignListError(#[from] ListError);

/// Why something is not the list of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It cannot be read at all.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// What stood in the way.
        reason: String,
    },
    /// Longer than [`MAX_LIST`].
    #[error("it has {length} bytes, and at most {MAX_LIST} are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("it is not text")]
    NotText,
    /// The header is not, byte for byte, a list's. A token is no list.
    #[error("its header is not a revocation list's")]
    Header,
    /// The issuer did not sign it, or it was changed since.
    #[error("it was not signed by {issuer}, or was changed since")]
    BadSignature {
        /// Whose list was expected.
        issuer: PublicKey,
    },
    /// It names another issuer than the one whose signature it has.
    #[error("it is the list of {found}, where that of {expected} was expected")]
    Issuer {
        /// Whose list was expected.
        expected: PublicKey,
        /// Whom it names.
        found: PublicKey,
    },
    /// Its payload is not the one text that stands for what it says.
    #[error("its payload is not written in its one canonical form")]
    NotCanonical,
    /// Not of a token's form, or with fields that no list has.
    #[error("its content is refused: {0}")]
    Content(#[from] TokenError),
    /// An entry about something that this issuer has no say about.
    #[error("it revokes {subject:?}, which is not for {issuer} to revoke: {expected}")]
    Subject {
        /// The entry's subject, shortened.
        subject: String,
        /// Whose list it is.
        issuer: PublicKey,
        /// What it could revoke.
        expected: &'static str,
    },
}

fn entry(issuer: PublicKey, text: &str, extent: Value) -> Result<(Subject, Extent), ListError> {
    let refused = |expected| ListError::Subject { subject: json::excerpt(text), issuer, expected };
    let subject = match text.parse::<PublicKey>() {
        Ok(key) => Subject::Key(key),
        Err(_) => Subject::Digest(text.parse().map_err(|_| refused("it is neither a key nor a digest"))?),
    };
    match (issuer.role(), subject) {
        (Role::Operator, Subject::Key(key)) if key.role() == Role::Account => {}
        (Role::Operator, _) => return Err(refused("an operator revokes accounts, A…")),
        (_, Subject::Key(key)) if key == issuer => {
            return Err(refused("only its operator revokes an account"));
        }
        (_, Subject::Key(key)) if !matches!(key.role(), Role::Account | Role::Component) => {
            return Err(refused("an account revokes signing keys A…, components M… and digests sha256:…"));
        }
        _ => {}
    }
    let mut fields = Fields::of(extent, "writ.revoked")?;
    let extent = match fields.has("before") {
        true => Extent::Before(fields.instant("writ.revoked.before")?),
        false => Extent::Total,
    };
    fields.finish("writ.revoked.")?;
    match (subject, extent) {
        (Subject::Digest(_), Extent::Before(_)) => Err(refused("a digest is revoked as a whole, without `before`")),
        found => Ok(found),
    }
}

const KIND: &str = "revocations";
const REVOKED: &str = "writ.revoked";

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Extent::Total => f.write_str("all of it"),
            Extent::Before(instant) => write!(f, "what was said before {}", Timestamp(*instant)),
        }
    }
}
