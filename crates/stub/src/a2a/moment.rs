//! Points in time as the real server's validation takes them: ISO texts, dates, and Unix times in seconds or
//! milliseconds.
//!
//! It must not know what they stand for, nor what time it is.

use speedate::{
    Date, DateTime, DateTimeConfig, MicrosecondsPrecisionOverflowBehavior as Overflow, ParseError, Time,
    TimeConfig,
};

use super::problem::Kind;
use crate::json::Json;

/// A point in time, or a reading of a clock whose zone is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(DateTime);

impl Moment {
    pub(crate) fn read(value: &Json) -> Result<Self, Kind> {
        let time_config = TimeConfig::builder()
            .unix_timestamp_offset(Some(0))
            .microseconds_precision_overflow_behavior(Overflow::Truncate);
        let config = DateTimeConfig { time_config: time_config.build(), ..DateTimeConfig::default() };
        let wrong = |error| Kind::WrongTime(reason(&error));
        let from_float = |float| DateTime::from_float_with_config(float, &config).map_err(wrong);
        let moment = match value {
            // What does not fit 64 bits goes through a float, as long as it fits that.
            Json::Int(digits) => match (digits.parse(), digits.parse()) {
                (Ok(number), _) => DateTime::from_timestamp_with_config(number, 0, &config).map_err(wrong)?,
                (Err(_), Ok(float)) if f64::is_finite(float) => from_float(float)?,
                _ => return Err(Kind::NotTime),
            },
            Json::Float(float) if float.is_nan() => return Err(Kind::WrongTime("NaN values not permitted")),
            Json::Float(float) => from_float(*float)?,
            Json::Text(text) => match DateTime::parse_bytes_with_config(text.bytes(), &config) {
                Ok(moment) => moment,
                Err(_) => midnight(Date::parse_bytes(text.bytes()).map_err(|e| Kind::WrongDate(reason(&e)))?),
            },
            Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => return Err(Kind::NotTime),
        };
        if moment.date.year == 0 { Err(Kind::WrongTime("year 0 is out of range")) } else { Ok(Self(moment)) }
    }

    /// Microseconds since the Unix epoch, if the zone is known.
    pub(crate) fn unix_us(self) -> Option<i64> {
        self.0.time.tz_offset.map(|_| self.0.timestamp_tz() * 1_000_000 + i64::from(self.0.time.microsecond))
    }

    /// The same reading of a clock in UTC, if its zone is not told.
    pub(crate) fn or_utc(self) -> Self {
        let mut moment = self.0;
        moment.time.tz_offset = moment.time.tz_offset.or(Some(0));
        Self(moment)
    }

    /// As Python's `isoformat` writes it: `+00:00` and never `Z`.
    pub(crate) fn python_iso(self) -> String {
        let text = self.0.to_string();
        match text.strip_suffix('Z') {
            Some(text) => format!("{text}+00:00"),
            None => text,
        }
    }

    /// As events write it: `Z` for UTC.
    pub(crate) fn event_iso(self) -> String {
        self.0.to_string()
    }
}

fn midnight(date: Date) -> DateTime {
    DateTime { date, time: Time { hour: 0, minute: 0, second: 0, microsecond: 0, tz_offset: None } }
}

/// The reason as the library that the real server uses words it.
const fn reason(error: &ParseError) -> &'static str {
    match error {
        ParseError::TooShort => "input is too short",
        ParseError::ExtraCharacters => "unexpected extra characters at the end of the input",
        ParseError::InvalidCharDateSep => "invalid date separator, expected `-`",
        ParseError::DateNotExact => "Timestamp is not an exact date",
        ParseError::InvalidCharYear => "invalid character in year",
        ParseError::InvalidCharMonth => "invalid character in month",
        ParseError::InvalidCharDay => "invalid character in day",
        ParseError::OutOfRangeMonth => "month value is outside expected range of 1-12",
        ParseError::OutOfRangeDay => "day value is outside expected range",
        ParseError::DateTooSmall => "dates before 0000 are not supported as unix timestamps",
        ParseError::DateTooLarge => "dates after 9999 are not supported as unix timestamps",
        ParseError::TimeTooLarge => "numeric times may not exceed 86,399 seconds",
        // All that concerns times of day: such a text is read once more, as a date, and fails with the above.
        _ => "invalid datetime",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn what_is_a_time() {
        let early = "dates before 0000 are not supported as unix timestamps";
        for (text, expected) in [
            (r#""2026-11-23T09:28:44Z""#, Ok("2026-11-23T09:28:44+00:00 1795426124000000")),
            (
                r#""2026-11-23_11:28:44.1234567+02:00""#,
                Ok("2026-11-23T11:28:44.123456+02:00 1795426124123456"),
            ),
            (r#""2026-11-23T09:28:44\u221205:30""#, Ok("2026-11-23T09:28:44-05:30 1795445924000000")),
            (r#""2026-11-23 09:28""#, Ok("2026-11-23T09:28:00 naive")),
            (r#""2026-11-23""#, Ok("2026-11-23T00:00:00 naive")),
            (r#""20261123""#, Ok("1970-08-23T12:05:23+00:00 20261123000000")),
            (r#""-1.5""#, Ok("1969-12-31T23:59:58.500000+00:00 -1500000")),
            ("1795426124", Ok("2026-11-23T09:28:44+00:00 1795426124000000")),
            ("1795426124.9999999", Ok("2026-11-23T09:28:45+00:00 1795426125000000")),
            ("1795426124123.5", Ok("2026-11-23T09:28:44.123500+00:00 1795426124123500")),
            ("-0.5", Ok("1969-12-31T23:59:59.500000+00:00 -500000")),
            ("1e16", Err(Kind::WrongTime("dates after 9999 are not supported as unix timestamps"))),
            ("-99999999999999999999", Err(Kind::WrongTime(early))),
            (r#""0000-01-01T00:00:00Z""#, Err(Kind::WrongTime("year 0 is out of range"))),
            (r#""2026-02-30""#, Err(Kind::WrongDate("day value is outside expected range"))),
            (
                r#""2026-11-23T24:00:00Z""#,
                Err(Kind::WrongDate("unexpected extra characters at the end of the input")),
            ),
            (r#""yesterday""#, Err(Kind::WrongDate("input is too short"))),
            ("NaN", Err(Kind::WrongTime("NaN values not permitted"))),
            (&"9".repeat(400), Err(Kind::NotTime)),
            ("true", Err(Kind::NotTime)),
            ("{}", Err(Kind::NotTime)),
        ] {
            let read = Moment::read(&parse(text.as_bytes()).expect(text));
            let shown = read.map(|moment| {
                let unix_us = moment.unix_us().map_or("naive".to_owned(), |us| us.to_string());
                format!("{} {unix_us}", moment.python_iso())
            });
            assert_eq!(shown.as_deref(), expected.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn events_write_utc_in_one_letter() {
        let read =
            |text: &str| Moment::read(&Json::Text(crate::json::Text::Whole(text.to_owned()))).expect(text);
        assert_eq!(read("2026-11-23T09:28:44.5Z").event_iso(), "2026-11-23T09:28:44.500000Z");
        assert_eq!(read("2026-11-23T09:28:44+02:00").event_iso(), "2026-11-23T09:28:44+02:00");
        assert_eq!(read("2026-11-23T09:28:44").or_utc().unix_us(), Some(1_795_426_124_000_000));
    }
}
