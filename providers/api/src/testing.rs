//! For the tests of providers: keys to make a [`Principal`](crate::Principal) of.

use writ_signing::{PublicKey, Role, SigningKey};

/// A fresh account's key, `A…`.
pub fn account() -> PublicKey {
    fresh(Role::Account)
}

/// A fresh component's key, `M…`.
pub fn component() -> PublicKey {
    fresh(Role::Component)
}

fn fresh(role: Role) -> PublicKey {
    match SigningKey::generate(role) {
        Ok(key) => key.public(),
        Err(error) => panic!("a test needs a key: {error}"),
    }
}
