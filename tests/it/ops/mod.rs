//! Running it: disks that fill, signals, limits, and what it tells about itself.
