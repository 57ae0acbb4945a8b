//! Reads the requests that directories of counts hold.
//!
//! It must never bring in what lies before the time asked for.

use std::path::PathBuf;

use anyhow::Context;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ListArray, RecordBatch};

use crate::kept::Request;
use crate::kept::columns::RequestColumns;
use crate::kept::format::REQUESTS;
use crate::kept::table::{self, Columns};

/// See [`kept::requests`](crate::kept::requests).
pub fn requests(dirs: &[PathBuf], from_us: i64) -> anyhow::Result<Vec<Request>> {
    let mut requests = Vec::new();
    for dir in dirs.iter().map(|dir| dir.join(REQUESTS)) {
        table::read(&dir, &RequestColumns::schema(), |batch| take(batch, from_us, &mut requests))
            .with_context(|| format!("{} cannot be read", dir.display()))?;
    }
    // Stable, so that steps of one time stay in their order.
    requests.sort_by_key(|request| (request.user.cast_signed(), request.time_us));
    Ok(requests)
}

fn take(batch: &RecordBatch, from_us: i64, requests: &mut Vec<Request>) -> anyhow::Result<()> {
    let users = batch.column(0).as_primitive::<Int64Type>().values();
    let times = batch.column(1).as_primitive::<Int64Type>().values();
    let histories = batch.column(2).as_list::<i32>();
    let nexts = batch.column(3).as_primitive::<Int32Type>().values();
    for row in (0..batch.num_rows()).filter(|row| times[*row] >= from_us) {
        requests.push(Request {
            user: users[row].cast_unsigned(),
            time_us: times[row],
            history: clusters(histories, row)?,
            next: u32::try_from(nexts[row]).context("expected a cluster id")?,
        });
    }
    Ok(())
}

fn clusters(histories: &ListArray, row: usize) -> anyhow::Result<Vec<u32>> {
    let ids = histories.value(row);
    let ids = ids.as_primitive::<Int32Type>().values().iter();
    ids.map(|id| u32::try_from(*id).context("expected a cluster id")).collect()
}
