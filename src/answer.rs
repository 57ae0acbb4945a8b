//! The answer to one request; it must never know which door asked.

/// Which path answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The whole history is in the table.
    Table,
    /// A shorter, more recent part of the history is in the table.
    Suffix,
    /// The model.
    Model,
    /// The popular list.
    Popular,
}

impl Source {
    /// Every source, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::Table, Self::Suffix, Self::Model, Self::Popular];

    /// The value of the `source` label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Suffix => "suffix",
            Self::Model => "model",
            Self::Popular => "popular",
        }
    }
}
