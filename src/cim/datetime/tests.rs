use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn point(text: &str) -> Datetime {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn interval(text: &str) -> Interval {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_hosts_write_is_written_back_unchanged() {
    for text in [
        "2026-10-08T15:15:36.68424Z",
        "2026-11-23T04:15:02.5Z",
        "2026-10-08T15:15:36Z",
        "1601-01-01T00:00:00Z",
        "2026-10-08T15:15:36.1234567+02:00",
        "2026-10-08T15:15:36-09:30",
        "9999-12-31T23:59:59.9999999Z",
        "2028-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ] {
        assert_eq!(point(text).to_iso().as_deref(), Some(text));
        assert_eq!(CimDatetime::from_iso(text).unwrap().to_string(), text);
    }
    for text in ["P0DT0H5M0S", "P0DT0H0M1.00417S", "P0DT0H0M3.25S", "P99999999DT23H59M59.999999S"] {
        assert_eq!(interval(text).to_iso().as_deref(), Some(text));
        assert_eq!(CimDatetime::from_iso(text).unwrap().to_string(), text);
    }
}

#[test]
fn both_spellings_name_one_value() {
    for (iso, dmtf) in [
        ("2026-10-08T15:15:36.68424Z", "20261008151536.684240+000"),
        ("2026-10-08T17:15:36.68424+02:00", "20261008171536.684240+120"),
        ("2026-10-08T05:15:36-07:00", "20261008051536.000000-420"),
    ] {
        assert_eq!(point(iso), point(dmtf));
        assert_eq!(point(iso).to_dmtf(), dmtf);
        assert_eq!(point(dmtf).to_iso().as_deref(), Some(iso));
    }
    for (iso, dmtf) in [
        ("P0DT0H30M0S", "00000000003000.000000:000"),
        ("P0DT0H5M0S", "00000000000500.000000:000"),
        ("P3DT4H5M6.5S", "00000003040506.500000:000"),
    ] {
        assert_eq!(interval(iso), interval(dmtf));
        assert_eq!(interval(iso).to_dmtf(), dmtf);
        assert_eq!(interval(dmtf).to_iso().as_deref(), Some(iso));
    }
    assert!(matches!("00000000003000.000000:000".parse(), Ok(CimDatetime::Interval(_))));
    assert!(matches!("20261008151536.684240+000".parse(), Ok(CimDatetime::Point(_))));
    // As long as a DMTF date, and not one.
    assert!(matches!("2026-10-08T15:15:36+02:00".parse(), Ok(CimDatetime::Point(_))));
}

#[test]
fn shorter_forms_are_understood() {
    assert_eq!(point("2026-10-08T15:15:36"), point("2026-10-08T15:15:36Z"));
    assert_eq!(point(" 2026-10-08T15:15:36Z\n"), point("2026-10-08T15:15:36Z"));
    assert_eq!(point("2026-10-08T15:15:36.1234567891234Z"), point("2026-10-08T15:15:36.123456789Z"));
    assert_eq!(interval("PT90S"), interval("P0DT0H1M30S"));
    assert_eq!(interval("P0Y0M1D"), interval("PT24H"));
    assert_eq!(interval("PT0.5S").to_duration(), Some(Duration::from_millis(500)));
}

#[test]
fn wildcards_are_kept_and_make_no_instant() {
    for text in [
        "20261008151536.684***+000",
        "20261008151536.******+000",
        "202610081515**.******+000",
        "2026**********.******+000",
        "********143000.000000-420",
        "**************.******+***",
        "20261008151536.684240+***",
    ] {
        let date = point(text);
        assert!(date.has_wildcards());
        assert_eq!(date.to_dmtf(), text);
        assert_eq!(date.to_string(), text);
        assert_eq!((date.to_iso(), date.to_unix(), date.to_system_time()), (None, None, None));
        assert_eq!(date, point(text));
        assert_eq!(date.partial_cmp(&Datetime::NEVER), None);
        assert_ne!(date, Datetime::NEVER);
    }
    for text in ["********030000.000000:000", "000000010203**.******:000", "00000001020304.5*****:000"] {
        let span = interval(text);
        assert!(span.has_wildcards());
        assert_eq!((span.to_dmtf(), span.to_iso(), span.to_duration()), (text.to_owned(), None, None));
    }
    for bad in [
        "20261*08151536.684240+000",
        "20261008151536.6*4240+000",
        "202610081515*6.684240+000",
        "20261308******.******+000",
    ] {
        assert!(bad.parse::<CimDatetime>().is_err(), "{bad}");
    }
}

#[test]
fn order_and_equality_are_those_of_the_instant() {
    let utc = point("2026-10-08T15:15:36Z");
    let east = point("2026-10-08T17:15:36+02:00");
    assert_eq!(utc, east);
    assert_eq!(east.offset_minutes(), Some(120));
    assert!(HashSet::from([utc]).contains(&east));
    assert!(point("2026-10-08T15:15:36.000001Z") > east);
    assert_eq!(point("2026-10-08T15:20:36.5Z").duration_since(&east), Some(Duration::new(300, 500_000_000)));
    assert_eq!(east.duration_since(&point("2026-10-08T15:15:37Z")), None);
    assert!(interval("PT59S") < interval("PT1M"));
}

#[test]
fn never_is_1601_in_any_spelling() {
    for text in ["1601-01-01T00:00:00Z", "1601-01-01T02:00:00+02:00", "16010101000000.000000+000"] {
        assert!(point(text).is_never(), "{text}");
    }
    assert!(Datetime::NEVER.is_never());
    assert_eq!(Datetime::NEVER.to_unix(), Some((-11_644_473_600, 0)));
    assert!(!point("1601-01-01T00:00:00.000001Z").is_never());
    assert!(!point("1601-01-01T00:00:00+02:00").is_never());
}

#[test]
fn unix_time_goes_both_ways() {
    let date = point("2026-10-08T15:15:36.68424Z");
    assert_eq!(date.to_unix(), Some((1_791_472_536, 684_240)));
    assert_eq!(Datetime::from_unix(1_791_472_536, 684_240_000), Some(date));
    assert_eq!(Datetime::try_from(date.to_system_time().unwrap()), Ok(date));
    assert_eq!(date.to_timestamp().unwrap().to_string(), "2026-10-08T15:15:36.68424Z");
    let before = point("1969-12-31T23:59:59.25Z");
    assert_eq!(before.to_unix(), Some((-1, 250_000)));
    assert_eq!(Datetime::try_from(before.to_system_time().unwrap()), Ok(before));
    assert_eq!(Datetime::from_unix(i64::MAX, 0), None);
    assert_eq!(Datetime::from_unix(i64::MIN, 0), None);
    assert_eq!(Datetime::from_unix(0, 1_000_000_000), None);
    // The last day of the calendar is more than a jiff timestamp holds, and Windows writes it for "for ever".
    assert_eq!(point("9999-12-31T23:59:59Z").to_unix(), Some((253_402_300_799, 0)));
    assert_eq!(point("9999-12-31T23:59:59Z").to_timestamp(), None);
}

#[test]
fn negative_values_are_refused_by_name() {
    for text in ["-0001-01-01T00:00:00Z", "-P0DT0H5M0S", "-PT1S"] {
        let error = text.parse::<CimDatetime>().unwrap_err();
        assert!(matches!(error, DatetimeError::Negative { .. }), "{text}: {error}");
    }
}

#[test]
fn errors_say_what_and_where() {
    for (text, message) in [
        ("2026-10-08", r#""2026-10-08" is not a CIM date: expected `T` at position 11"#),
        ("2026-10-08 15:15:36", r#""2026-10-08 15:15:36" is not a CIM date: expected `T` at position 11"#),
        ("2026-13-08T15:15:36Z", r#""2026-13-08T15:15:36Z" is not a CIM date: the day or month is out of range"#),
        ("P0DT0H5M0", r#""P0DT0H5M0" is not a CIM interval: expected `H`, `M` or `S` at position 10"#),
        ("P1Y", r#""P1Y" is not a CIM interval: a number of years or months is out of range"#),
        ("", r#""" is not a CIM date: expected a year of four digits at position 1"#),
    ] {
        assert_eq!(text.parse::<CimDatetime>().unwrap_err().to_string(), message);
    }
}

#[test]
fn what_is_not_a_date_is_refused() {
    for bad in [
        "2026-02-29T00:00:00Z",
        "2026-10-08T24:00:00Z",
        "2026-10-08T15:60:36Z",
        "2026-10-08T15:15:61Z",
        "2026-10-08T15:15:36.Z",
        "2026-10-08T15:15:36z",
        "2026-10-08T15:15:36+2:00",
        "2026-10-08T15:15:36+17:00",
        "2026-10-08T15:15:36+02:60",
        "12026-10-08T15:15:36Z",
        "+2026-10-08T15:15:36Z",
        "2026-10-08T15:15:36ZZ",
        "２０２６-10-08T15:15:36Z",
        "****-10-08T15:15:36Z",
        "20260230151536.684240+000",
        "20261008151536.684240 000",
        "20261008151536,684240+000",
        "00000000240000.000000:000",
        "00000000006000.000000:000",
        "00000000003000.000000:001",
        "P",
        "PT",
        "P1DT",
        "P1H",
        "PT1D",
        "PT1M1H",
        "PT1S1S",
        "PT1.5M",
        "P1.5D",
        "P1W",
        "P100000000D",
        "P18446744073709551615D",
        "P99999999999999999999D",
        "PT5",
        "PTS",
    ] {
        assert!(bad.parse::<CimDatetime>().is_err(), "{bad}");
    }
    assert!(matches!("9".repeat(10_000).parse::<Datetime>(), Err(DatetimeError::TooLong { length: 10_000 })));
}

#[test]
fn durations_become_intervals() {
    let span = Interval::try_from(Duration::from_secs(300)).unwrap();
    assert_eq!(span.to_dmtf(), "00000000000500.000000:000");
    assert!(Interval::try_from(Duration::MAX).is_err());
    assert_eq!(Interval::ZERO.to_iso().as_deref(), Some("P0DT0H0M0S"));
}

proptest! {
    #![proptest_config(crate::properties::config())]
    #[test]
    fn any_instant_round_trips(seconds in -62_167_219_200_i64..=253_402_300_799, micros in 0_u32..1_000_000) {
        let date = Datetime::from_unix(seconds, micros * 1000).unwrap();
        prop_assert_eq!(date.to_unix(), Some((seconds, micros)));
        prop_assert_eq!(Datetime::from_dmtf(&date.to_dmtf()), Ok(date));
        prop_assert_eq!(Datetime::from_iso(&date.to_iso().unwrap()), Ok(date));
        prop_assert_eq!(date.to_string().parse::<CimDatetime>(), Ok(CimDatetime::Point(date)));
    }

    #[test]
    fn any_offset_round_trips(offset in -999_i16..=999, second in 0_u32..60) {
        let dmtf = format!("202610081515{second:02}.000000{}{:03}", if offset < 0 { '-' } else { '+' }, offset.abs());
        let date = Datetime::from_dmtf(&dmtf).unwrap();
        prop_assert_eq!(date.offset_minutes(), Some(offset));
        prop_assert_eq!(date.to_dmtf(), dmtf);
        prop_assert_eq!(Datetime::from_iso(&date.to_iso().unwrap()).unwrap().offset_minutes(), Some(offset));
    }

    #[test]
    fn any_interval_round_trips(seconds in 0_u64..8_640_000_000_000, micros in 0_u32..1_000_000) {
        let span = Interval::try_from(Duration::new(seconds, micros * 1000)).unwrap();
        prop_assert_eq!(Interval::from_dmtf(&span.to_dmtf()), Ok(span));
        prop_assert_eq!(Interval::from_iso(&span.to_iso().unwrap()), Ok(span));
    }

    #[test]
    fn hostile_text_never_panics(text in "\\PC{0,40}", near in "[-P0-9TDHMSYZ:.*+]{0,30}", dmtf in "[0-9*]{14}\\.[0-9*]{6}[-+:][0-9*]{3}") {
        for text in [text, near, dmtf] {
            for parsed in [text.parse(), CimDatetime::from_iso(&text), CimDatetime::from_dmtf(&text)].into_iter().flatten() {
                let parsed: CimDatetime = parsed;
                let again = parsed.to_string().parse::<CimDatetime>();
                prop_assert_eq!(again, Ok(parsed), "{}", text);
                prop_assert_eq!(parsed.to_dmtf().len(), DMTF_LENGTH);
            }
        }
    }
}
