//! What a manifest's `capability` entries may be: this host's own providers, and the ones wasmCloud's manifests name.

/// The capability that an image serves here.
///
/// | image | capability |
/// |---|---|
/// | `builtin:CAPABILITY`, `builtin:keyvalue-memory` | that capability |
/// | `ghcr.io/wasmcloud/http-server`, `http-client` with any tag | `http-server`, `http-client` |
/// | `ghcr.io/wasmcloud/keyvalue-redis`, `keyvalue-nats`, `keyvalue-vault` | `keyvalue`, on the embedded store |
/// | `ghcr.io/wasmcloud/messaging-nats`, `messaging-kafka` | `messaging`, in the process |
pub fn capability(image: &str) -> Option<&'static str> {
    let image = bare(image);
    IMAGES.iter().find(|(name, _)| *name == image).map(|(_, capability)| *capability)
}

/// Whether an image is one of wasmCloud's, which is served here by something else than it says.
pub fn is_stand_in(image: &str) -> bool {
    capability(image).is_some() && !image.starts_with("builtin:")
}

/// The image without its tag.
pub(crate) fn bare(image: &str) -> &str {
    match image.rsplit_once(':') {
        Some((name, tag)) if name != "builtin" && !tag.contains('/') => name,
        _ => image,
    }
}

const IMAGES: &[(&str, &str)] = &[
    ("builtin:keyvalue", "keyvalue"),
    ("builtin:keyvalue-memory", "keyvalue"),
    ("builtin:logging", "logging"),
    ("builtin:messaging", "messaging"),
    ("builtin:http-server", "http-server"),
    ("builtin:http-client", "http-client"),
    ("builtin:config", "config"),
    ("builtin:environment", "environment"),
    ("builtin:filesystem", "filesystem"),
    ("builtin:clocks", "clocks"),
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

    #[track_caller]
    fn check(image: &str, expected: Option<&str>) {
        assert_eq!(capability(image), expected, "{image}");
    }

    #[test]
    fn images() {
        check("builtin:keyvalue", Some("keyvalue"));
        check("builtin:keyvalue:1", Some("keyvalue"));
        check("ghcr.io/wasmcloud/http-server:0.27.0", Some("http-server"));
        check("ghcr.io/wasmcloud/http-server", Some("http-server"));
        check("ghcr.io/wasmcloud/http-client:0.13.0", Some("http-client"));
        check("builtin:http-client", Some("http-client"));
        check("localhost:5000/wasmcloud/http-server", None);
        check("builtin:nothing", None);
        check("", None);
    }
}
