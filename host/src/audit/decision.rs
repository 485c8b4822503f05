//! What was decided about an application, as events.

use std::collections::BTreeMap;

use serde_json::Value;
use writ_signing::Digest;

use super::{Event, Granted, Grants, clipped};
use crate::authorize::{Admission, Admitted};
use crate::denial::{Denial, Denials, Refusal};

/// What each component of an application was granted.
pub(super) fn granted(admission: &Admission) -> impl Iterator<Item = Event> {
    admission.components().iter().map(|admitted| Event::Granted(granted_to(admission.application(), admitted)))
}

/// All that one component may do.
pub(crate) fn granted_to(application: &str, admitted: &Admitted) -> Granted {
    Granted {
        application: clipped(application),
        component: admitted.principal().to_string(),
        id: admitted.principal().keyed().to_string(),
        digest: admitted.verified.component().digest.hex(),
        revision: admitted.verified.component().revision,
        tokens: admitted.verified.chain().map(|(_, common)| common.jti.clone()).collect(),
        operator: admitted.verified.operator().to_string(),
        grants: grants(admitted),
    }
}

/// What every document says of what was granted. What one of them does not name was not.
fn grants(admitted: &Admitted) -> Grants {
    let says = |capability: &str| {
        let mut documents = BTreeMap::new();
        for statement in &admitted.documents {
            let claim = statement.about(capability).ok()?.map_or_else(|| Value::from("any"), bounded);
            documents.insert(statement.document.to_string(), claim);
        }
        Some(documents)
    };
    admitted.capabilities().filter_map(|capability| Some((capability.to_owned(), says(capability)?))).collect()
}

/// A claim, or what names it where it is so long that a line has no room for several like it.
fn bounded(claim: &Value) -> Value {
    let text = claim.to_string();
    match text.len() {
        0..=CLAIM => claim.clone(),
        bytes => Value::from(format!("{bytes} bytes, sha256:{}", Digest::of(text.as_bytes()).hex())),
    }
}

/// Bytes of a claim that is written down whole.
const CLAIM: usize = 8 << 10;

/// What an application may not have.
pub(super) fn refused(application: &str, denials: &Denials) -> impl Iterator<Item = Event> {
    denials.iter().map(move |denial: &Denial| Event::Refused {
        application: clipped(application),
        component: denial.principal.to_string(),
        id: denial.principal.keyed().to_string(),
        what: clipped(&denial.what),
        by: denial.refusals.iter().map(by).collect(),
    })
}

fn by(refusal: &Refusal) -> String {
    clipped(&format!("{} {}", refusal.document, refusal.reason))
}
