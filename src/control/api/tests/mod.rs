mod bundles;
mod matrix;
mod money;
mod news;
mod surface;
mod who;
mod world;
