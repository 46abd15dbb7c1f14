//! Gemini's wire format: contents that are generated, counted and embedded, the list of models.

mod answer;
mod course;
mod declined;
mod ending;
mod outward;
mod said;

pub(super) use answer::usage;
pub(super) use course::Course;
pub(super) use declined::declined;
pub(super) use ending::fail;
pub use outward::{error_body, model_object, models_list};
pub(super) use said::{carrier, said, whole};
