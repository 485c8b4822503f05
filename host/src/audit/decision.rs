//! What was decided about an application, as events.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Event, Grants, clipped};
use crate::authorize::{Admission, Admitted};
use crate::denial::{Denial, Denials, Refusal};

/// What each component of an application was granted.
pub(super) fn granted(admission: &Admission) -> impl Iterator<Item = Event> {
    admission.components().iter().map(|admitted| Event::Granted {
        application: admission.application().to_owned(),
        component: admitted.principal().to_string(),
        id: admitted.principal().keyed().to_string(),
        digest: admitted.verified.component().digest.hex(),
        revision: admitted.verified.component().revision,
        tokens: admitted.verified.chain().map(|(_, common)| common.jti.clone()).collect(),
        operator: admitted.verified.operator().to_string(),
        grants: grants(admitted),
    })
}

/// What every document says of what was granted.
fn grants(admitted: &Admitted) -> Grants {
    let says = |capability: &str| {
        let mut documents = BTreeMap::new();
        for statement in &admitted.documents {
            let claim = statement.about(capability).ok().flatten().cloned();
            documents.insert(statement.document.to_string(), claim.unwrap_or_else(|| Value::from("any")));
        }
        documents
    };
    admitted.capabilities().map(|capability| (capability.to_owned(), says(capability))).collect()
}

/// What an application may not have.
pub(super) fn refused(application: &str, denials: &Denials) -> impl Iterator<Item = Event> {
    denials.iter().map(move |denial: &Denial| Event::Refused {
        application: application.to_owned(),
        component: denial.principal.to_string(),
        id: denial.principal.keyed().to_string(),
        what: clipped(&denial.what),
        by: denial.refusals.iter().map(by).collect(),
    })
}

fn by(refusal: &Refusal) -> String {
    clipped(&format!("{} {}", refusal.document, refusal.reason))
}
