//! The golden pairs themselves.

use crate::support::{PAIRS, load};

#[test]
fn every_golden_pair_loads_under_one_description() {
    for pair in PAIRS {
        let golden = load(pair);
        let rows = &golden.expected["rows"];
        assert_eq!(golden.real.rows() as u64, rows["real"].as_u64().expect("rows"), "{pair}");
        assert_eq!(golden.synthetic.rows() as u64, rows["synthetic"].as_u64().expect("rows"), "{pair}");
        assert_eq!(golden.holdout.rows() as u64, rows["holdout"].as_u64().unwrap_or(0), "{pair}");
    }
}
