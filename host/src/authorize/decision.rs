//! What was decided about an application, whether all of it was granted or not.

use super::{Admission, Reasons};
use crate::denial::Denials;
use crate::graph::Graph;

/// What each component of an application may do, and everything that it may not.
pub struct Decision {
    // Nobody gets it while anything is denied.
    admission: Admission,
    denials: Denials,
    reasons: Vec<Reasons>,
}

impl Decision {
    pub(super) fn new(admission: Admission, denials: Denials, reasons: Vec<Reasons>) -> Self {
        Self { admission, denials, reasons }
    }

    /// The admission, where nothing was refused.
    ///
    /// # Errors
    /// Every denial at once.
    pub fn admission(self) -> Result<Admission, Denials> {
        if self.denials.is_empty() { Ok(self.admission) } else { Err(self.denials) }
    }

    /// Everything that was refused.
    pub fn denials(&self) -> &Denials {
        &self.denials
    }

    /// What was decided about each import and each link, in the order of the candidates.
    pub fn reasons(&self) -> &[Reasons] {
        &self.reasons
    }

    /// Who calls whom, and what each may and may not touch. Nothing is compiled or started for it.
    pub fn graph(&self) -> Graph {
        Graph::of(&self.admission, &self.denials)
    }
}
