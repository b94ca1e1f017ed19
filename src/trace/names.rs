//! Short names for what a recording says in words: kinds of failure, deliveries, status texts. Written and read.

use crate::wsman::{Delivery, ExchangeErrorKind};

/// The recording ends in the middle of this message.
pub(crate) const PENDING: &str = "pending";
/// The message was sent once more, and the next entry has its answer.
pub(crate) const REPEATED: &str = "repeated";
const HTTP_STATUS: &str = "http-status-";

const KINDS: [(&str, ExchangeErrorKind); 12] = [
    ("resolve", ExchangeErrorKind::Resolve),
    ("connect", ExchangeErrorKind::Connect),
    ("tls", ExchangeErrorKind::Tls),
    ("login", ExchangeErrorKind::Login),
    ("scheme", ExchangeErrorKind::Scheme),
    ("session-expired", ExchangeErrorKind::SessionExpired),
    ("connection-lost", ExchangeErrorKind::ConnectionLost),
    ("timeout", ExchangeErrorKind::Timeout),
    ("protection", ExchangeErrorKind::Protection),
    ("too-large", ExchangeErrorKind::TooLarge),
    ("configuration", ExchangeErrorKind::Configuration),
    ("other", ExchangeErrorKind::Other),
];

/// The name of a kind of failure.
pub(crate) fn kind(kind: ExchangeErrorKind) -> String {
    if let ExchangeErrorKind::HttpStatus(status) = kind {
        return format!("{HTTP_STATUS}{status}");
    }
    KINDS.iter().find(|(_, known)| *known == kind).map_or("other", |(name, _)| name).to_owned()
}

/// The kind of failure of this name.
pub(crate) fn kind_named(name: &str) -> ExchangeErrorKind {
    if let Some(status) = name.strip_prefix(HTTP_STATUS).and_then(|status| status.parse().ok()) {
        return ExchangeErrorKind::HttpStatus(status);
    }
    // A recording that ends in the middle of a message knows as much of it as a lost connection does.
    let name = if name == PENDING { "connection-lost" } else { name };
    KINDS.iter().find(|(known, _)| *known == name).map_or(ExchangeErrorKind::Other, |(_, kind)| *kind)
}

/// The name of a delivery.
pub(crate) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::NotSent => "not-sent",
        Delivery::Unknown => "unknown",
        Delivery::Answered => "answered",
    }
}

/// The delivery of this name. What is not known is not known.
pub(crate) fn delivery_named(name: &str) -> Delivery {
    [Delivery::NotSent, Delivery::Answered]
        .into_iter()
        .find(|known| delivery(*known) == name)
        .unwrap_or(Delivery::Unknown)
}

/// The words of an HTTP status.
pub(crate) fn status_text(status: u16) -> &'static str {
    match status {
        0 => "",
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (_, known) in KINDS {
            assert_eq!(kind_named(&kind(known)), known);
        }
        assert_eq!(kind_named(&kind(ExchangeErrorKind::HttpStatus(413))), ExchangeErrorKind::HttpStatus(413));
        assert_eq!(
            (kind_named("new"), kind_named(PENDING)),
            (ExchangeErrorKind::Other, ExchangeErrorKind::ConnectionLost)
        );
        for known in [Delivery::NotSent, Delivery::Unknown, Delivery::Answered] {
            assert_eq!(delivery_named(delivery(known)), known);
        }
    }
}
