//! What is asked of rows, held against what people are shown of a table: refuses early what no model of it draws. The
//! protected description says less than a model knows, so the task that draws looks again.

use synthfleet_proto::condition::{self, Says, Sign};
use synthfleet_proto::metadata::Kind;
use synthfleet_proto::profile::{ColumnProfile, Profile, RARE};
use synthfleet_proto::{Error, Result};

/// Labels that an error names at most.
const NAMED_MAX: usize = 20;

/// All problems of conditions on a table's rows, each at its pointer. `shows_rare`: whether models show labels of few rows.
pub fn problems(conditions: &[String], profile: &Profile, shows_rare: bool) -> Vec<Error> {
    let names: Vec<&str> = profile.columns.iter().map(|column| column.name.as_str()).collect();
    let one = |condition: &String| -> Result<()> {
        let (place, says) = condition::read(condition, &names)?;
        match says {
            Says::Missing => Ok(()),
            Says::Compares(sign, value) => fits(&profile.columns[place], sign, value, shows_rare),
        }
    };
    let told = conditions.iter().enumerate().filter_map(|(place, text)| Some((place, one(text).err()?)));
    told.map(|(place, error)| error.at_pointer(format!("/where/{place}"))).collect()
}

fn fits(column: &ColumnProfile, sign: Sign, value: &str, shows_rare: bool) -> Result<()> {
    let levels = column.levels.as_ref().filter(|_| column.kind == Kind::Categorical && column.levels_rest == 0 && !shows_rare);
    if let (Some(levels), Sign::Equal) = (levels, sign) {
        let is_known = |label: &str| levels.iter().any(|level| level.value.trim() == label.trim());
        let is_missing = |label: &str| column.missing_tokens.iter().any(|token| token.token.trim() == label.trim());
        if is_known(value) || is_missing(value) || value.split('|').all(is_known) {
            return Ok(());
        }
        let shown: Vec<&str> = levels.iter().map(|level| level.value.trim()).filter(|label| *label != RARE).collect();
        let named = shown.iter().take(NAMED_MAX).map(|label| format!("{label:?}")).collect::<Vec<_>>().join(", ");
        let more = if shown.len() > NAMED_MAX { format!(" and {} more", shown.len() - NAMED_MAX) } else { String::new() };
        let error = Error::invalid("condition::value", format!("column {} cannot be {value:?}: no such label", column.name));
        return Err(error.in_column(&column.name).help(format!("it is one of {named}{more}")));
    }
    let (Some(numbers), Ok(end)) =
        (column.numeric.as_ref().filter(|_| column.kind == Kind::Continuous && !shows_rare), value.parse::<f64>())
    else {
        return Ok(());
    };
    let (Some(low), Some(high)) = (numbers.min, numbers.max) else { return Ok(()) };
    let is_met = match sign {
        Sign::Equal => (low..=high).contains(&end),
        Sign::Less => end > low,
        Sign::LessOrEqual => end >= low,
        Sign::Greater => end < high,
        Sign::GreaterOrEqual => end <= high,
    };
    if is_met {
        return Ok(());
    }
    let error = Error::invalid("condition::impossible", format!("no row has {} as asked by {value:?}", column.name));
    Err(error.in_column(&column.name).help(format!("it lies between {low} and {high}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile() -> Profile {
        let column = |name: &str, kind: &str, more: serde_json::Value| {
            let mut column = json!({
                "name": name, "header": name, "position": 0, "kind": kind, "role": "model", "storage": "utf8", "missing": 0,
                "missing_tokens": [], "distinct": 3, "approximate": false, "constant": false,
                "sensitivity": {"class": "none"}, "notes": [], "override": [],
            });
            more.as_object().expect("an object").iter().for_each(|(field, value)| column[field] = value.clone());
            column
        };
        let levels = json!([{"value": " Ulm", "count": 40}, {"value": "Bern", "count": 30}, {"value": RARE, "count": 3}]);
        let numeric = json!({
            "min": 18.0, "max": 77.0, "mean": 40.0, "std": 9.0, "quantiles": [], "zeros": 0, "negatives": 0, "integer": true,
            "decimals": 0, "grain": 1.0, "affix": null, "histogram": {"edges": [], "counts": []},
        });
        let columns = [column("town", "categorical", json!({"levels": levels})), column("age", "continuous", json!({"numeric": numeric}))];
        let mut profile = crate::testing::worker::profile();
        profile["columns"] = json!(columns);
        serde_json::from_value(profile).expect("a profile")
    }

    fn told(condition: &str) -> Vec<String> {
        problems(&[condition.to_owned()], &profile(), false)
            .iter()
            .map(|error| format!("{} {}", error.code(), error.helps().join(" ")))
            .collect()
    }

    #[test]
    fn what_may_be_drawn_passes() {
        for legal in ["town=Ulm", "town = Bern|Ulm", "town is missing", "age>=40", "age=20..30", "age<18.5", "age=77"] {
            assert!(told(legal).is_empty(), "{legal}: {:?}", told(legal));
        }
        assert!(problems(&["town=Cham".to_owned(), "age>99".to_owned()], &profile(), true).is_empty(), "rare values are shown");
    }

    #[test]
    fn what_no_row_is_is_refused_with_what_could_be_asked() {
        assert_eq!(told("town=Cham"), ["condition::value it is one of \"Ulm\", \"Bern\""]);
        assert_eq!(told("age>99"), ["condition::impossible it lies between 18 and 77"]);
        assert_eq!(told("agee=4"), ["condition::unknown_column did you mean \"age\"?"]);
        assert_eq!(told("nonsense").len(), 1);
    }
}
