//! What policies would say of a call that will not be made, and what the record would say of it.

use super::plan::Plan;
use super::{Call, Note, Refusal, Worker};
use crate::governance::audit::Ruled;
use std::sync::Arc;

/// What came of a call as far as policies have to do with it.
#[derive(Debug)]
pub struct Explained {
    /// The model, as the caller named it.
    pub model: Box<str>,
    /// What the record would say; none where there are no policies.
    pub ruled: Option<Arc<Ruled>>,
    /// Why it would not pass.
    pub refusal: Option<Refusal>,
}

impl Worker {
    /// Shows a call to the policies as [`Worker::admit`] would.
    ///
    /// # Errors
    /// The request is malformed, or its model has no route.
    pub async fn explain(&self, plan: &Arc<Plan>, call: &Call) -> Result<Explained, Refusal> {
        let mut note = Note::default();
        let mut seen = self.see(plan, call, &mut note)?;
        let asked = match &plan.guards {
            Some(guards) => self.screen(plan, guards, call, &mut seen, &mut note).await,
            None => Ok(()),
        };
        Ok(Explained {
            ruled: note.ruled(),
            model: note.model,
            refusal: asked.err(),
        })
    }
}
