//! What a claim about key-value says.
//!
//! One entry:
//!
//! | field | written | permits |
//! |---|---|---|
//! | `bucket` | a name, or `any`; mandatory | operations on the bucket of exactly this name; on every bucket |
//! | `prefix` | the start of a key | operations on keys that start with it, byte for byte. Absent: every key |
//! | `verbs` | a list of `read`, `list`, `write`, `increment` | those. Absent: all four; `[]`: only to open the bucket |
//! | `size` | such as `64KiB` | `write` of values up to it. Absent: up to what the host takes |
//! | `rate` | such as `200/s` | so many requests: one per key, one per `open`, one per prefix that a page lists |
//!
//! | verb | operations |
//! |---|---|
//! | `read` | `get`, `exists`, `get-many` |
//! | `list` | `list-keys`, which shows the keys below the entry's prefix and counts no others |
//! | `write` | `set`, `delete`, `set-many`, `delete-many` |
//! | `increment` | `increment` |
//!
//! A bucket may be opened where an entry names it, whatever its other fields. A bucket's name has 1 to 255 bytes, no control
//! characters, and is compared byte for byte; `any` is not one. An unknown field, an unknown verb or a field without a value
//! does not parse. `any` instead of the entries does not parse either: it belongs in `bucket`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};
use writ_provider::defence::stands;
use writ_provider::units::{Rate, Size};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig};

/// One entry of a claim about key-value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    bucket: Buckets,
    #[serde(default)]
    prefix: String,
    #[serde(default, deserialize_with = "written")]
    verbs: Option<Vec<Verb>>,
    #[serde(default, deserialize_with = "written")]
    size: Option<Size>,
    #[serde(default, deserialize_with = "written")]
    rate: Option<Rate>,
}

/// What a guest does with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// `get`, `exists`, `get-many`.
    Read,
    /// `list-keys`.
    List,
    /// `set`, `delete`, `set-many`, `delete-many`.
    Write,
    /// `increment`.
    Increment,
}

/// What is asked of a claim.
#[derive(Debug, Clone, Copy)]
pub enum Request<'a> {
    /// To open a bucket.
    Open {
        /// Its name, after the manifest's mapping.
        bucket: &'a str,
    },
    /// To do something with a key.
    Operation {
        /// The bucket's name, after the manifest's mapping.
        bucket: &'a str,
        /// The key. For [`Verb::List`], the prefix that is listed.
        key: &'a str,
        /// What is done with it.
        verb: Verb,
        /// The bytes of the value that is written; 0 where none is.
        size: usize,
    },
    /// Which prefixes the entries that permit `list` have. No entry permits this: each notes its own and refuses, so that
    /// all are asked.
    Prefixes {
        /// The bucket's name, after the manifest's mapping.
        bucket: &'a str,
        /// Where they are noted.
        noted: &'a Prefixes,
    },
}

/// What [`Request::Prefixes`] notes.
#[derive(Debug, Default)]
pub struct Prefixes(RefCell<BTreeSet<String>>);

/// A label that the manifest maps to a bucket: `bucket.LABEL: NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    label: String,
    bucket: String,
}

/// Which buckets an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Buckets {
    Any,
    Named(String),
}

impl Constraint for Entry {
    const NAMED: bool = true;

    const EXAMPLE: &'static str = "{ bucket: NAME }";

    type Request<'a> = Request<'a>;

    fn permits(&self, request: Request<'_>) -> Result<(), Denied> {
        match request {
            Request::Open { bucket } => self.names(bucket),
            Request::Operation { bucket, key, verb, size } => {
                self.names(bucket)?;
                self.does(verb)?;
                self.starts(key)?;
                self.fits(size)
            }
            Request::Prefixes { bucket, noted } => {
                if self.names(bucket).is_ok() && self.does(Verb::List).is_ok() {
                    noted.0.borrow_mut().insert(self.prefix.clone());
                }
                Err(Denied::new(String::new()))
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        let named = matches!((&self.bucket, &other.bucket), (Buckets::Any, _)) || self.bucket == other.bucket;
        // An entry without a verb lets its bucket be opened, as every entry does that names it.
        let opens = other.verbs().is_empty();
        named && (opens || (self.does_all(other) && other.prefix.starts_with(&self.prefix) && self.fits_all(other)))
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    type Plan = Plan;

    fn plans(link: &LinkConfig) -> Result<Vec<Plan>, InvalidLink> {
        let plan = |(property, name): (&String, &String)| {
            let invalid = |reason: String| InvalidLink { property: property.clone(), reason };
            let Some(label) = property.strip_prefix(LABEL) else {
                return Err(invalid("not known; a link to key-value may say `bucket.LABEL: NAME`".to_owned()));
            };
            check_name(name).map_err(|reason| invalid(format!("{} is no bucket's name: {reason}", Shown(name))))?;
            Ok(Plan { label: label.to_owned(), bucket: name.clone() })
        };
        link.iter().map(plan).collect()
    }

    fn request(plan: &Plan) -> Request<'_> {
        Request::Open { bucket: &plan.bucket }
    }

    fn allowing(request: Request<'_>) -> Value {
        match request {
            Request::Open { bucket } => json!({ "bucket": bucket, "verbs": [] }),
            Request::Operation { bucket, key, verb, .. } => {
                json!({ "bucket": bucket, "prefix": key, "verbs": [verb.to_string()] })
            }
            Request::Prefixes { bucket, .. } => json!({ "bucket": bucket, "verbs": [Verb::List.to_string()] }),
        }
    }
}

impl Entry {
    fn names(&self, bucket: &str) -> Result<(), Denied> {
        match &self.bucket {
            Buckets::Any => Ok(()),
            Buckets::Named(name) if name == bucket || !stands("keyvalue: bucket") => Ok(()),
            Buckets::Named(name) => Err(Denied(format!("permits the bucket {}, not {}", Shown(name), Shown(bucket)))),
        }
    }

    fn does(&self, verb: Verb) -> Result<(), Denied> {
        match &self.verbs {
            None => Ok(()),
            Some(verbs) if verbs.contains(&verb) || !stands("keyvalue: verb") => Ok(()),
            Some(verbs) if verbs.is_empty() => Err(Denied(format!("permits to open the bucket, not `{verb}`"))),
            Some(verbs) => {
                let permitted: Vec<String> = verbs.iter().map(|verb| format!("`{verb}`")).collect();
                Err(Denied(format!("permits {}, not `{verb}`", permitted.join(", "))))
            }
        }
    }

    fn verbs(&self) -> &[Verb] {
        self.verbs.as_deref().unwrap_or(&[Verb::Read, Verb::List, Verb::Write, Verb::Increment])
    }

    fn does_all(&self, other: &Self) -> bool {
        other.verbs().iter().all(|verb| self.verbs().contains(verb))
    }

    /// A size limits what is written, and nothing else.
    fn fits_all(&self, other: &Self) -> bool {
        let smaller = |most: Size| other.size.is_some_and(|size| size <= most);
        !other.verbs().contains(&Verb::Write) || self.size.is_none_or(smaller)
    }

    fn starts(&self, key: &str) -> Result<(), Denied> {
        // Asked first: comparing with an empty prefix costs ten times as much as not comparing.
        if self.prefix.is_empty() || key.starts_with(&self.prefix) || !stands("keyvalue: prefix") {
            return Ok(());
        }
        Err(Denied(format!("permits keys that start with {}, not {}", Shown(&self.prefix), Shown(key))))
    }

    fn fits(&self, size: usize) -> Result<(), Denied> {
        match self.size {
            Some(most) if u64::try_from(size).map_or(true, |size| size > most.bytes()) && stands("keyvalue: size") => {
                Err(Denied(format!("permits values of at most {most}, not {size} B")))
            }
            _ => Ok(()),
        }
    }
}

impl Prefixes {
    /// The prefixes, in order. The empty one is always among them.
    pub(crate) fn into_candidates(self) -> BTreeSet<String> {
        let mut candidates = self.0.into_inner();
        candidates.insert(String::new());
        candidates
    }
}

impl Plan {
    /// What the guest says.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The bucket it stands for.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bucket {} as {}", Shown(&self.bucket), Shown(&self.label))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::List => "list",
            Self::Write => "write",
            Self::Increment => "increment",
        })
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "any" {
            return Ok(Self::Any);
        }
        check_name(&name).map_err(|reason| de::Error::custom(format!("`bucket`: {reason}")))?;
        Ok(Self::Named(name))
    }
}

/// A narrowing field that is there has a value: `size:` with nothing after it must not read as "not narrowed".
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("it is empty"),
        "any" => Err("`any` stands for every bucket"),
        _ if name.len() > MOST_NAME => Err("it is longer than 255 bytes"),
        _ if name.contains(char::is_control) => Err("it has a control character"),
        _ => Ok(()),
    }
}

/// Text that a guest or a document chose, quoted, escaped and cut to be shown.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.char_indices().nth(64).and_then(|(end, _)| self.0.get(..end));
        let (text, more) = cut.map_or((self.0, ""), |text| (text, "…"));
        write!(f, "`{}{more}`", text.escape_debug())
    }
}

/// What the properties of a link start with: `bucket.LABEL`.
pub(crate) const LABEL: &str = "bucket.";
/// Bytes of a bucket's name.
pub(crate) const MOST_NAME: usize = 255;

#[cfg(test)]
mod tests;
