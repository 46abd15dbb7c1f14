//! OpenAI's wire format: chat completions, completions, embeddings, responses, models.

mod answer;
mod course;
mod declined;
mod ending;
mod outward;
mod said;

pub(super) use answer::usage;
pub(super) use course::Course;
pub(super) use declined::declined;
pub use outward::{error_body, model_object, models_list};
pub(super) use said::{event_name, said, whole};
