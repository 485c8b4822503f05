//! What is written down.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When it was written: milliseconds since 1970.
    pub at: u64,
    /// The SHA-256 of the line before, in hexadecimal digits; of the first one, zeros.
    pub prev: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What each document says of each capability that was granted: the document to its claim, `any` where it says nothing.
pub type Grants = BTreeMap<String, BTreeMap<String, Value>>;

/// What happened. `component` is a name for people, `ACCOUNT/COMPONENT`, and `id` the same in keys, `A…/M…`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A host began to use this log.
    Started {
        /// Its key `N…`.
        host: String,
        /// Its version.
        version: String,
    },
    /// It ended in order.
    Stopped {},
    /// One component of an application that was deployed, with all that it may do.
    Granted(Granted),
    /// Something that a component of an application may not have; nothing of the application was started.
    Refused {
        /// The application.
        application: String,
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// What it may not.
        what: String,
        /// The documents that refuse it, each with its reason.
        by: Vec<String>,
    },
    /// An application was not started, or not swapped: a file of it does not verify, would go back, or does not compile. What
    /// a document refuses is [`Event::Refused`].
    NotStarted {
        /// The application, or the file that it would have come from.
        application: String,
        /// Why.
        reason: String,
    },
    /// An application was deployed whole.
    Deployed {
        /// The application.
        application: String,
        /// Which deployment of this host it is: the numbers grow until the host ends.
        generation: u64,
        /// How many components it has.
        components: usize,
    },
    /// A deployment is no longer served: it was replaced, or the host ends.
    Withdrawn {
        /// The application.
        application: String,
        /// Which deployment it was.
        generation: u64,
    },
    /// The host's owner called a function of a component, or ran it as a command.
    Called {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// What was called.
        function: String,
    },
    /// What a component was denied while it ran, since the last such line.
    Denied {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// The capability.
        capability: String,
        /// How often.
        count: u64,
        /// The document that refused it last, and why.
        last: String,
    },
    /// What a component did with what it was granted, since the last such line.
    Used {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// The capability.
        capability: String,
        /// How often.
        count: u64,
    },
    /// What a component that runs rests on was revoked: its calls ended, and none starts.
    Revoked {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// What was revoked, by whom and in which list.
        reason: String,
    },
    /// It is not known any more whether a component that runs was revoked: nothing new of it starts.
    Suspended {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// Which list is missing or too old.
        reason: String,
    },
    /// The time of a component that runs is over: nothing new of it starts.
    Expired {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// When its first token expired.
        until: String,
    },
    /// A component that was revoked or suspended is in good standing again.
    Restored {
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
    },
    /// The host's owner started an older release than had run before.
    RolledBack {
        /// The application.
        application: String,
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
        /// The release that had run.
        from: String,
        /// The one that runs now.
        to: String,
    },
    /// Under the name of a manifest component runs another account's, or another component, than ever before.
    Replaced {
        /// The application.
        application: String,
        /// The manifest component.
        name: String,
        /// The component.
        component: String,
        /// The component in keys.
        id: String,
    },
    /// Older files were removed: the chain begins behind this head.
    Pruned {
        /// The head of what was removed.
        through: String,
    },
    /// The last line was incomplete, as after a crash, and was removed.
    Mended {
        /// How many bytes it had.
        bytes: u64,
    },
    /// When the log was opened it ended before the head that was kept for it, or that could not be told.
    Missing {
        /// The head that was kept; `none` or `unreadable` where there was none.
        kept: String,
    },
    /// Before this line, events could not be written: the disk was full, or failed.
    Lost {
        /// How many.
        count: u64,
    },
}

/// One component of an application, with all that it may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Granted {
    /// The application.
    pub application: String,
    /// The component.
    pub component: String,
    /// The component in keys.
    pub id: String,
    /// The SHA-256 of the file's unsigned bytes.
    pub digest: String,
    /// The release that its token states.
    pub revision: u64,
    /// The `jti` of each token, narrowest first.
    pub tokens: Vec<String>,
    /// The operator that vouches for its account.
    pub operator: String,
    /// What was granted, by capability.
    pub grants: Grants,
}

impl Event {
    /// Its name, as it is written.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped {} => "stopped",
            Self::Granted(_) => "granted",
            Self::Refused { .. } => "refused",
            Self::NotStarted { .. } => "not-started",
            Self::Deployed { .. } => "deployed",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Called { .. } => "called",
            Self::Denied { .. } => "denied",
            Self::Used { .. } => "used",
            Self::Revoked { .. } => "revoked",
            Self::Suspended { .. } => "suspended",
            Self::Expired { .. } => "expired",
            Self::Restored { .. } => "restored",
            Self::RolledBack { .. } => "rolled-back",
            Self::Replaced { .. } => "replaced",
            Self::Pruned { .. } => "pruned",
            Self::Mended { .. } => "mended",
            Self::Missing { .. } => "missing",
            Self::Lost { .. } => "lost",
        }
    }

    /// The component it is about, for people and in keys.
    pub fn component(&self) -> Option<(&str, &str)> {
        match self {
            Self::Granted(Granted { component, id, .. })
            | Self::Refused { component, id, .. }
            | Self::Called { component, id, .. }
            | Self::Denied { component, id, .. }
            | Self::Revoked { component, id, .. }
            | Self::Suspended { component, id, .. }
            | Self::Expired { component, id, .. }
            | Self::Restored { component, id }
            | Self::RolledBack { component, id, .. }
            | Self::Replaced { component, id, .. }
            | Self::Used { component, id, .. } => Some((component, id)),
            _ => None,
        }
    }
}
