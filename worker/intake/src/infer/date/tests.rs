//! Tests of `date.rs`.

use super::*;
use synthfleet_proto::calendar::Grain;

#[test]
fn every_form_is_found_and_read_again_by_its_format() {
    let cases = [
        ("2020-02-29", Order::Ymd, "%Y-%m-%d"),
        ("2020/2/9", Order::Ymd, "%Y/%-m/%-d"),
        ("29.02.2020", Order::Dmy, "%d.%m.%Y"),
        ("2/9/2020", Order::Mdy, "%-m/%-d/%Y"),
        ("31-12-99", Order::Dmy, "%d-%m-%y"),
        ("20200229", Order::Ymd, "%Y%m%d"),
        ("2020-02", Order::Ymd, "%Y-%m"),
        ("29 Feb 2020", Order::Ymd, "%d %b %Y"),
        ("29-February-2020", Order::Ymd, "%d-%B-%Y"),
        ("Feb 29, 2020", Order::Ymd, "%b %d, %Y"),
        ("Feb 2020", Order::Ymd, "%b %Y"),
        ("Feb-20", Order::Ymd, "%b-%y"),
        ("2020-02-29 13:45", Order::Ymd, "%Y-%m-%d %H:%M"),
        ("2020-02-29T13:45:01", Order::Ymd, "%Y-%m-%dT%H:%M:%S"),
        ("2020-02-29T13:45:01.123Z", Order::Ymd, "%Y-%m-%dT%H:%M:%S.%3fZ"),
        ("2020-02-29 13:45:01+02:00", Order::Ymd, "%Y-%m-%d %H:%M:%S%:z"),
        ("2/9/2020 1:45 PM", Order::Mdy, "%-m/%-d/%Y %-I:%M %p"),
        ("13:45:01", Order::Ymd, "%H:%M:%S"),
    ];
    for (cell, order, expected) in cases {
        let found = parse(cell).unwrap_or_else(|| panic!("{cell} is not found"));
        let made = format(found.shape, order, found.padding.date.0, found.padding.hour.0);
        assert_eq!(made, expected, "{cell}");
        assert_eq!(parse_as(cell, &made).map(|read| read.0), found.nanos(order), "{cell}");
        assert!(found.nanos(order).is_some(), "{cell}");
    }
}

#[test]
fn what_is_no_date_is_none() {
    for cell in ["", "12", "1.5", "1999.12", "2020-13", "v1.2.3.4", "12345", "1:2:3:4", "may", "Mayor 5", "10:75", "20-20-2020-1", "25:00"]
    {
        let nanos = parse(cell).and_then(|found| found.orders().iter().find_map(|&order| found.nanos(order)));
        assert_eq!(nanos, None, "{cell}");
    }
    assert!(parse("31.02.2020").is_some_and(|found| found.nanos(Order::Dmy).is_none()));
}

#[test]
fn the_grain_is_the_coarsest_that_loses_nothing() {
    let grain = |cell: &str| parse(cell).and_then(|found| found.nanos(Order::Ymd)).map(grain_of);
    assert_eq!(grain("2020-01-01"), Some(Grain::Year));
    assert_eq!(grain("2020-02-01"), Some(Grain::Month));
    assert_eq!(grain("2020-02-02"), Some(Grain::Day));
    assert_eq!(grain("2020-02-02 10:30"), Some(Grain::Minute));
    assert_eq!(grain("2020-02-02 10:30:00.5"), Some(Grain::Millisecond));
}

#[test]
fn two_digit_years_turn_at_69() {
    let year = |cell: &str| parse(cell).and_then(|found| found.nanos(Order::Dmy)).map(|nanos| Grain::Year.of_nanos(nanos) + 1970);
    assert_eq!((year("1/1/69"), year("1/1/68")), (Some(1969), Some(2068)));
}
