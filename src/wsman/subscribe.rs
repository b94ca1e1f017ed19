//! Subscribe for pull delivery: the client fetches events with Pull, as the items of an enumeration that does not end
//! (DSP0226 10.2.9.5). Push delivery would need a listener, which this crate is not.

use std::time::Duration;

use super::answer::Answer;
use super::error::ReplyError;
use super::filter::Filter;
use super::limits::xs_duration;
use super::operation::Operation;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::ResourceUri;
use super::selector::SelectorSet;
use crate::soap::{ANONYMOUS, Envelope};
use crate::xml::{Element, WriteError, Writer, ns};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscribeResponse";
/// The delivery mode.
pub const PULL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";

/// Asks for events of a resource.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// An indication class, all classes where a query names it, or an event log.
    pub resource: ResourceUri,
    /// Selectors of the resource.
    pub selectors: SelectorSet,
    /// Which events.
    pub filter: Option<Filter>,
    /// How long the subscription lives without Renew; none leaves it to the host.
    pub expires: Option<Duration>,
    /// How often the host says that it is there when there is no event; none for never.
    pub heartbeats: Option<Duration>,
}

/// A subscription that the host has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Whom to ask for Renew and Unsubscribe.
    pub manager: SubscriptionManager,
    /// How long it lives, as the host says it: a duration or a point in time.
    pub expires: Option<String>,
    /// The context of the first Pull.
    pub context: String,
}

/// The endpoint reference of a subscription's manager: its reference parameters are the headers of requests to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionManager {
    /// `a:Address`: the `To` of requests, unless it is anonymous or empty.
    pub address: String,
    /// `w:ResourceURI`, where the host wants it back.
    pub resource: Option<ResourceUri>,
    /// `w:SelectorSet`.
    pub selectors: SelectorSet,
    /// `e:Identifier`.
    pub identifier: Option<String>,
}

impl Operation for Subscribe {
    type Output = Subscription;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let mut prefixes = vec!["e"];
        prefixes.extend(Filter::prefix(self.filter.as_ref()));
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors).using(&prefixes));
        envelope.body(|writer| {
            writer.open("e", "Subscribe").open("e", "Delivery").attribute("", "Mode", PULL);
            if let Some(heartbeats) = self.heartbeats {
                writer.text_element("w", "Heartbeats", &xs_duration(heartbeats));
            }
            writer.close();
            if let Some(expires) = self.expires {
                writer.text_element("e", "Expires", &xs_duration(expires));
            }
            if let Some(filter) = &self.filter {
                filter.write(writer);
            }
            writer.close();
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Subscription, ReplyError> {
        let mut answer = Answer::named(reply, message_id, ACTION, "SubscribeResponse")?;
        answer.root(ns::EVENTING, "SubscribeResponse")?;
        let response = Envelope::of(&answer.document)?.payload();
        response
            .and_then(read_response)
            .ok_or_else(|| ReplyError::content("SubscribeResponse", "no enumeration context to pull events with"))
    }
}

/// Reads `e:SubscribeResponse`; none without a context to pull with.
pub(super) fn read_response(response: Element<'_>) -> Option<Subscription> {
    // Whatever the namespace of the response, its own parts stand in it.
    let part = |local| response.child(ns::EVENTING, local).or(response.child_here(local));
    let context = response.child(ns::ENUMERATION, "EnumerationContext").or(response.child_here("EnumerationContext"))?;
    let context = context.text_as(|text| Some(text.trim()).filter(|text| !text.is_empty()))?;
    Some(Subscription {
        manager: part("SubscriptionManager").map(SubscriptionManager::read).unwrap_or_default(),
        expires: part("Expires").map(|expires| expires.text().trim().to_owned()),
        context: context.to_owned(),
    })
}

impl SubscriptionManager {
    fn read(element: Element<'_>) -> SubscriptionManager {
        let holder = element.child(ns::ADDRESSING, "EndpointReference").unwrap_or(element);
        // Servers of 2004 put the identifier into properties, later ones into parameters.
        let parts = holder.children().filter(|part| {
            part.is(ns::ADDRESSING, "ReferenceParameters") || part.is(ns::ADDRESSING, "ReferenceProperties")
        });
        let find = |namespace, local| parts.clone().find_map(|part| part.child(namespace, local));
        SubscriptionManager {
            address: holder.child(ns::ADDRESSING, "Address").map_or("", |address| address.text().trim()).to_owned(),
            resource: find(ns::WSMAN, "ResourceURI").map(|uri| ResourceUri::new(uri.text().trim())),
            selectors: find(ns::WSMAN, "SelectorSet").map(SelectorSet::read).unwrap_or_default(),
            identifier: find(ns::EVENTING, "Identifier").map(|identifier| identifier.text().trim().to_owned()),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open("e", "SubscriptionManager").text_element("a", "Address", &self.address);
        writer.open("a", "ReferenceParameters");
        if let Some(resource) = &self.resource {
            writer.text_element("w", "ResourceURI", resource.as_str());
        }
        self.selectors.write(writer);
        if let Some(identifier) = &self.identifier {
            writer.text_element("e", "Identifier", identifier);
        }
        writer.close().close();
    }

    /// The headers of a request to it.
    pub(super) fn head<'a>(&'a self, action: &'a str) -> Head<'a> {
        let to = Some(self.address.as_str()).filter(|address| !address.is_empty() && *address != ANONYMOUS);
        Head { action, to, resource: self.resource.as_ref(), selectors: &self.selectors, prefixes: &["e"] }
    }

    /// The header that names the subscription.
    pub(super) fn write_identifier(&self, writer: &mut Writer) {
        if let Some(identifier) = &self.identifier {
            writer.text_element("e", "Identifier", identifier);
        }
    }
}

/// Writes the reply of a host.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(context: &ResponseContext<'_>, made: &Subscription) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["e", "n"]).body(|writer| {
        writer.open("e", "SubscribeResponse");
        made.manager.write(writer);
        if let Some(expires) = &made.expires {
            writer.text_element("e", "Expires", expires);
        }
        writer.text_element("n", "EnumerationContext", &made.context).close();
    })
}
