//! Who holds authority: an account and one of its components.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::keys::PublicKey;

/// An account and one of its components.
///
/// Two principals are the same if their keys are: names are for people, and a renamed component keeps its authority and its
/// data. `Display` prints `account-name/component-name`; [`Principal::keyed`] prints the keys. A clone copies no text.
///
/// A principal is a name, not a proof: holding one gives no authority.
#[derive(Clone, Debug)]
pub struct Principal {
    account: PublicKey,
    component: PublicKey,
    account_name: Arc<str>,
    component_name: Arc<str>,
}

impl Principal {
    /// Puts a principal together from the keys `A…` and `M…` and their names.
    pub fn new(account: PublicKey, component: PublicKey, account_name: &str, component_name: &str) -> Self {
        Principal { account, component, account_name: account_name.into(), component_name: component_name.into() }
    }

    /// The account's key, `A…`. With a signing key in the chain it is still the account's.
    pub fn account(&self) -> PublicKey {
        self.account
    }

    /// The component's key, `M…`.
    pub fn component(&self) -> PublicKey {
        self.component
    }

    /// The account's name, as its operator's token says.
    pub fn account_name(&self) -> &str {
        &self.account_name
    }

    /// The component's name, as its own token says.
    pub fn component_name(&self) -> &str {
        &self.component_name
    }

    /// Prints as `A…/M…`.
    pub fn keyed(&self) -> Keyed {
        Keyed { account: self.account, component: self.component }
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.keyed() == other.keyed()
    }
}

impl Eq for Principal {}

impl PartialOrd for Principal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Principal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.keyed().cmp(&other.keyed())
    }
}

impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.keyed().hash(state);
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account_name, self.component_name)
    }
}

/// A principal by its keys alone: unambiguous, where names may repeat between operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyed {
    /// The account, `A…`.
    pub account: PublicKey,
    /// The component, `M…`.
    pub component: PublicKey,
}

impl fmt::Display for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.component)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keys::{Role, SigningKey};

    #[test]
    fn is_its_keys() {
        let account = SigningKey::generate(Role::Account).unwrap().public();
        let [one, two] = [(); 2].map(|()| SigningKey::generate(Role::Component).unwrap().public());
        let orders = Principal::new(account, one, "acme", "orders");
        assert_eq!(orders, Principal::new(account, one, "acme", "renamed"));
        assert_ne!(orders, Principal::new(account, two, "acme", "orders"));
        assert_eq!(orders.to_string(), "acme/orders");
        assert_eq!(orders.keyed().to_string(), format!("{account}/{one}"));
    }
}
