mod bundles;
mod matrix;
mod money;
mod news;
mod surface;
mod vault;
mod who;
mod world;
