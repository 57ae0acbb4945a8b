//! Who gets in, who does not, and what a token file may hold.
