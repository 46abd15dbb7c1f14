//! OpenAI's wire format: chat completions, completions, embeddings, responses, models.

mod answer;
mod declined;
mod ending;
mod event;
mod frame;
mod outward;
mod repeated;
mod said;
mod stream;
mod template;

pub use answer::{Answer, usage};
pub use declined::declined;
pub use frame::{Frames, payload};
pub use outward::{error_body, model_object, models_list};
pub use repeated::Reader;
pub use said::{Called, Field, Reading, Said, event_name, said, whole};
pub use stream::{MAX_EVENT, Release, StreamMeter};
