//! Policies and guards from outside: an admin's day, texts in and out on every route, tools, sessions and breakers.

mod consult;
mod contents;
mod day;
mod guards;
mod listener;
mod matrix;
mod messages;
mod rig;
mod tools;
mod translated;
