//! What requests and responses have in common: headers written by a client, read and checked by a host.

use super::enumerate::{EnumerationMode, PolymorphismMode, parts};
use super::error::ReplyError;
use super::extra::{Extra, ResourceOption};
use super::fault::Fault;
use super::filter::Filter;
use super::fragment::Fragment;
use super::limits::{Limits, Timeouts, xs_duration};
use super::resource::ResourceUri;
use super::selector::SelectorSet;
use super::{create, delete, enumerate, get, pull, put, release, renew, subscribe, unsubscribe};
use crate::soap::{ANONYMOUS, Envelope, EnvelopeWriter, Header};
use crate::xml::{Document, Element, ns};

/// What a writer needs from outside: ids, address, limits.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a> {
    /// `uuid:…`, new for each message.
    pub message_id: &'a str,
    /// The URL dialled.
    pub to: &'a str,
    /// Sizes.
    pub limits: &'a Limits,
    /// Times.
    pub timeouts: Timeouts,
    /// Language asked for in texts; the host may not obey.
    pub locale: Option<&'a str>,
    /// Options and header blocks besides.
    pub extra: Option<&'a Extra>,
}

/// What the headers of one request say, besides what [`RequestContext`] knows.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub(super) action: &'a str,
    /// Another receiver than the URL dialled.
    pub(super) to: Option<&'a str>,
    pub(super) resource: Option<&'a ResourceUri>,
    pub(super) selectors: &'a SelectorSet,
    /// Prefixes that the body needs besides the common ones.
    pub(super) prefixes: &'a [&'a str],
}

impl<'a> Head<'a> {
    /// An action on a resource.
    pub fn new(action: &'a str, resource: &'a ResourceUri, selectors: &'a SelectorSet) -> Self {
        Head { action, to: None, resource: Some(resource), selectors, prefixes: &[] }
    }

    /// With prefixes of the table in [`ns::PREFIXES`] declared on the envelope, besides `s`, `a` and `w`.
    #[must_use]
    pub fn using(self, prefixes: &'a [&'a str]) -> Self {
        Head { prefixes, ..self }
    }
}

impl RequestContext<'_> {
    /// An envelope with the headers of every request, in the order that all known servers take
    /// (OMI wants ResourceURI before SelectorSet). For operations of your own: see [`Operation`](super::Operation).
    pub fn envelope(&self, head: Head<'_>) -> EnvelopeWriter {
        let mut prefixes = head.prefixes.to_vec();
        if self.locale.is_some() {
            prefixes.push("pm");
        }
        let mut envelope = EnvelopeWriter::new(&prefixes);
        envelope.header("a", "To", Header::Must, head.to.unwrap_or(self.to));
        if let Some(resource) = head.resource {
            envelope.header("w", "ResourceURI", Header::Must, resource.as_str());
        }
        envelope
            .reply_to_anonymous()
            .header("a", "Action", Header::Must, head.action)
            .header("w", "MaxEnvelopeSize", Header::Must, &self.limits.max_envelope_size.to_string())
            .header("a", "MessageID", Header::Plain, self.message_id);
        if let Some(locale) = self.locale {
            envelope.language("w", "Locale", locale).language("pm", "DataLocale", locale);
        }
        envelope.header("w", "OperationTimeout", Header::Plain, &xs_duration(self.timeouts.operation()));
        envelope.blocks(|writer| head.selectors.write(writer));
        if let Some(extra) = self.extra {
            envelope.blocks(|writer| extra.write(writer));
        }
        envelope
    }
}

/// Reads a reply as an operation of your own may want it: an envelope, not a fault, the right action, the right
/// RelatesTo. The action of a reply is compared without case, as class URIs are.
///
/// # Errors
/// [`ReplyError`], in this order: `Xml`, `Envelope`, `Fault`, `Action`, `RelatesTo`.
pub fn accept(reply: Vec<u8>, message_id: &str, action: &str) -> Result<Document, ReplyError> {
    let document = Document::parse(reply)?;
    let envelope = Envelope::of(&document)?;
    let is_ours = envelope.answers(message_id);
    if let Some(fault) = Fault::of(&envelope) {
        // Of a read it is as good as any other; what it proves of a call is for `Error::delivery` to say.
        return Err(ReplyError::Fault(Box::new(fault.answering(is_ours))));
    }
    let actual = envelope.action().unwrap_or("");
    if !actual.eq_ignore_ascii_case(action) {
        return Err(ReplyError::Action { expected: action.to_owned(), actual: actual.to_owned() });
    }
    if !is_ours {
        let relates_to = envelope.relates_to().unwrap_or("");
        return Err(ReplyError::RelatesTo { expected: message_id.to_owned(), actual: relates_to.to_owned() });
    }
    Ok(document)
}

/// What a host's answer needs from outside.
#[derive(Debug, Clone, Copy)]
pub struct ResponseContext<'a> {
    /// `uuid:…` of the answer.
    pub message_id: &'a str,
    /// MessageID of the request; empty where it had none, and then the answer does not say what it answers.
    pub relates_to: &'a str,
}

impl ResponseContext<'_> {
    /// An envelope with the headers of every response. No mustUnderstand marks, as recorded from Windows.
    pub fn envelope(&self, action: &str, extra: &[&str]) -> EnvelopeWriter {
        let mut envelope = EnvelopeWriter::new(extra);
        envelope
            .header("a", "Action", Header::Plain, action)
            .header("a", "MessageID", Header::Plain, self.message_id)
            .header("a", "To", Header::Plain, ANONYMOUS);
        if !self.relates_to.is_empty() {
            envelope.header("a", "RelatesTo", Header::Plain, self.relates_to);
        }
        envelope
    }
}

/// A request as a host reads it. Lenient: what a strict host must refuse is in the fields, for it to judge.
#[derive(Debug)]
pub struct Request {
    /// The headers.
    pub header: RequestHeader,
    /// The body.
    pub body: RequestBody,
    document: Document,
}

/// The headers of a request; none means that the header is missing.
#[derive(Debug, Clone, Default)]
pub struct RequestHeader {
    /// `a:Action`.
    pub action: Option<String>,
    /// `a:MessageID`.
    pub message_id: Option<String>,
    /// `a:To`.
    pub to: Option<String>,
    /// `w:ResourceURI`.
    pub resource: Option<ResourceUri>,
    /// `w:SelectorSet`.
    pub selectors: SelectorSet,
    /// `a:ReplyTo/a:Address`.
    pub reply_to: Option<String>,
    /// `w:MaxEnvelopeSize`.
    pub max_envelope_size: Option<u64>,
    /// `w:OperationTimeout`, as text.
    pub operation_timeout: Option<String>,
    /// `xml:lang` of `w:Locale`.
    pub locale: Option<String>,
    /// `xml:lang` of Microsoft's `DataLocale`.
    pub data_locale: Option<String>,
    /// `w:OptionSet`.
    pub options: Vec<ResourceOption>,
    /// `w:FragmentTransfer`.
    pub fragment: Option<Fragment>,
    /// `e:Identifier`, which names a subscription.
    pub subscription: Option<String>,
    /// Headers marked mustUnderstand="true": namespace and local name.
    pub must_understand: Vec<(String, String)>,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestBody {
    /// Identify.
    Identify,
    /// WS-Transfer Get.
    Get,
    /// Enumerate.
    Enumerate {
        /// WQL or another filter.
        filter: Option<Filter>,
        /// Objects, references or both.
        mode: EnumerationMode,
        /// Whether items may come in the first reply.
        optimize: bool,
        /// Most items of that reply.
        max_elements: Option<u32>,
        /// What of derived classes is brought.
        polymorphism: Option<PolymorphismMode>,
    },
    /// Pull.
    Pull {
        /// The context of the last reply.
        context: String,
        /// Most items; the schema's default is one.
        max_elements: Option<u32>,
    },
    /// Release.
    Release {
        /// The context to give up.
        context: String,
    },
    /// WS-Transfer Put; the payload is the resource, or `w:XmlFragment` with the header of a fragment.
    Put,
    /// WS-Transfer Create; the payload is the resource.
    Create,
    /// WS-Transfer Delete.
    Delete,
    /// Subscribe.
    Subscribe {
        /// URI of the delivery mode.
        mode: String,
        /// Which events.
        filter: Option<Filter>,
        /// `e:Expires`, as text.
        expires: Option<String>,
        /// The address of `e:NotifyTo`, for push delivery.
        notify_to: Option<String>,
        /// `w:Heartbeats`, as text.
        heartbeats: Option<String>,
    },
    /// Renew; the header names the subscription.
    Renew {
        /// `e:Expires`, as text.
        expires: Option<String>,
    },
    /// Unsubscribe; the header names the subscription.
    Unsubscribe,
    /// A method: the body's root is `<method>_INPUT`.
    Invoke {
        /// Name of the method, from the action.
        method: String,
    },
    /// Anything else; the action tells what.
    Unknown,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// [`ReplyError`] of the kinds `Xml` and `Envelope`: there is nobody to answer properly.
    pub fn read(bytes: &[u8]) -> Result<Request, ReplyError> {
        let document = Document::parse(bytes)?;
        let envelope = Envelope::of(&document)?;
        let header = RequestHeader::read(&envelope);
        let body = RequestBody::read(&envelope, header.action.as_deref().unwrap_or(""));
        Ok(Request { header, body, document })
    }

    /// The first child of the body.
    pub fn payload(&self) -> Option<Element<'_>> {
        Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload())
    }
}

impl RequestHeader {
    pub(super) fn read(envelope: &Envelope<'_>) -> RequestHeader {
        let text = |namespace, local| {
            envelope.header(namespace, local).map(|e| e.text().trim().to_owned()).filter(|text| !text.is_empty())
        };
        let reply_to = envelope.header(ns::ADDRESSING, "ReplyTo");
        let truth = |text: &str| match text.trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        let marked = |header: &Element<'_>| header.attribute_as(ns::SOAP, "mustUnderstand", truth).unwrap_or(false);
        let language = |namespace, local| {
            let header = envelope.header(namespace, local)?;
            header.attribute(ns::XML, "lang").map(str::to_owned)
        };
        RequestHeader {
            action: text(ns::ADDRESSING, "Action"),
            message_id: text(ns::ADDRESSING, "MessageID"),
            to: text(ns::ADDRESSING, "To"),
            resource: text(ns::WSMAN, "ResourceURI").map(ResourceUri::new),
            selectors: envelope.header(ns::WSMAN, "SelectorSet").map(SelectorSet::read).unwrap_or_default(),
            reply_to: reply_to.and_then(|reply| reply.child(ns::ADDRESSING, "Address")).map(|address| {
                // A mark that means nothing here, and that Windows and its clients write all the same.
                let _ = marked(&address);
                address.text().trim().to_owned()
            }),
            max_envelope_size: envelope
                .header(ns::WSMAN, "MaxEnvelopeSize")
                .and_then(|size| size.text_as(|size| size.trim().parse().ok())),
            operation_timeout: text(ns::WSMAN, "OperationTimeout"),
            locale: language(ns::WSMAN, "Locale"),
            data_locale: language(ns::MS_WSMAN, "DataLocale"),
            options: envelope.header(ns::WSMAN, "OptionSet").map(ResourceOption::read_all).unwrap_or_default(),
            fragment: envelope.header(ns::WSMAN, "FragmentTransfer").map(Fragment::read),
            subscription: text(ns::EVENTING, "Identifier"),
            must_understand: envelope
                .headers()
                .filter(marked)
                .map(|header| (header.namespace().to_owned(), header.local().to_owned()))
                .collect(),
        }
    }
}

impl RequestBody {
    pub(super) fn read(envelope: &Envelope<'_>, action: &str) -> RequestBody {
        let payload = envelope.payload();
        // Enumerate has it from WS-Management, Pull from the enumeration; whoever mixes them up means the same.
        let count = |element: Element<'_>| {
            let max = parts(element, "MaxElements").next()?;
            max.text_as(|max| max.trim().parse().ok())
        };
        let context = |element: Element<'_>| {
            element.child(ns::ENUMERATION, "EnumerationContext").map_or("", |context| context.text().trim()).to_owned()
        };
        let expires = |element: Element<'_>| {
            element.child(ns::EVENTING, "Expires").map(|expires| expires.text().trim().to_owned())
        };
        match (action, payload) {
            ("", Some(payload)) if payload.is(ns::IDENTITY, "Identify") => RequestBody::Identify,
            (get::ACTION, None) => RequestBody::Get,
            (enumerate::ACTION, Some(e)) if e.is(ns::ENUMERATION, "Enumerate") => RequestBody::Enumerate {
                filter: Filter::read(e),
                mode: EnumerationMode::read(e),
                optimize: e.child(ns::WSMAN, "OptimizeEnumeration").is_some(),
                max_elements: count(e),
                polymorphism: PolymorphismMode::read(e),
            },
            (pull::ACTION, Some(e)) if e.is(ns::ENUMERATION, "Pull") => {
                RequestBody::Pull { context: context(e), max_elements: count(e) }
            }
            (release::ACTION, Some(e)) if e.is(ns::ENUMERATION, "Release") => {
                RequestBody::Release { context: context(e) }
            }
            (put::ACTION, Some(_)) => RequestBody::Put,
            (create::ACTION, Some(_)) => RequestBody::Create,
            (delete::ACTION, None) => RequestBody::Delete,
            (subscribe::ACTION, Some(e)) if e.is(ns::EVENTING, "Subscribe") => RequestBody::Subscribe {
                mode: e
                    .child(ns::EVENTING, "Delivery")
                    .and_then(|delivery| delivery.attribute("", "Mode"))
                    .unwrap_or("")
                    .to_owned(),
                filter: Filter::read(e),
                expires: expires(e),
                notify_to: e
                    .child(ns::EVENTING, "Delivery")
                    .and_then(|delivery| delivery.child(ns::EVENTING, "NotifyTo"))
                    .and_then(|to| to.child(ns::ADDRESSING, "Address"))
                    .map(|address| address.text().trim().to_owned()),
                heartbeats: e
                    .child(ns::EVENTING, "Delivery")
                    .and_then(|delivery| delivery.child(ns::WSMAN, "Heartbeats"))
                    .map(|heartbeats| heartbeats.text().trim().to_owned()),
            },
            (renew::ACTION, Some(e)) if e.is(ns::EVENTING, "Renew") => RequestBody::Renew { expires: expires(e) },
            (unsubscribe::ACTION, Some(e)) if e.is(ns::EVENTING, "Unsubscribe") => RequestBody::Unsubscribe,
            (_, Some(payload)) => match (payload.local().strip_suffix("_INPUT"), action.rsplit('/').next()) {
                (Some(method), Some(last)) if method == last => RequestBody::Invoke { method: method.to_owned() },
                _ => RequestBody::Unknown,
            },
            _ => RequestBody::Unknown,
        }
    }
}
