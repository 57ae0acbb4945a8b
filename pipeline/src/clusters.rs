//! Reads the catalogue of clusters from a table of columns or from a release's own JSON lines.
//!
//! A catalogue is small and everything else leans on it, so unlike an event a bad row here always stops the run.

use std::fs::File;
use std::io::{BufReader, Error as IoError};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use segue::snapshot::catalogue::{Catalogue, CatalogueError, Cluster};

/// What separates the keywords in a cluster's name or keywords column.
const KEYWORD_SEPARATOR: &str = ", ";

/// Which columns of the catalogue mean what.
#[derive(Clone, Debug)]
pub struct CatalogueColumns {
    /// The cluster's id.
    pub id: String,
    /// The cluster's name.
    pub name: String,
    /// The cluster's keywords, separated by ", "; `None` takes them from the name.
    pub keywords: Option<String>,
    /// The id of the cluster's parent; an empty field is none.
    pub parent: Option<String>,
}

/// Why a catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ClustersError {
    /// The file cannot be opened.
    #[error("cannot read the catalogue {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: IoError,
    },
    /// The file is not CSV.
    #[error("the catalogue {} is not CSV: {source}; give a header and one row per cluster", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: csv::Error,
    },
    /// A column is missing.
    #[error("the catalogue {} has no column {expected:?}, got {got:?}; name it with a --catalogue-...-column flag", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column asked for.
        expected: String,
        /// The columns there are.
        got: Vec<String>,
    },
    /// An id is not one.
    #[error("{}:{line}: expected a cluster id from 0 to 4294967295, got {got:?}", path.display())]
    Id {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The text in its place.
        got: String,
    },
    /// The clusters do not make a catalogue.
    #[error("the catalogue {} is refused: {source}", path.display())]
    Catalogue {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CatalogueError,
    },
}

/// Reads the catalogue from CSV, or from a release's `catalogue.jsonl` when the name ends in `.jsonl`.
///
/// # Errors
/// At the first fault: a catalogue is used whole or not at all.
pub fn read_catalogue(path: &Path, columns: &CatalogueColumns) -> Result<Catalogue, ClustersError> {
    let file = File::open(path).map_err(|source| ClustersError::Io { path: path.to_owned(), source })?;
    let refused = |source| ClustersError::Catalogue { path: path.to_owned(), source };
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return Catalogue::read_jsonl(BufReader::new(file)).map_err(refused);
    }
    let clusters = CsvCatalogue::open(path, columns, file)?.read()?;
    Catalogue::new(clusters).map_err(refused)
}

/// A catalogue in CSV, its columns found.
struct CsvCatalogue<'a> {
    path: &'a Path,
    reader: csv::Reader<File>,
    id: usize,
    name: usize,
    keywords: usize,
    parent: Option<usize>,
}

impl<'a> CsvCatalogue<'a> {
    fn open(path: &'a Path, columns: &CatalogueColumns, file: File) -> Result<Self, ClustersError> {
        let mut reader = csv::Reader::from_reader(file);
        let header = reader.headers().map_err(|source| ClustersError::Csv { path: path.to_owned(), source })?.clone();
        let find = |name: &String| find_column(path, &header, name);
        let id = find(&columns.id)?;
        let name = find(&columns.name)?;
        let keywords = columns.keywords.as_ref().map(find).transpose()?.unwrap_or(name);
        let parent = columns.parent.as_ref().map(find).transpose()?;
        Ok(Self { path, reader, id, name, keywords, parent })
    }

    fn read(mut self) -> Result<Vec<Cluster>, ClustersError> {
        let mut record = StringRecord::new();
        let mut clusters = Vec::new();
        while self.next(&mut record)? {
            clusters.push(self.cluster(&record)?);
        }
        Ok(clusters)
    }

    fn next(&mut self, record: &mut StringRecord) -> Result<bool, ClustersError> {
        let path = self.path;
        self.reader.read_record(record).map_err(|source| ClustersError::Csv { path: path.to_owned(), source })
    }

    fn cluster(&self, record: &StringRecord) -> Result<Cluster, ClustersError> {
        let field = |at: usize| record.get(at).unwrap_or_default().trim();
        Ok(Cluster {
            id: self.id(record, field(self.id))?,
            name: field(self.name).to_owned(),
            keywords: keywords(field(self.keywords)),
            parent: self.parent.map(field).filter(|id| !id.is_empty()).map(|id| self.id(record, id)).transpose()?,
        })
    }

    fn id(&self, record: &StringRecord, text: &str) -> Result<u32, ClustersError> {
        let line = record.position().map_or(0, csv::Position::line);
        text.parse().map_err(|_| ClustersError::Id { path: self.path.to_owned(), line, got: text.to_owned() })
    }
}

fn keywords(text: &str) -> Vec<String> {
    text.split(KEYWORD_SEPARATOR).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn find_column(path: &Path, header: &StringRecord, name: &str) -> Result<usize, ClustersError> {
    header.iter().position(|column| column == name).ok_or_else(|| ClustersError::Column {
        path: path.to_owned(),
        expected: name.to_owned(),
        got: header.iter().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, parent: Option<&str>) -> Result<Catalogue, ClustersError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clusters.csv");
        std::fs::write(&path, text).unwrap();
        let columns = CatalogueColumns {
            id: "cluster".into(),
            name: "name".into(),
            keywords: None,
            parent: parent.map(str::to_owned),
        };
        read_catalogue(&path, &columns)
    }

    #[test]
    fn splits_the_keywords_from_the_name_and_reads_the_parent() {
        let text = "cluster,name,up\n9,\"rabbit, egg, felt\",4\n4,AIR CARE,\n";
        let catalogue = read(text, Some("up")).unwrap();
        let cluster = catalogue.cluster(9).unwrap();
        assert_eq!(cluster.keywords, ["rabbit", "egg", "felt"]);
        assert_eq!((cluster.parent, catalogue.cluster(4).unwrap().parent), (Some(4), None));
    }

    #[test]
    fn names_the_fault() {
        let cases = [
            ("id,name\n1,a\n", "no column \"cluster\""),
            ("cluster,name\n1,a\n-1,b\n", ":3: expected a cluster id"),
            ("cluster,name\n1,a\n1,b\n", "twice"),
            ("cluster,name\n", "empty"),
            ("cluster,name\n1,a,b\n", "not CSV"),
        ];
        for (text, expected) in cases {
            let error = read(text, None).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
