//! How long the steps of a decision take.
//!
//! `cargo bench --bench decide`. Each step is timed alone, over a table of ten thousand keys where keys come in. The
//! catalogue is `support/operations.rs`; a new step of the decision is a new entry there.

#[path = "support/operations.rs"]
mod operations;
#[path = "support/passage.rs"]
mod passage;

use divan::Bencher;
use operations::{OPERATIONS, Operation, Scene};

fn main() {
    divan::main();
}

#[divan::bench(args = OPERATIONS, sample_size = 1000)]
fn step(bencher: Bencher<'_, '_>, operation: &Operation) {
    // Without its time zone there is no scene, and divan names a bench that timed nothing.
    if let Some(scene) = Scene::set() {
        bencher.bench_local(|| (operation.run)(&scene));
    }
}
