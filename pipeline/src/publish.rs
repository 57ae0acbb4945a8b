//! Puts a release, its model and a channel's pointer where services look for them: a directory or an object store.
