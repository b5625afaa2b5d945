//! Reads a table: types, kinds, roles, split, staged parts, profile and exports.

use crate::TaskFolder;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Budget;

pub fn perform(_folder: &TaskFolder, _task: &TaskFile, _budget: &Budget) -> Result<()> {
    Err(Error::unsupported("profile::absent", "the intake cannot profile yet"))
}
