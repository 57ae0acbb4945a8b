//! What a source stands for, on this machine and in a store.

use std::io::Read;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

use super::{Clouds, list_in};
use crate::build::LogSettings;
use crate::read::{Columns, Format, TimeUnit};
use segue::cloud::Cloud;

const NAMES: [&str; 6] = ["a.csv", "b/c.parquet", "b/d.csv.gz", "b/_tmp/e.csv", "b/.f.csv", "notes.txt"];

fn log(events: &[String], format: Option<Format>) -> LogSettings {
    let name = |name: &str| name.to_owned();
    LogSettings {
        events: events.to_vec(),
        format,
        columns: Columns { user: name("user"), time: name("ts"), target: name("cluster"), weight: None },
        time_unit: TimeUnit::Seconds,
        weight_min: None,
        items: None,
    }
}

fn check(root: &str, clouds: &Clouds) {
    let cases: [(&[&str], Option<Format>, &str); 9] = [
        (&[""], None, "a.csv b/c.parquet b/d.csv.gz"),
        (&["b"], None, "c.parquet d.csv.gz"),
        (&["b/"], None, "c.parquet d.csv.gz"),
        (&["a.csv"], None, "a.csv"),
        (&["b", "a.csv", ""], None, "c.parquet d.csv.gz a.csv"),
        (&["*.csv"], None, "a.csv"),
        (&["b/?.*"], None, "c.parquet d.csv.gz"),
        (&["notes.txt"], None, "notes.txt"),
        (&[""], Some(Format::Csv), "a.csv b/c.parquet b/d.csv.gz notes.txt"),
    ];
    for (given, format, expected) in cases {
        let sources: Vec<String> = given.iter().map(|name| format!("{root}/{name}")).collect();
        let partitions = list_in(&log(&sources, format), clouds).unwrap();
        let names: Vec<&str> = partitions.iter().map(|partition| partition.name.as_str()).collect();
        assert_eq!(names.join(" "), expected, "{sources:?}");
        for partition in &partitions {
            let mut content = String::new();
            partition.open(clouds).unwrap().stream(0).read_to_string(&mut content).unwrap();
            assert!(content.ends_with(&partition.name), "{content}");
            assert_eq!(content.len() as u64, partition.bytes);
            assert!(!partition.stamp.is_empty());
        }
    }
    let refused = |source: &str| list_in(&log(&[format!("{root}/{source}")], None), clouds).unwrap_err().to_string();
    assert!(refused("nothing/*.csv").contains("holds no file of events"), "{}", refused("nothing/*.csv"));
    assert!(refused("nothing").contains("nothing"));
    assert!(refused("b/[").contains("is no pattern"), "{}", refused("b/["));
}

#[test]
fn files_directories_and_patterns() {
    let dir = tempfile::tempdir().unwrap();
    for name in NAMES {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("content of {name}")).unwrap();
    }
    check(dir.path().to_str().unwrap(), &Clouds::default());
}

#[test]
fn objects_prefixes_and_patterns() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let cloud = Cloud::of(Arc::clone(&store), Key::default()).unwrap();
    for name in NAMES {
        cloud.wait(store.put(&Key::from(format!("logs/{name}")), format!("content of {name}").into())).unwrap();
    }
    let clouds = Clouds::default();
    clouds.add("s3://bucket", cloud);
    check("s3://bucket/logs", &clouds);
}

#[test]
fn a_range_of_an_object_is_its_bytes_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.csv");
    std::fs::write(&path, "0123456789").unwrap();
    let partitions = list_in(&log(&[path.display().to_string()], None), &Clouds::default()).unwrap();
    let object = partitions[0].open(&Clouds::default()).unwrap();
    assert_eq!(&object.range(3..6).unwrap()[..], b"345");
    assert!(object.range(8..11).is_err());
    let fetched = super::object::Fetched::read(&object, [1..3, 5..9]).unwrap();
    let get = |start, length| parquet::file::reader::ChunkReader::get_bytes(&fetched, start, length).ok();
    for (start, length, expected) in [(1, 2, Some("12")), (6, 2, Some("67")), (2, 2, None), (3, 1, None), (0, 1, None)]
    {
        assert_eq!(get(start, length).as_deref(), expected.map(str::as_bytes), "{start} {length}");
    }
}
