//! STUB.
/// Money set aside.
#[derive(Debug)]
pub struct Reservation {}
