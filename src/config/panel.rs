//! The control panel's own file, `panel.yaml`: read, layered and checked as a gateway's is.

use super::Sources;
use super::document::Document;
use super::fault::Faults;
use super::layer::overlay;
use super::read::Reader;
use crate::control::settings::{Control, ControlSettings};
use std::path::Path;

const DEFAULTS: &str = "(built-in defaults)";

/// Loads a panel's configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_panel(sources: &Sources) -> Result<Control, Faults> {
    let mut reader = Reader::new(&sources.env);
    let root = match &sources.file {
        Some(file) => reader.yaml(file, None),
        None => reader.text(Path::new(DEFAULTS), "").1,
    };
    let Some(mut root) = root else {
        reader.places.finish()?;
        return Ok(
            ControlSettings::default().compile(&crate::settings::Report::new(&Default::default()))
        );
    };
    let file = root.place;
    // `TOLLGATE__…` variables are a gateway's: both may run with one environment.
    overlay(&mut root, &[], &sources.flags, &mut reader.places);
    let mut document = Document::new(root, &mut reader);
    let settings: ControlSettings = document.settings(&mut reader);
    let mut control = settings.compile(&document.report());
    let written = ["state_dir".into()];
    let (node, steps) = document.root.walk(&written);
    let place = if steps == 1 { node.place } else { file };
    control.state_dir = reader.places.resolve(place.source, &control.state_dir);
    document.finish(&mut reader);
    reader.places.finish()?;
    Ok(control)
}
