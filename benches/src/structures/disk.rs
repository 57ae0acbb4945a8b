//! The embedded databases that a service would otherwise use; each read through one long-lived read transaction.
//!
//! Files live in the bench's directory and fit in memory: what is measured is the structure, not the disk.

use std::path::Path;

use anyhow::Result;
use heed::byteorder::BigEndian;
use heed::types::{Bytes, U64};
use heed::{Env, EnvOpenOptions, PutFlags, RoTxn, WithoutTls};
use redb::{Database, ReadOnlyTable, ReadableDatabase, TableDefinition};

use super::{Structure, ends};
use crate::rows::Rows;

const REDB_TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
/// Enough for redb to keep every page it read.
const CACHE_BYTES: usize = 6 << 30;
/// Address space, not memory: LMDB wants to know how large its map may grow.
const MAP_BYTES: usize = 64 << 30;

/// redb, a B-tree in Rust.
pub struct Redb {
    table: ReadOnlyTable<u64, &'static [u8]>,
    rows: Rows,
}

impl Redb {
    /// Fills a database and reads it whole once.
    pub fn build(dir: &Path, rows: Rows) -> Result<Self> {
        let path = dir.join("records.redb");
        let _ = std::fs::remove_file(&path);
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(&path)?;
        let write = database.begin_write()?;
        {
            let mut table = write.open_table(REDB_TABLE)?;
            for key in rows.keys() {
                table.insert(key, rows.record(key).as_slice())?;
            }
        }
        write.commit()?;
        let table = database.begin_read()?.open_table(REDB_TABLE)?;
        for entry in table.range::<u64>(..)? {
            std::hint::black_box(ends(entry?.1.value()));
        }
        Ok(Self { table, rows })
    }
}

impl Structure for Redb {
    fn find(&self, history: [u32; 2]) -> u64 {
        let found = self.table.get(self.rows.key(history)).ok().flatten();
        found.map_or(0, |record| ends(record.value()))
    }
}

/// LMDB through heed: a memory-mapped B-tree.
pub struct Lmdb {
    transaction: RoTxn<'static, WithoutTls>,
    table: heed::Database<U64<BigEndian>, Bytes>,
    rows: Rows,
}

impl Lmdb {
    /// Fills a database in key order.
    pub fn build(dir: &Path, rows: Rows) -> Result<Self> {
        let path = dir.join("lmdb");
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path)?;
        let env = open(&path)?;
        let mut write = env.write_txn()?;
        let table = env.create_database::<U64<BigEndian>, Bytes>(&mut write, None)?;
        for key in rows.keys() {
            table.put_with_flags(&mut write, PutFlags::APPEND, &key, &rows.record(key))?;
        }
        write.commit()?;
        let transaction = env.static_read_txn()?;
        for entry in table.iter(&transaction)? {
            std::hint::black_box(ends(entry?.1));
        }
        Ok(Self { transaction, table, rows })
    }
}

#[allow(unsafe_code, reason = "LMDB maps its file: heed asks the caller to promise that nobody else changes it")]
fn open(path: &Path) -> Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(MAP_BYTES);
    // SAFETY: the directory was made by this process a moment ago, for itself alone.
    Ok(unsafe { options.open(path)? })
}

impl Structure for Lmdb {
    fn find(&self, history: [u32; 2]) -> u64 {
        let found = self.table.get(&self.transaction, &self.rows.key(history)).ok().flatten();
        found.map_or(0, ends)
    }
}

/// RocksDB with its defaults and one compaction.
#[cfg(feature = "rocksdb")]
pub struct Rocks {
    database: rocksdb::DB,
    rows: Rows,
}

#[cfg(feature = "rocksdb")]
impl Rocks {
    /// Fills a database without its log, then compacts it.
    pub fn build(dir: &Path, rows: Rows) -> Result<Self> {
        let path = dir.join("rocksdb");
        let _ = std::fs::remove_dir_all(&path);
        let database = rocksdb::DB::open_default(&path)?;
        let mut options = rocksdb::WriteOptions::new();
        options.disable_wal(true);
        for key in rows.keys() {
            database.put_opt(key.to_be_bytes(), rows.record(key), &options)?;
        }
        database.compact_range::<&[u8], &[u8]>(None, None);
        Ok(Self { database, rows })
    }
}

#[cfg(feature = "rocksdb")]
impl Structure for Rocks {
    fn find(&self, history: [u32; 2]) -> u64 {
        let found = self.database.get_pinned(self.rows.key(history).to_be_bytes()).ok().flatten();
        found.map_or(0, |record| ends(&record))
    }
}
