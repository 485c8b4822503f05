//! `trust/O….yaml`: an operator a host trusts.

use serde_json::{Value, json};

use crate::error::ManifestError;
use crate::node::{Content, Node};
use crate::policy::Policy;
use crate::units::Time;
use crate::yaml;

/// One operator a host trusts, and how far.
///
/// ```yaml
/// name: acme
/// operator: OB…
/// policy: any                  # or a policy's fields, inline
/// revocations: none            # or { dir: /etc/writ/revoked, max_age: 24h, accounts: required }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TrustEntry {
    /// What the host's owner calls the operator: letters, digits, `_` and `-`.
    pub name: String,
    /// Its public key `O…`. The shape is checked here (56 characters of base32), not the checksum.
    pub operator: String,
    /// The most it may grant.
    pub policy: TrustPolicy,
    /// Where its revocation lists are.
    pub revocations: Revocations,
}

/// The most an operator may grant on this host.
#[derive(Debug, Clone, PartialEq)]
pub enum TrustPolicy {
    /// `any`: restricts nothing.
    Any,
    /// A policy, inline.
    Inline(Policy),
}

/// Whether and where revocation lists are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocations {
    /// `none`: nothing is ever revoked.
    None,
    /// Lists lie in a folder.
    Lists {
        /// The folder of `O….revoked` and one `A….revoked` per account.
        dir: String,
        /// How old a list may be and still count as fresh.
        max_age: Time,
        /// Whether accounts must have lists too.
        accounts: AccountLists,
    },
}

/// Whether every account must have a fresh revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountLists {
    /// Without one, nothing of that account starts.
    Required,
    /// One is honoured where it exists.
    Optional,
}

impl TrustEntry {
    /// Parses an entry.
    ///
    /// # Errors
    /// The first thing that is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let root = yaml::parse(text)?;
        let fields = root.fields(
            "a trust entry",
            &["name", "operator", "policy", "revocations"],
        )?;
        Ok(Self {
            name: fields.required("name")?.name("name")?.value,
            operator: fields.required("operator")?.key(
                "operator",
                'O',
                "an operator's public key",
            )?,
            policy: trust_policy(fields.required("policy")?)?,
            revocations: revocations(fields.required("revocations")?)?,
        })
    }

    /// The entry as a text that [`parse`](Self::parse) reads back to the same entry.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let policy = match &self.policy {
            TrustPolicy::Any => Value::from("any"),
            TrustPolicy::Inline(policy) => policy.value(),
        };
        let revocations = match &self.revocations {
            Revocations::None => Value::from("none"),
            Revocations::Lists {
                dir,
                max_age,
                accounts,
            } => {
                json!({ "dir": dir, "max_age": max_age.to_string(), "accounts": accounts.as_str() })
            }
        };
        let entry = json!({
            "name": self.name, "operator": self.operator, "policy": policy, "revocations": revocations,
        });
        // No value that JSON has fails to be written; JSON is YAML too, and stands in if one ever does.
        serde_saphyr::to_string(&entry).unwrap_or_else(|_| format!("{entry}\n"))
    }
}

impl AccountLists {
    fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Optional => "optional",
        }
    }
}

fn trust_policy(node: &Node) -> Result<TrustPolicy, ManifestError> {
    match &node.content {
        Content::Mapping(_) => Ok(TrustPolicy::Inline(Policy::read(node)?)),
        _ if node.is_text("any") => Ok(TrustPolicy::Any),
        _ => Err(node.wrong_type("`policy`".to_owned(), "`any`, or a policy's fields")),
    }
}

fn revocations(node: &Node) -> Result<Revocations, ManifestError> {
    if node.is_text("none") {
        return Ok(Revocations::None);
    }
    if !matches!(node.content, Content::Mapping(_)) {
        return Err(node.wrong_type(
            "`revocations`".to_owned(),
            "`none`, or a mapping of `dir`, `max_age` and `accounts`",
        ));
    }
    let fields = node.fields("`revocations`", &["dir", "max_age", "accounts"])?;
    let accounts = fields.required("accounts")?;
    Ok(Revocations::Lists {
        dir: fields.text("dir")?.value,
        max_age: fields.required("max_age")?.measure("max_age")?,
        accounts: match accounts.text("accounts")?.as_str() {
            "required" => AccountLists::Required,
            "optional" => AccountLists::Optional,
            _ => return Err(accounts.bad_value("accounts", "expected `required` or `optional`")),
        },
    })
}
