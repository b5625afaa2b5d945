//! The task folder: all that a running task sees. Given files lie in `in/`, made ones in `out/`,
//! checkpoints in `ckpt/`. A pool thread, a child process and a foreign program get the same.

use crate::shelf::Shelf;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::attempts::StopCause;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact};

/// Why the task is to stop, below `in/`: one word.
const STOP: &str = "stop";

fn word(cause: StopCause) -> &'static [u8] {
    match cause {
        StopCause::Cancel => b"cancel",
        StopCause::Timeout => b"timeout",
        StopCause::Drain => b"drain",
        StopCause::Superseded => b"superseded",
    }
}

/// One task's folder.
#[derive(Clone)]
pub struct TaskFolder {
    path: PathBuf,
    hashes: BTreeMap<String, String>,
    shelf: Option<Arc<Shelf>>,
}

impl TaskFolder {
    /// Makes an empty folder, readable by its owner alone, and writes `in/task.json`.
    pub fn create(path: &Path, task: &TaskFile) -> Result<Self> {
        for part in ["in", "out", "ckpt"] {
            let part = path.join(part);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&part).map_err(|e| Error::io(part.display(), e))?;
        }
        let folder = Self::open(path);
        folder.tell(task)?;
        Ok(folder)
    }

    /// Writes `in/task.json`.
    pub fn tell(&self, task: &TaskFile) -> Result<()> {
        let file = self.given("task.json");
        fs::write(&file, fact::encode_pretty(task)?).map_err(|e| Error::io(file.display(), e))
    }

    /// A folder that somebody else made.
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned(), hashes: BTreeMap::new(), shelf: None }
    }

    /// Lets tables be kept decoded between tasks, by the SHA-256 of their files.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Arc<Shelf>) -> Self {
        self.shelf = Some(shelf);
        self
    }

    /// What the task is told.
    pub fn task(&self) -> Result<TaskFile> {
        let path = self.given("task.json");
        let bytes = fs::read(&path).map_err(|e| Error::io(path.display(), e))?;
        let task: TaskFile = serde_json::from_slice(&bytes)
            .map_err(|e| Error::invalid("task::file", format!("cannot read task.json: {e}")).in_source(path.display().to_string()))?;
        if task.schema == TaskFile::SCHEMA {
            return Ok(task);
        }
        Err(Error::invalid("task::schema", format!("task.json has the schema {:?}, expected {}", task.schema, TaskFile::SCHEMA)))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A given file.
    pub fn given(&self, name: &str) -> PathBuf {
        self.path.join("in").join(name)
    }

    /// Bytes of all given files.
    pub fn given_bytes(&self) -> u64 {
        let entries = fs::read_dir(self.path.join("in")).into_iter().flatten().flatten();
        entries.filter_map(|entry| fs::metadata(entry.path()).ok()).map(|metadata| metadata.len()).sum()
    }

    /// A made file.
    pub fn made(&self, name: &str) -> PathBuf {
        self.path.join("out").join(name)
    }

    /// Gives a file by linking it: hard if the file system allows, else symbolic.
    pub fn link(&mut self, name: &str, file: &Path, sha256: &str) -> Result<()> {
        let target = self.given(name);
        let broken = |e| Error::io(target.display(), e);
        if fs::hard_link(file, &target).is_err() {
            std::os::unix::fs::symlink(file, &target).map_err(broken)?;
        }
        self.note(name, sha256);
        Ok(())
    }

    /// Gives a secret: a file that its owner alone may read.
    pub fn confide(&self, name: &str, text: &str) -> Result<()> {
        let path = self.given(name);
        let broken = |e| Error::io(path.display(), e);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(broken)?;
        file.write_all(text.as_bytes()).map_err(broken)
    }

    /// Tells a running task why it is to stop, before the signal does.
    pub fn tell_stop(&self, cause: StopCause) -> Result<()> {
        let file = self.given(STOP);
        fs::write(&file, word(cause)).map_err(|e| Error::io(file.display(), e))
    }

    /// Whether a task that was told to stop was told so because its time is over: then what it has is still wanted.
    pub fn is_out_of_time(&self) -> bool {
        fs::read(self.given(STOP)).is_ok_and(|said| said == word(StopCause::Timeout))
    }

    /// Notes the content of a given file.
    pub fn note(&mut self, name: &str, sha256: &str) {
        self.hashes.insert(name.to_owned(), sha256.to_owned());
    }

    /// SHA-256 of a given file, if the runner told it.
    pub fn hash(&self, name: &str) -> Option<&str> {
        self.hashes.get(name).map(String::as_str)
    }

    /// Where decoded tables are kept, if anywhere.
    pub fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_deref()
    }

    /// Writes a made file.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.made(name);
        fs::write(&path, bytes).map_err(|e| Error::io(path.display(), e))
    }

    /// Names of made files, in order.
    pub fn made_names(&self) -> Result<Vec<String>> {
        let folder = self.path.join("out");
        let broken = |e| Error::io(folder.display(), e);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let is_file = entry.file_type().map_err(broken)?.is_file();
            match entry.file_name().into_string() {
                Ok(name) if is_file => names.push(name),
                _ => return Err(Error::data("task::bad_output", "out/ holds something that is not a plain file")),
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes the folder with everything in it.
    pub fn remove(self) {
        // what cannot be removed now is swept with the scratch folder
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;

    /// A small task, for tests that only care for some of its fields.
    pub(crate) fn task() -> TaskFile {
        TaskFile {
            schema: TaskFile::SCHEMA.into(),
            op: "synthesize".into(),
            name: "independent".into(),
            options: Value::Null,
            seed: 1,
            shared_seed: 2,
            rows: 10,
            seconds: 60.0,
            memory_bytes: 1 << 30,
            threads: 1,
            target: None,
            problem: None,
            reference: None,
            resume: None,
            checkpoint: false,
        }
    }

    #[test]
    fn a_folder_tells_its_task() {
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = TaskFolder::create(&place.path().join("t"), &task()).expect("created");
        assert_eq!(TaskFolder::open(folder.path()).task().expect("read"), task());
    }

    #[test]
    fn a_linked_file_is_seen_under_its_name() {
        let place = tempfile::tempdir().expect("temporary folder");
        let file = place.path().join("data");
        fs::write(&file, "x").expect("written");
        let mut folder = TaskFolder::create(&place.path().join("t"), &task()).expect("created");
        folder.link("train.parquet", &file, "ab").expect("linked");
        assert_eq!(fs::read(folder.given("train.parquet")).expect("linked"), b"x");
        assert_eq!(folder.hash("train.parquet"), Some("ab"));
    }

    #[test]
    fn a_secret_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().expect("temporary folder");
        let folder = TaskFolder::create(&place.path().join("t"), &task()).expect("created");
        folder.confide("noise.key", "ab").expect("written");
        let mode = fs::metadata(folder.given("noise.key")).expect("there").permissions().mode();
        assert_eq!((mode & 0o777, fs::read_to_string(folder.given("noise.key")).expect("read").as_str()), (0o600, "ab"));
    }

    #[test]
    fn another_schema_is_refused() {
        let place = tempfile::tempdir().expect("temporary folder");
        let other = TaskFile { schema: "synthfleet.child.v9".into(), ..task() };
        let folder = TaskFolder::create(&place.path().join("t"), &other).expect("created");
        assert_eq!(folder.task().expect_err("v9").code(), "task::schema");
    }
}
