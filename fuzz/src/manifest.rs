//! The readers of `writ-manifest`, given whatever a text may say.

use writ_manifest::{Application, ComponentFile, Policy, TrustEntry};

/// An application, and what one component is: the input is YAML.
pub fn manifest(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    match Application::parse(text) {
        Ok(application) => {
            let _ = application.unsupported();
            for component in &application.components {
                assert!(!component.name.is_empty());
            }
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && error.to_string().len() < LONGEST),
    }
    // What is written into a component file leaves it readable, and says what was written.
    if let (Ok(_), Ok(edited)) = (ComponentFile::parse(text), ComponentFile::with_revision(text, 7)) {
        assert_eq!(ComponentFile::parse(&edited).expect("it is still one").revision, 7);
    }
}

/// The most a host's owner allows, and whom they trust: the input is YAML.
pub fn policy(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else { return };
    if let Err(error) = Policy::parse(text) {
        assert!(error.line > 0 && error.column > 0 && error.to_string().len() < LONGEST);
    }
    if let Ok(entry) = TrustEntry::parse(text) {
        let again = TrustEntry::parse(&entry.to_yaml()).expect("what is written is read");
        assert_eq!(again.to_yaml(), entry.to_yaml());
    }
}

/// A message is for people.
const LONGEST: usize = 4096;
