//! Put, Create, Delete, fragments and subscriptions, where a resource takes them.

use crate::wsman::enumerate::PageHeader;
use crate::wsman::{
    Fragment, Request, RequestBody, RequestHeader, Subscription, SubscriptionManager, create, delete, fragment, get,
    pull, put, renew, subscribe, unsubscribe,
};
use crate::xml::Writer;

use super::config::{Branch, Config};
use super::notes;
use super::object::Object;
use super::refusal::Refusal;
use super::schema;
use super::service::{Resource, Service};

impl Service<'_> {
    /// Get and Put of WinRM's configuration; none if the request is about something else.
    pub(super) fn config(&mut self, request: &Request) -> Option<Result<Vec<u8>, Refusal>> {
        let branch = Config::branch(request.header.resource.as_ref()?.as_str())?;
        Some(self.answer_config(&branch, request))
    }

    fn answer_config(&mut self, branch: &Branch, request: &Request) -> Result<Vec<u8>, Refusal> {
        let config = &mut self.world_mut().config;
        let (part, payload) = (request.header.fragment.as_ref(), request.payload());
        check_fragment(&request.header)?;
        let action = match (&request.body, part, payload) {
            (RequestBody::Get, ..) => get::RESPONSE_ACTION,
            (RequestBody::Put, None, Some(element)) => {
                config.put(branch, element)?;
                put::RESPONSE_ACTION
            }
            (RequestBody::Put, Some(part), Some(content)) => {
                config.put_fragment(branch, part, content)?;
                put::RESPONSE_ACTION
            }
            _ => return Err(Refusal::action_not_supported()),
        };
        let config = &self.world().config;
        match part {
            Some(part) => self.fragment(action, part, |writer| config.write_fragment(writer, branch, part)),
            None => {
                let content = |writer: &mut Writer| config.write(writer, branch);
                let whole = match action {
                    put::RESPONSE_ACTION => put::write_response(&self.context, content),
                    _ => get::write_response(&self.context, content),
                };
                whole.map_err(|_| Refusal::schema())
            }
        }
    }

    /// The part of an instance that the header names.
    pub(super) fn get_fragment(
        &self,
        resource: &Resource,
        object: &Object,
        part: &Fragment,
    ) -> Result<Vec<u8>, Refusal> {
        self.fragment(get::RESPONSE_ACTION, part, |writer| notes::write_fragment(writer, object, &resource.form, part))
    }

    pub(super) fn put(&mut self, resource: &Resource, request: &Request) -> Result<Vec<u8>, Refusal> {
        let id = note_id(resource, &request.header)?;
        check_fragment(&request.header)?;
        let payload = request.payload().ok_or_else(Refusal::schema)?;
        let notes = &mut self.world_mut().notes;
        match &request.header.fragment {
            Some(part) => {
                let object = notes.put_fragment(&id, part, payload)?;
                self.fragment(put::RESPONSE_ACTION, part, |writer| {
                    notes::write_fragment(writer, &object, &resource.form, part)
                })
            }
            None => {
                check_element(resource, payload.namespace(), payload.local())?;
                let object = notes.put(&id, payload)?;
                let reply = put::write_response(&self.context, |writer| object.write(writer, &resource.form));
                reply.map_err(|_| Refusal::schema())
            }
        }
    }

    pub(super) fn create(&mut self, resource: &Resource, request: &Request) -> Result<Vec<u8>, Refusal> {
        is_notes(resource)?;
        let payload = request.payload().ok_or_else(Refusal::schema)?;
        check_element(resource, payload.namespace(), payload.local())?;
        let object = self.world_mut().notes.create(payload)?;
        let made = object.path().reference(&resource.form.addressing);
        create::write_response(&self.context, &made).map_err(|_| Refusal::schema())
    }

    pub(super) fn delete(&mut self, resource: &Resource, request: &Request) -> Result<Vec<u8>, Refusal> {
        let id = note_id(resource, &request.header)?;
        self.world_mut().notes.delete(&id)?;
        delete::write_response(&self.context).map_err(|_| Refusal::schema())
    }

    pub(super) fn subscribe(&mut self, resource: &Resource, mode: &str) -> Result<Vec<u8>, Refusal> {
        is_notes(resource)?;
        if mode != subscribe::PULL {
            return Err(Refusal::delivery_mode());
        }
        let identifier = self.job_id.clone();
        self.site.world_mut(self.side).notes.subscribe(&identifier, &self.context_id);
        let manager = SubscriptionManager {
            address: crate::soap::ANONYMOUS.to_owned(),
            resource: Some(resource.form.addressing.class(schema::DEMO_NOTE.name)),
            selectors: resource.form.addressing.class_selectors(),
            identifier: Some(identifier),
        };
        let expires = Some(EXPIRES.to_owned());
        let made = Subscription { manager, expires, context: self.context_id.clone() };
        subscribe::write_response(&self.context, &made).map_err(|_| Refusal::schema())
    }

    pub(super) fn renew(&self, header: &RequestHeader) -> Result<Vec<u8>, Refusal> {
        let known = header.subscription.as_deref().is_some_and(|id| self.world().notes.is_subscribed(id));
        known.then_some(()).ok_or_else(Refusal::header_invalid)?;
        renew::write_response(&self.context, EXPIRES).map_err(|_| Refusal::schema())
    }

    pub(super) fn unsubscribe(&mut self, header: &RequestHeader) -> Result<Vec<u8>, Refusal> {
        let known = header.subscription.as_deref().is_some_and(|id| self.world_mut().notes.unsubscribe(id));
        known.then_some(()).ok_or_else(Refusal::header_invalid)?;
        unsubscribe::write_response(&self.context).map_err(|_| Refusal::schema())
    }

    /// Events of a subscription; none if the context is not that of one. Where there is no event, a host waits for one
    /// as long as the operation may take and then says so (DSP0226 10.2.9.5); this one does not wait.
    pub(super) fn pull_events(
        &mut self,
        resource: &Resource,
        context: &str,
        most: Option<u32>,
    ) -> Option<Result<Vec<u8>, Refusal>> {
        let most = usize::try_from(most.unwrap_or(1)).unwrap_or(1);
        let events = self.site.world_mut(self.side).notes.pull(context, &self.context_id, most)?;
        if events.is_empty() {
            return Some(Err(Refusal::named(super::FaultName::TimedOut)));
        }
        let page = PageHeader { context: Some(&self.context_id), end: false };
        let reply = pull::write_response(&self.context, page, |writer| {
            events.iter().for_each(|event| event.write(writer, &resource.form));
        });
        Some(reply.map_err(|_| Refusal::schema()))
    }

    fn fragment(
        &self,
        action: &str,
        part: &Fragment,
        write: impl FnOnce(&mut Writer) -> Result<(), Refusal>,
    ) -> Result<Vec<u8>, Refusal> {
        let mut refused = Ok(());
        let reply = fragment::write_response(&self.context, action, part, |writer| refused = write(writer));
        refused?;
        reply.map_err(|_| Refusal::schema())
    }
}

/// The header must be one to understand (MS-WSMV 3.1.4.1.18).
pub(super) fn check_fragment(header: &RequestHeader) -> Result<(), Refusal> {
    let is_marked = header.must_understand.iter().any(|(_, local)| local == "FragmentTransfer");
    if header.fragment.is_some() && !is_marked { Err(Refusal::header_invalid()) } else { Ok(()) }
}

fn is_notes(resource: &Resource) -> Result<(), Refusal> {
    match resource.class {
        Some(class) if *class == schema::DEMO_NOTE => Ok(()),
        _ => Err(Refusal::action_not_supported()),
    }
}

fn note_id(resource: &Resource, header: &RequestHeader) -> Result<String, Refusal> {
    is_notes(resource)?;
    header.selectors.value("Id").map(str::to_owned).ok_or_else(Refusal::not_a_singleton)
}

fn check_element(resource: &Resource, namespace: &str, local: &str) -> Result<(), Refusal> {
    let class = resource.form.addressing.class(schema::DEMO_NOTE.name);
    let fits = namespace.eq_ignore_ascii_case(class.as_str()) && local == schema::DEMO_NOTE.name;
    if fits { Ok(()) } else { Err(Refusal::schema()) }
}

/// How long a subscription is said to live; nothing ends it here but Unsubscribe.
const EXPIRES: &str = "PT600.000S";
