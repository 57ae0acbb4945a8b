//! What the log holds after changes, refusals and disks that refuse.
