//! What somebody on the path answers in place of the host: any status with any page.

use serde::Deserialize;

use crate::cim::Value;
use crate::simulator::refusal::Refusal;
use crate::simulator::scenario::Dialect;
use crate::simulator::text::Language;
use crate::wsman::{Request, RequestBody, ResponseContext, invoke, write_property};

use super::FaultName;

/// The page of an answer that is not the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// No body.
    Empty,
    /// A page for people.
    Html,
    /// A SOAP fault.
    Fault {
        /// Which one.
        name: FaultName,
        /// Which message it says it answers.
        relates: Relates,
    },
    /// The answer that a host would give that has done it: ReturnValue 0 of a method; of a request that only reads, what
    /// the host shows.
    Success {
        /// Which message it says it answers.
        relates: Relates,
    },
}

/// Which message a forged answer says it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relates {
    /// The request.
    #[default]
    This,
    /// Another one.
    Other,
    /// It does not say.
    Nothing,
}

impl Relates {
    /// The RelatesTo of an answer to this message; empty for none.
    pub(in crate::simulator) fn to(self, message_id: &str) -> &str {
        match self {
            Relates::This => message_id,
            Relates::Other => "uuid:00000000-0000-0000-0000-000000000000",
            Relates::Nothing => "",
        }
    }
}

/// A page as bytes.
#[derive(Debug)]
pub(in crate::simulator) struct Swapped {
    pub(in crate::simulator) status: u16,
    pub(in crate::simulator) content_type: Option<&'static str>,
    pub(in crate::simulator) body: Vec<u8>,
}

impl Page {
    /// Which message it says it answers.
    pub(in crate::simulator) fn relates(self) -> Relates {
        match self {
            Page::Empty | Page::Html => Relates::This,
            Page::Fault { relates, .. } | Page::Success { relates } => relates,
        }
    }

    /// Whether it shows what a request that only reads would be answered with.
    pub(in crate::simulator) fn shows_answer(self, request: &Request) -> bool {
        matches!(self, Page::Success { .. }) && !matches!(request.body, RequestBody::Invoke { .. })
    }

    /// The page; `answer` is the host's own answer, where it is shown.
    pub(in crate::simulator) fn write(
        self,
        status: u16,
        request: &Request,
        answer: Vec<u8>,
        context: &ResponseContext<'_>,
        (dialect, language): (Dialect, Language),
    ) -> Swapped {
        let soap = |body| Swapped { status, content_type: Some("application/soap+xml;charset=UTF-8"), body };
        match self {
            Page::Empty => Swapped { status, content_type: None, body: Vec::new() },
            Page::Html => {
                let text = format!("<html><body><h1>{status}</h1><p>Simulated: not from the host.</p></body></html>");
                Swapped { status, content_type: Some("text/html"), body: text.into_bytes() }
            }
            Page::Fault { name, .. } => {
                soap(Refusal::named(name).write(context, dialect, language).unwrap_or_default())
            }
            Page::Success { .. } => soap(match (&request.body, &request.header.resource) {
                (RequestBody::Invoke { method }, Some(class)) => {
                    let value = Value::uint32(0);
                    let forged = invoke::write_response(context, class, method, |writer| {
                        write_property(writer, "p", "ReturnValue", Some(&value));
                    });
                    forged.unwrap_or_default()
                }
                _ => answer,
            }),
        }
    }
}
