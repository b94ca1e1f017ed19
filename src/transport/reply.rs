//! Tells replies from failures, by status, media type and seal alone.

use super::wire::Answer;
use crate::auth::{PartHeaders, SecurityContext, is_sealed, unseal_message};
use crate::wsman::{Delivery, ExchangeError, ExchangeErrorKind, Reply};

/// The keys of a login over plain HTTP, and how its server wants part headers written.
pub(super) struct Seal {
    pub(super) context: SecurityContext,
    pub(super) style: PartHeaders,
}

/// Reads the answer to a message that went out in clear, inside TLS. A 401 is not for this function.
pub(super) fn read_clear(answer: Answer, authority: &str) -> Result<Reply, ExchangeError> {
    if is_success(answer.status) || (answer.status >= 400 && is_soap(answer.content_type.as_deref())) {
        return Ok(Reply { status: answer.status, content_type: answer.content_type, bytes: answer.body });
    }
    Err(bare_status(answer.status, authority, true))
}

/// Opens the answer to a sealed message. A clear answer is refused, as someone in between could have
/// made it; an error status without SOAP is told as what it is, and proves nothing.
pub(super) fn read_sealed(answer: Answer, seal: &mut Seal, authority: &str) -> Result<Reply, ExchangeError> {
    let protection = |text: String| ExchangeError::new(ExchangeErrorKind::Protection, Delivery::Unknown, text);
    let content_type = answer.content_type.as_deref().unwrap_or_default();
    if is_sealed(content_type) {
        let opened = unseal_message(&mut seal.context, content_type, &answer.body);
        let bytes = opened.map_err(|error| {
            protection(format!("the reply of {authority} cannot be opened: {error}")).with_source(error)
        })?;
        tracing::debug!(sealed = answer.body.len(), plain = bytes.len(), "reply opened");
        // The media type of what was inside; sealing is defined for SOAP alone (MS-WSMV 2.2.9.1.1.2.1).
        return Ok(Reply { status: answer.status, content_type: Some(SOAP.to_owned()), bytes });
    }
    if answer.status >= 300 && !is_soap(Some(content_type)) {
        return Err(bare_status(answer.status, authority, false));
    }
    Err(protection(format!(
        "{authority} answers a sealed request with an unsealed reply (status {}), which is not to be believed; use https, \
         or find out what is in between",
        answer.status
    )))
}

/// What a status without SOAP means.
pub(super) fn status_text(status: u16, authority: &str, tls: bool) -> String {
    match status {
        300..=399 => format!("{authority} answers with a redirect ({status}), which is not followed; check the URL"),
        403 => format!("{authority} forbids access to this address (403)"),
        404 => format!("{authority} has no WS-Management service at this path (404); check the URL"),
        405 => format!("{authority} takes no POST here (405): this is not a WS-Management listener"),
        407 => format!("a proxy before {authority} asks for a login (407)"),
        413 => format!("{authority} refuses the request as too large (413)"),
        500 if !tls => format!(
            "{authority} failed without saying why (500); over plain HTTP a host does so when it refuses unencrypted \
             traffic or cannot open the seal"
        ),
        503 => format!(
            "{authority} is up, its WS-Management service is not available (503): stopped, starting or overloaded"
        ),
        other => format!("{authority} answers with HTTP status {other} and no WS-Management message"),
    }
}

/// The error for a status that carries no SOAP, in answer to a request that carried a message. Whatever its number: a
/// proxy may give it after the host has acted, and over plain HTTP anybody on the way may write it.
fn bare_status(status: u16, authority: &str, tls: bool) -> ExchangeError {
    let text = status_text(status, authority, tls);
    ExchangeError::new(ExchangeErrorKind::HttpStatus(status), Delivery::Unknown, text)
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn is_soap(content_type: Option<&str>) -> bool {
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    SOAP_TYPES.iter().any(|soap| soap.eq_ignore_ascii_case(media_type))
}

const SOAP: &str = "application/soap+xml";
const SOAP_TYPES: [&str; 2] = [SOAP, "text/xml"];

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str) -> Answer {
        Answer {
            status,
            content_type: Some(content_type.to_owned()),
            offers: Vec::new(),
            from_http_sys: true,
            closes: false,
            body: b"body".to_vec(),
        }
    }

    #[test]
    fn clear_answers() {
        let soap = "Application/SOAP+xml; charset=utf-8";
        for (status, content_type) in
            [(200, soap), (200, "text/plain"), (400, soap), (500, soap), (500, "text/xml"), (404, soap)]
        {
            assert_eq!(read_clear(answer(status, content_type), "hv").unwrap().status, status);
        }
        for status in [302, 400, 401, 403, 404, 405, 407, 408, 413, 429, 500, 502, 503, 504] {
            let error = read_clear(answer(status, "text/html"), "hv").unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ExchangeErrorKind::HttpStatus(status), Delivery::Unknown));
            assert!(error.to_string().contains("hv"), "{error}");
        }
    }

    #[test]
    fn the_hint_at_unencrypted_traffic_is_for_plain_http_only() {
        assert!(bare_status(500, "hv", false).to_string().contains("unencrypted"));
        assert!(!bare_status(500, "hv", true).to_string().contains("unencrypted"));
    }
}
