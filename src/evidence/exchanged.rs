//! One message and its answer, as a judge sees them.

use std::sync::Arc;

use crate::cim::InstanceView;
use crate::wsman::{Content, Decoded, Fault, Filter, Item, Request, RequestBody, ResourceUri};

/// A request and what came of it, out of a recording or straight from the wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Exchanged {
    /// The number by which whoever reads the verdict finds it.
    pub number: u64,
    /// HTTP status; 0 where none came.
    pub status: u16,
    /// Why there is no usable answer.
    pub failure: Option<String>,
    request: Option<Arc<Request>>,
    reply: Option<Arc<Decoded>>,
}

impl Exchanged {
    /// Reads both messages; one that cannot be read counts as none.
    pub fn new(number: u64, request: &[u8], status: u16, reply: &[u8], failure: Option<&str>) -> Exchanged {
        let reply = Decoded::read(reply).ok().map(Arc::new);
        let unreadable =
            || reply.is_none().then(|| format!("an answer that is no SOAP message (HTTP status {status})"));
        Exchanged {
            number,
            status,
            failure: failure.map(str::to_owned).or_else(unreadable),
            request: Request::read(request).ok().map(Arc::new),
            reply,
        }
    }

    /// The request.
    pub(super) fn request(&self) -> Option<&Request> {
        self.request.as_deref()
    }

    /// What the body of the answer is.
    pub(super) fn content(&self) -> Option<Content<'_>> {
        self.reply.as_ref().map(|reply| reply.content())
    }

    /// The answer as a document.
    pub(super) fn reply(&self) -> Option<&Decoded> {
        self.reply.as_deref()
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        match self.content()? {
            Content::Fault(fault) => Some(*fault),
            _ => None,
        }
    }

    /// The method, where the request calls one.
    pub(super) fn method(&self) -> Option<&str> {
        match &self.request()?.body {
            RequestBody::Invoke { method } => Some(method),
            _ => None,
        }
    }

    /// The class that the request is about; `*` for all.
    pub(super) fn class(&self) -> &str {
        let resource = self.request().and_then(|request| request.header.resource.as_ref());
        resource.map_or("", ResourceUri::last_segment)
    }

    /// The text of the query, where the request is one.
    pub(super) fn query(&self) -> Option<&str> {
        match &self.request()?.body {
            RequestBody::Enumerate { filter: Some(Filter::Text { text, .. }), .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_get(&self) -> bool {
        matches!(self.request().map(|request| &request.body), Some(RequestBody::Get))
    }

    /// The language that was asked for.
    pub(super) fn language(&self) -> Option<&str> {
        self.request()?.header.locale.as_deref()
    }

    /// The instances of a page, or the one that a Get brought.
    pub(super) fn instances(&self) -> Vec<InstanceView<'_>> {
        match self.content() {
            Some(Content::Items { items, .. }) => {
                items.into_iter().filter_map(|item: Item<'_>| item.instance).collect()
            }
            Some(Content::Instance(instance)) => vec![instance],
            _ => Vec::new(),
        }
    }

    /// Whether a page came, with or without items.
    pub(super) fn is_page(&self) -> bool {
        matches!(self.content(), Some(Content::Items { .. }))
    }

    /// The parameters that a method gave back.
    pub(super) fn output(&self) -> Option<InstanceView<'_>> {
        match self.content()? {
            Content::Output { parameters, .. } => Some(parameters),
            _ => None,
        }
    }

    pub(super) fn return_value(&self) -> Option<u32> {
        self.output()?.number::<u32>("ReturnValue").ok()?.into_option()
    }
}

/// Why the messages settle nothing, where the host said so: the account may not, or no answer came.
pub(super) fn obstacle(messages: &[Exchanged]) -> Option<String> {
    let denied = messages.iter().find(|message| message.fault().is_some_and(|fault| fault.is_access_denied()));
    if let Some(denied) = denied {
        return Some(format!("the account may not ask that: access denied (entry {})", denied.number));
    }
    let failed = messages.iter().rev().find(|message| message.failure.is_some())?;
    Some(format!("no answer: {} (entry {})", failed.failure.as_deref().unwrap_or(""), failed.number))
}

/// A fault in few words: subcode and number.
pub(super) fn words(fault: &Fault) -> String {
    let subcode = fault.soap.subcode.as_ref().map_or_else(|| fault.soap.code.to_string(), |(_, local)| local.clone());
    match fault.code() {
        Some(code) => format!("{subcode} (0x{code:08x})"),
        None => subcode,
    }
}
