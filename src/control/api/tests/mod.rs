mod money;
mod surface;
mod who;
mod world;
