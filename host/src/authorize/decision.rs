//! What was decided about an application, whether all of it was granted or not.

use super::Admission;
use crate::denial::Denials;
use crate::graph::Graph;

/// What each component of an application may do, and everything that it may not.
pub struct Decision {
    // Nobody gets it while anything is denied.
    admission: Admission,
    denials: Denials,
}

impl Decision {
    pub(super) fn new(admission: Admission, denials: Denials) -> Self {
        Self { admission, denials }
    }

    /// The admission, where nothing was refused.
    ///
    /// # Errors
    /// Every denial at once.
    pub fn admission(self) -> Result<Admission, Denials> {
        if self.denials.is_empty() { Ok(self.admission) } else { Err(self.denials) }
    }

    /// Who calls whom, and what each may and may not touch. Nothing is compiled or started for it.
    pub fn graph(&self) -> Graph {
        Graph::of(&self.admission, &self.denials)
    }
}
