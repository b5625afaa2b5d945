//! Errors on their way out of the fleet: what may hold a cell of the table, or a path of ours, stays inside.

use synthfleet_proto::error::WireError;

/// The error without the text around the fault, without examples of cells and without names of our folders. Whoever may
/// see real rows finds all of it in the fact.
pub(crate) fn outward(error: &WireError) -> WireError {
    let mut told = error.clone();
    told.place.excerpt = None;
    let column = told.place.column.as_deref().unwrap_or("a column");
    match told.code.as_str() {
        "columns::bad_cell" => {
            // `<n> cells of <column> are not <type>: <cells>`; the name of a column may hold a colon too
            let end = format!("of {column} are not ");
            let kind = told.message.split_once(&end).map(|(before, after)| (before, after.split(':').next().unwrap_or_default()));
            told.message = match kind {
                Some((count, kind)) => format!("{count}{end}{kind}"),
                None => format!("some cells of {column} are not of its type"),
            };
        }
        "io::disk_full" => {
            told.message = "no room is left on the disk of the server".to_owned();
            told.help = vec!["free some there; what was begun goes on by itself".to_owned()];
        }
        "io::failed" => told.message = "a file of the server could not be read or written".to_owned(),
        "metadata::value_outside" => told.message = format!("{column} has values that the metadata does not allow"),
        _ => {}
    }
    told.others = told.others.iter().map(outward).collect();
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::{Error, Place};

    #[test]
    fn nothing_of_a_cell_leaves() {
        let place = |column: &str| Place { column: Some(column.into()), excerpt: Some("CANARY".into()), ..Place::default() };
        let error = Error::data("columns::bad_cell", "3 cells of a: b are not numbers: CANARY, CANARY").at(place("a: b")).and([
            Error::data("metadata::value_outside", "c has \"CANARY\", metadata says 1 to 2 (3 rows)").at(place("c")),
            Error::data("csv::ragged", "row has 3 fields, header has 2").at(place("d")),
        ]);
        let told = outward(&error.to_wire());
        assert!(!format!("{told:?}").contains("CANARY"));
        let messages: Vec<_> = told.others.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(told.message, "3 cells of a: b are not numbers");
        assert_eq!(messages, ["c has values that the metadata does not allow", "row has 3 fields, header has 2"]);
    }

    #[test]
    fn no_folder_of_ours_is_told() {
        for kind in [std::io::ErrorKind::StorageFull, std::io::ErrorKind::TimedOut] {
            let told = outward(&Error::io("/srv/secret/.tmp-1", kind.into()).to_wire());
            assert!(!format!("{told:?}").contains("secret") && !told.message.is_empty(), "{told:?}");
        }
    }
}
