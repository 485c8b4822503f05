//! What a manifest's `capability` entries may be: the images that providers were registered under, and the ones that
//! wasmCloud's manifests name.

/// The images that serve here, and the capability of each, in the order of their registration.
#[derive(Debug, Default)]
pub(crate) struct Images(Vec<(&'static str, &'static str)>);

impl Images {
    /// Adds what was registered.
    pub(crate) fn add(&mut self, image: &'static str, capability: &'static str) {
        self.0.push((image, capability));
    }

    /// The images of a capability, its default first.
    pub(crate) fn of(&self, capability: &str) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |(_, own)| *own == capability).map(|(image, _)| *image)
    }

    /// The registered image that serves a capability where a manifest names `image`: that one, or what stands in for it.
    pub(crate) fn serving(&self, image: &str, capability: &str) -> Option<&'static str> {
        let own = self.of(capability).find(|own| names(image, own));
        own.or_else(|| self.stand_in(image).filter(|_| well_known(image) == Some(capability)))
    }

    /// The registered image that serves instead of one of wasmCloud's, unless that one was registered itself.
    pub(crate) fn stand_in(&self, image: &str) -> Option<&'static str> {
        let registered = self.0.iter().any(|(own, _)| names(image, own));
        well_known(image).filter(|_| !registered).and_then(|capability| self.of(capability).next())
    }
}

/// Whether a manifest's image is this registered one, with a tag or without.
fn names(image: &str, registered: &str) -> bool {
    match image.strip_prefix(registered) {
        Some(rest) => rest.is_empty() || rest.strip_prefix(':').is_some_and(|tag| !tag.contains(['/', ':', '@'])),
        None => false,
    }
}

/// The capability of one of wasmCloud's images.
fn well_known(image: &str) -> Option<&'static str> {
    WELL_KNOWN.iter().find(|(known, _)| names(image, known)).map(|(_, capability)| *capability)
}

/// Manifests that were written for wasmCloud name these; the capability's default serves instead, and `writ up` says so.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("ghcr.io/wasmcloud/http-server", "http-server"),
    ("ghcr.io/wasmcloud/http-client", "http-client"),
    ("ghcr.io/wasmcloud/keyvalue-redis", "keyvalue"),
    ("ghcr.io/wasmcloud/keyvalue-nats", "keyvalue"),
    ("ghcr.io/wasmcloud/keyvalue-vault", "keyvalue"),
    ("ghcr.io/wasmcloud/messaging-nats", "messaging"),
    ("ghcr.io/wasmcloud/messaging-kafka", "messaging"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Images {
        let mut images = Images::default();
        for (image, capability) in [
            ("builtin:keyvalue", "keyvalue"),
            ("builtin:keyvalue-memory", "keyvalue"),
            ("builtin:http-server", "http-server"),
            ("registry.example:5000/acme/quota", "quota"),
            ("ghcr.io/wasmcloud/messaging-nats", "messaging"),
        ] {
            images.add(image, capability);
        }
        images
    }

    #[track_caller]
    fn check(image: &str, capability: &str, expected: Option<&str>) {
        assert_eq!(images().serving(image, capability), expected, "{image}");
    }

    #[test]
    fn what_was_registered_serves() {
        check("builtin:keyvalue", "keyvalue", Some("builtin:keyvalue"));
        check("builtin:keyvalue:1", "keyvalue", Some("builtin:keyvalue"));
        check("builtin:keyvalue-memory", "keyvalue", Some("builtin:keyvalue-memory"));
        check("registry.example:5000/acme/quota:1.0", "quota", Some("registry.example:5000/acme/quota"));
        check("builtin:keyvalue", "http-server", None);
        for unknown in ["builtin:messaging", "builtin:keyvalue:1:2", "builtin", "builtin:", "acme/quota", ""] {
            check(unknown, "keyvalue", None);
            check(unknown, "quota", None);
        }
    }

    #[test]
    fn the_default_stands_in_for_the_images_of_wasmcloud() {
        check("ghcr.io/wasmcloud/keyvalue-redis:0.28.1", "keyvalue", Some("builtin:keyvalue"));
        check("ghcr.io/wasmcloud/http-server", "http-server", Some("builtin:http-server"));
        check("ghcr.io/wasmcloud/http-server", "keyvalue", None);
        check("ghcr.io/wasmcloud/http-client:0.13.0", "http-client", None);
        check("localhost:5000/wasmcloud/http-server", "http-server", None);
        check("ghcr.io/wasmcloud/messaging-nats:1", "messaging", Some("ghcr.io/wasmcloud/messaging-nats"));
        assert_eq!(images().stand_in("ghcr.io/wasmcloud/messaging-nats:1"), None);
        assert_eq!(images().stand_in("ghcr.io/wasmcloud/keyvalue-vault"), Some("builtin:keyvalue"));
        assert_eq!(images().stand_in("builtin:keyvalue"), None);
    }
}
