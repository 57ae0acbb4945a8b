//! A file of whole lines: appended to, synced, and left as it was where that fails. It must never hold half a line that
//! a later one would be glued to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// Who may read it: the owner, and a group that collects logs.
#[cfg(unix)]
const MODE: u32 = 0o640;

/// The file. It is opened anew for every line, so that it may be renamed away at any time.
pub(super) struct AuditFile {
    path: PathBuf,
    /// Held while a line is written.
    writing: Mutex<()>,
}

impl AuditFile {
    /// Makes the file where it is not there, and sees whether it can be written.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::create_dir_all(dir)?;
        }
        let made = !path.exists();
        open(&path)?.sync_all()?;
        if made {
            sync_directory(&path)?;
        }
        Ok(Self { path, writing: Mutex::default() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line, which ends with a line break, and returns once it is on the disk.
    pub(super) fn append(&self, line: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock();
        let mut file = open(&self.path)?;
        let length = file.metadata()?.len();
        let whole = if ends_whole(&mut file, length)? { line.to_vec() } else { [b"\n", line].concat() };
        let written = file.write_all(&whole).and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line says less than none. If this fails too, the next line begins with a break.
            let _ = file.set_len(length);
        }
        if length == 0 {
            sync_directory(&self.path)?;
        }
        written
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Whether the last line has its end: a process that was killed may have left half of one.
fn ends_whole(file: &mut File, length: u64) -> io::Result<bool> {
    if length == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A new file is there after a crash only once its directory was synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}
