//! The columns of each table, and the rows that fill them.
//!
//! It must never let a dense index out: tables carry the catalogue's ids.

use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow_array::ArrayRef;
use arrow_array::builder::{ArrayBuilder, Int32Builder, Int64Builder, ListBuilder};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use segue::snapshot::catalogue::Catalogue;

use crate::kept::Request;
use crate::kept::gram::{DEPTH_MAX, History, Sum};
use crate::kept::table::Columns;
use crate::kept::walk::Standing;

/// The ids of a catalogue as tables carry them.
#[derive(Clone, Debug)]
pub struct Ids(Arc<[i32]>);

/// Of `counts`.
#[derive(Debug)]
pub struct CountsColumns {
    key: KeyColumns,
    day: Int32Builder,
    seen: Int64Builder,
}

/// Of `support`.
#[derive(Debug)]
pub struct SupportColumns {
    key: KeyColumns,
    day: Int32Builder,
    users: Int64Builder,
    witnesses: ListBuilder<Int64Builder>,
}

/// Of `tails`.
#[derive(Debug)]
pub struct TailColumns {
    ids: Ids,
    history: [Int32Builder; DEPTH_MAX],
    users: Int64Builder,
}

/// Of `requests`.
#[derive(Debug)]
pub struct RequestColumns {
    ids: Ids,
    user: Int64Builder,
    ts: Int64Builder,
    history: ListBuilder<Int32Builder>,
    next: Int32Builder,
}

/// Of the carried state.
#[derive(Debug)]
pub struct CarriedColumns {
    ids: Ids,
    user: Int64Builder,
    last_us: Int64Builder,
    items: ListBuilder<Int32Builder>,
    first_us: Int64Builder,
    day: Int32Builder,
    day_steps: Int64Builder,
    tail: ListBuilder<Int32Builder>,
}

/// The columns that name a (history, next).
#[derive(Debug)]
struct KeyColumns {
    ids: Ids,
    history: [Int32Builder; DEPTH_MAX],
    next: Int32Builder,
}

impl Ids {
    /// The ids by dense index.
    ///
    /// # Errors
    /// When one does not fit in the tables' 31 bits.
    pub fn new(catalogue: &Catalogue) -> anyhow::Result<Self> {
        let fitting = |id: u32| {
            i32::try_from(id)
                .with_context(|| format!("cluster id {id} is above {}; renumber the catalogue to count", i32::MAX))
        };
        let ids = catalogue.clusters().iter().map(|cluster| fitting(cluster.id)).collect::<anyhow::Result<_>>()?;
        Ok(Self(ids))
    }

    /// The id at a dense index.
    pub fn at(&self, index: u32) -> i32 {
        self.0[index as usize]
    }

    /// The dense index of an id.
    ///
    /// # Errors
    /// When the catalogue does not hold it.
    pub fn index_of(&self, id: i32) -> anyhow::Result<u32> {
        let found = self.0.binary_search(&id);
        ensure!(found.is_ok(), "cluster {id} is not in the catalogue; count again with this catalogue");
        Ok(found.unwrap_or_default() as u32)
    }

    fn list(&self, builder: &mut ListBuilder<Int32Builder>, indexes: &[u32]) {
        indexes.iter().for_each(|index| builder.values().append_value(self.at(*index)));
        builder.append(true);
    }

    /// A history's clusters, null where it is shorter.
    fn history(&self, columns: &mut [Int32Builder; DEPTH_MAX], history: &History) {
        for (column, cluster) in columns.iter_mut().zip(history) {
            column.append_option(cluster.checked_sub(1).map(|index| self.at(index)));
        }
    }
}

impl CountsColumns {
    /// Columns with these ids.
    pub fn new(ids: Ids) -> Self {
        Self { key: KeyColumns::new(ids), day: Int32Builder::new(), seen: Int64Builder::new() }
    }
}

impl Columns for CountsColumns {
    type Row = Sum;

    fn schema() -> SchemaRef {
        schema(key_fields().chain([int("day"), long("seen")]))
    }

    fn push(&mut self, row: &Sum) {
        self.key.push(row);
        self.day.append_value(row.key.day);
        self.seen.append_value(row.seen);
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.key.take([array(&mut self.day), array(&mut self.seen)])
    }
}

impl SupportColumns {
    /// Columns with these ids.
    pub fn new(ids: Ids) -> Self {
        Self {
            key: KeyColumns::new(ids),
            day: Int32Builder::new(),
            users: Int64Builder::new(),
            witnesses: ListBuilder::new(Int64Builder::new()).with_field(element(DataType::Int64)),
        }
    }
}

impl Columns for SupportColumns {
    type Row = Sum;

    fn schema() -> SchemaRef {
        let fields = [int("day").with_nullable(true), long("users"), list("witnesses", DataType::Int64, true)];
        schema(key_fields().chain(fields))
    }

    fn push(&mut self, row: &Sum) {
        self.key.push(row);
        self.day.append_value(row.key.day);
        self.users.append_value(row.users);
        let witnesses = row.witnesses.as_deref();
        witnesses.into_iter().flatten().for_each(|user| self.witnesses.values().append_value(*user));
        self.witnesses.append(witnesses.is_some());
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.key.take([array(&mut self.day), array(&mut self.users), array(&mut self.witnesses)])
    }
}

impl TailColumns {
    /// Columns with these ids.
    pub fn new(ids: Ids) -> Self {
        Self { ids, history: Default::default(), users: Int64Builder::new() }
    }
}

impl Columns for TailColumns {
    type Row = (History, i64);

    fn schema() -> SchemaRef {
        schema(history_fields().chain([long("users")]))
    }

    fn push(&mut self, (history, users): &Self::Row) {
        self.ids.history(&mut self.history, history);
        self.users.append_value(*users);
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        self.history.iter_mut().map(array).chain([array(&mut self.users)]).collect()
    }
}

impl RequestColumns {
    /// Columns with these ids.
    pub fn new(ids: Ids) -> Self {
        Self {
            ids,
            user: Int64Builder::new(),
            ts: Int64Builder::new(),
            history: cluster_list(),
            next: Int32Builder::new(),
        }
    }
}

/// The clusters of a row are dense indexes.
impl Columns for RequestColumns {
    type Row = Request;

    fn schema() -> SchemaRef {
        schema([long("user"), long("ts"), list("history", DataType::Int32, false), int("next")])
    }

    fn push(&mut self, row: &Request) {
        self.user.append_value(row.user.cast_signed());
        self.ts.append_value(row.time_us);
        self.ids.list(&mut self.history, &row.history);
        self.next.append_value(self.ids.at(row.next));
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        vec![array(&mut self.user), array(&mut self.ts), array(&mut self.history), array(&mut self.next)]
    }
}

impl CarriedColumns {
    /// Columns with these ids.
    pub fn new(ids: Ids) -> Self {
        Self {
            ids,
            user: Int64Builder::new(),
            last_us: Int64Builder::new(),
            items: cluster_list(),
            first_us: Int64Builder::new(),
            day: Int32Builder::new(),
            day_steps: Int64Builder::new(),
            tail: cluster_list(),
        }
    }
}

impl Columns for CarriedColumns {
    type Row = Standing;

    fn schema() -> SchemaRef {
        let clusters = |name| list(name, DataType::Int32, false);
        let first_us = long("first_us").with_nullable(true);
        let begin = [long("user"), long("last_us"), clusters("items"), first_us];
        schema(begin.into_iter().chain([int("day"), long("day_steps"), clusters("tail")]))
    }

    fn push(&mut self, row: &Standing) {
        self.user.append_value(row.user);
        self.last_us.append_value(row.last_us);
        self.ids.list(&mut self.items, &row.items);
        self.first_us.append_option(row.first_us);
        self.day.append_value(row.day);
        self.day_steps.append_value(i64::from(row.day_steps));
        self.ids.list(&mut self.tail, &row.tail);
    }

    fn take(&mut self) -> Vec<ArrayRef> {
        let times =
            [array(&mut self.user), array(&mut self.last_us), array(&mut self.items), array(&mut self.first_us)];
        times.into_iter().chain([array(&mut self.day), array(&mut self.day_steps), array(&mut self.tail)]).collect()
    }
}

impl KeyColumns {
    fn new(ids: Ids) -> Self {
        Self { ids, history: Default::default(), next: Int32Builder::new() }
    }

    fn push(&mut self, row: &Sum) {
        self.ids.history(&mut self.history, &row.key.history);
        self.next.append_value(self.ids.at(row.key.next));
    }

    fn take(&mut self, rest: impl IntoIterator<Item = ArrayRef>) -> Vec<ArrayRef> {
        self.history.iter_mut().map(array).chain([array(&mut self.next)]).chain(rest).collect()
    }
}

fn array(builder: &mut impl ArrayBuilder) -> ArrayRef {
    ArrayBuilder::finish(builder)
}

fn cluster_list() -> ListBuilder<Int32Builder> {
    ListBuilder::new(Int32Builder::new()).with_field(element(DataType::Int32))
}

fn schema(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.into_iter().collect::<Vec<_>>()))
}

fn history_fields() -> impl Iterator<Item = Field> {
    ["h1", "h2", "h3"].into_iter().map(|name| int(name).with_nullable(true))
}

fn key_fields() -> impl Iterator<Item = Field> {
    history_fields().chain([int("next")])
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, false)
}

fn long(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn element(of: DataType) -> Field {
    Field::new("element", of, false)
}

fn list(name: &str, of: DataType, nullable: bool) -> Field {
    Field::new(name, DataType::List(Arc::new(element(of))), nullable)
}
