//! One request answered: headers, resource, operation.

use std::time::Duration;

use crate::wsman::{
    ClassAddressing, Filter, Identity, Request, RequestBody, RequestHeader, ResponseContext, enumerate, get, release,
};
use crate::xml::ns;

use super::enumerations::{Begun, Enumerations, Items, room};
use super::instances::instances;
use super::object::{Form, NAMESPACE_SELECTOR, Object};
use super::query::{Query, Scope};
use super::refusal::Refusal;
use super::scenario::{Dialect, JobScript, Scenario};
use super::schema::{self, Catalogue, Class};
use super::site::{Side, Site};
use super::transfer::check_fragment;
use super::world::World;

/// What answering one request needs.
pub(super) struct Service<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) now: Duration,
    pub(super) site: &'a mut Site,
    pub(super) side: Side,
    pub(super) enumerations: &'a mut Enumerations,
    pub(super) context: ResponseContext<'a>,
    /// MessageID of the request.
    pub(super) message_id: &'a str,
    pub(super) job_id: String,
    pub(super) context_id: String,
    pub(super) deviation: Deviation,
}

/// What a fault wants otherwise.
pub(super) struct Deviation {
    pub(super) job: JobScript,
    pub(super) returns: Option<u32>,
    /// Whether the work is done.
    pub(super) is_taken: bool,
}

/// A resource URI that was understood.
pub(super) struct Resource {
    pub(super) namespace: String,
    /// None is all classes.
    pub(super) class: Option<&'static Class>,
    pub(super) form: Form,
}

/// What the vendor's name ends with.
const MARK: &str = "(simulated)";

/// Whether a host says of itself that it is simulated.
pub fn is_simulated(identity: &Identity) -> bool {
    identity.product_vendor.ends_with(MARK)
}

impl Service<'_> {
    pub(super) fn answer(&mut self, request: &Request) -> Result<Vec<u8>, Refusal> {
        if request.body == RequestBody::Identify {
            return self.identify();
        }
        self.check_headers(&request.header)?;
        if let Some(answer) = self.config(request) {
            return answer;
        }
        // Of Get and Put alone: a fragment of an enumeration is something else (MS-WSMV 3.1.4.1.18).
        let takes_fragment = matches!(request.body, RequestBody::Get | RequestBody::Put);
        if request.header.fragment.is_some() && !takes_fragment {
            return Err(Refusal::unsupported("FragmentLevelAccess"));
        }
        let resource = self.resource(&request.header)?;
        match &request.body {
            RequestBody::Get => self.get(&resource, &request.header),
            RequestBody::Enumerate { filter, mode, optimize, max_elements, .. } => {
                let items = self.select(&resource, filter.as_ref())?;
                let begun = Begun { items, mode: *mode, form: resource.form.clone() };
                self.begin(begun, *optimize, *max_elements, &request.header)
            }
            RequestBody::Pull { context, max_elements } => match self.pull_events(&resource, context, *max_elements) {
                Some(events) => events,
                None => self.pull(context, *max_elements, &request.header),
            },
            RequestBody::Put => self.put(&resource, request),
            RequestBody::Create => self.create(&resource, request),
            RequestBody::Delete => self.delete(&resource, request),
            RequestBody::Subscribe { mode, .. } => self.subscribe(&resource, mode),
            RequestBody::Renew { .. } => self.renew(&request.header),
            RequestBody::Unsubscribe => self.unsubscribe(&request.header),
            RequestBody::Release { context } => {
                let known = self.enumerations.remove(context, self.now);
                known.ok_or_else(Refusal::context)?;
                release::write_response(&self.context).map_err(|_| Refusal::schema())
            }
            RequestBody::Invoke { method } => self.invoke(&resource, method, request),
            _ => Err(Refusal::action_not_supported()),
        }
    }

    fn identify(&self) -> Result<Vec<u8>, Refusal> {
        let windows = Identity {
            protocol_version: ns::WSMAN.to_owned(),
            product_vendor: format!("Microsoft Corporation {MARK}"),
            product_version: format!("OS: {} SP: 0.0 Stack: 3.0", self.scenario.version.number()),
            security_profiles: vec![
                "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos".to_owned(),
            ],
            ..Identity::default()
        };
        let other = Identity {
            product_vendor: format!("Another vendor {MARK}"),
            product_version: "1.0".to_owned(),
            security_profiles: Vec::new(),
            ..windows.clone()
        };
        let identity = if self.scenario.dialect == Dialect::Windows { windows } else { other };
        identity.write_response().map_err(|_| Refusal::schema())
    }

    /// MS-WSMV 3.1.4.1.3 to 3.1.4.1.9.
    fn check_headers(&self, header: &RequestHeader) -> Result<(), Refusal> {
        if header.message_id.is_none() || header.action.is_none() {
            return Err(Refusal::header_invalid());
        }
        match header.reply_to.as_deref() {
            None => return Err(Refusal::header_required()),
            Some(crate::soap::ANONYMOUS) => {}
            Some(_) => return Err(Refusal::unsupported("AddressingMode")),
        }
        let marked = |namespace: &str, local: &str| {
            header.must_understand.iter().any(|(uri, name)| uri == namespace && name == local)
        };
        if marked(ns::WSMAN, "Locale") {
            return Err(Refusal::unsupported("Locale"));
        }
        if marked(ns::MS_WSMAN, "DataLocale") {
            return Err(Refusal::unsupported("DataLocale"));
        }
        let known = |(uri, name): &(String, String)| {
            KNOWN_HEADERS.iter().any(|(namespace, local)| uri == namespace && name == local)
        };
        if !header.must_understand.iter().all(known) {
            return Err(Refusal::must_understand());
        }
        if header.max_envelope_size.is_some_and(|size| size < 8192) {
            return Err(Refusal::envelope_too_small());
        }
        Ok(())
    }

    /// The class a URI names. The form of the URI decides the form of the references in the answer.
    fn resource(&self, header: &RequestHeader) -> Result<Resource, Refusal> {
        const MICROSOFT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/";
        const DMTF: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/";
        // One URI for all classes of whatever schema (DSP0227 R7.1-7, seen at three servers); `*` is no class of a schema.
        const DMTF_ALL: &str = "http://schemas.dmtf.org/wbem/wscim/1/*";
        let uri = header.resource.as_ref().ok_or_else(Refusal::resource_uri)?.as_str();
        let after = |prefix: &str| {
            let head = uri.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix));
            head.and_then(|_| uri.get(prefix.len()..))
        };
        let selector = header.selectors.value(NAMESPACE_SELECTOR).map(|namespace| namespace.replace('\\', "/"));
        let is_windows = self.scenario.dialect == Dialect::Windows;
        let (namespace, class, addressing) = if let Some(rest) = after(MICROSOFT).filter(|_| is_windows) {
            let (namespace, class) = rest.rsplit_once('/').ok_or_else(Refusal::resource_uri)?;
            if selector.is_some_and(|selector| !selector.eq_ignore_ascii_case(namespace)) {
                return Err(Refusal::other_namespace());
            }
            (namespace.to_owned(), class, ClassAddressing::microsoft(namespace))
        } else if let Some(class) =
            after(DMTF).filter(|class| *class != "*").or(after(DMTF_ALL).filter(|rest| rest.is_empty()).map(|_| "*"))
        {
            // The namespace when the selector is missing (MS-WSMV 3.1.4.1.1).
            let namespace = selector.unwrap_or_else(|| "root/hardware".to_owned());
            let addressing = ClassAddressing::dmtf(&namespace);
            (namespace, class, addressing)
        } else {
            return Err(Refusal::resource_uri());
        };
        let catalogue = self.catalogue();
        if !catalogue.has_namespace(&namespace) {
            let enumerates = header.action.as_deref() == Some(enumerate::ACTION);
            return Err(match (is_windows, enumerates) {
                (true, true) => Refusal::no_namespace(),
                (true, false) => Refusal::not_found(),
                (false, _) => Refusal::resource_uri(),
            });
        }
        let class = match class {
            "*" => None,
            name => Some(catalogue.class(&namespace, name).ok_or_else(Refusal::not_found)?),
        };
        Ok(Resource { namespace, class, form: Form { addressing, capital_booleans: !is_windows } })
    }

    fn get(&self, resource: &Resource, header: &RequestHeader) -> Result<Vec<u8>, Refusal> {
        let class = resource.class.ok_or_else(Refusal::not_found)?;
        let keys: Vec<_> = keys(header).collect();
        if keys.is_empty() && !class.singleton {
            return Err(Refusal::not_a_singleton());
        }
        if keys.iter().any(|key| !class.is_key(key)) {
            return Err(Refusal::selectors("UnexpectedSelectors"));
        }
        let has_key = |key: &&str| keys.iter().any(|given| given.eq_ignore_ascii_case(key));
        if !keys.is_empty() && (keys.len() != class.keys.len() || !class.keys.iter().all(has_key)) {
            return Err(Refusal::not_found());
        }
        let found = self.all(class).into_iter().find(|object| object.matches(&header.selectors));
        let object = found.ok_or_else(Refusal::not_found)?;
        if let Some(part) = &header.fragment {
            check_fragment(header)?;
            return self.get_fragment(resource, &object, part);
        }
        let reply = get::write_response(&self.context, |writer| object.write(writer, &resource.form));
        let reply = reply.map_err(|_| Refusal::schema())?;
        if reply.len() > room(header) {
            return Err(Refusal::reply_too_large());
        }
        Ok(reply)
    }

    pub(super) fn world(&self) -> &World {
        self.site.world(self.side)
    }

    pub(super) fn world_mut(&mut self) -> &mut World {
        self.site.world_mut(self.side)
    }

    pub(super) fn catalogue(&self) -> Catalogue {
        self.world().catalogue()
    }

    pub(super) fn all(&self, class: &Class) -> Vec<Object> {
        instances(self.world(), class, self.now, self.scenario.language)
    }

    /// What an enumeration brings.
    fn select(&self, resource: &Resource, filter: Option<&Filter>) -> Result<Items, Refusal> {
        let Some(filter) = filter else {
            let class = resource.class.ok_or_else(Refusal::resource_uri)?;
            if *class == schema::DEMO_ITEM {
                return Ok(Items::demo(self.world().demo_items, self.world().started));
            }
            let derived = self.catalogue().derived(&resource.namespace, class.name);
            return Ok(Items::of(derived.iter().flat_map(|class| self.all(class)).collect(), false));
        };
        if let (Filter::Selectors(wanted), Some(class)) = (filter, resource.class) {
            if *class == schema::DEMO_ITEM {
                return Err(Refusal::filter());
            }
            let derived = self.catalogue().derived(&resource.namespace, class.name);
            let all = derived.iter().flat_map(|class| self.all(class));
            return Ok(Items::of(all.filter(|object| object.matches(wanted)).collect(), false));
        }
        if let (Filter::Association(association), None) = (filter, resource.class) {
            // Items would be fragments, of which nothing is recorded.
            if !association.properties.is_empty() {
                return Err(Refusal::filter());
            }
            let found = Query::of_association(association).run(self.scope(resource)).map_err(|_| Refusal::filter())?;
            return Ok(Items::of(found.objects, false));
        }
        let wql = filter.as_wql().filter(|_| self.scenario.dialect == Dialect::Windows);
        let wql = wql.ok_or_else(Refusal::filter_dialect)?;
        if resource.class.is_some() {
            return Err(Refusal::filter_on_class());
        }
        let query = Query::parse(wql).map_err(|_| Refusal::filter())?;
        if query.whole_class().is_some_and(|class| class.eq_ignore_ascii_case(schema::DEMO_ITEM.name)) {
            return Ok(Items::demo(self.world().demo_items, self.world().started));
        }
        let found = query.run(self.scope(resource)).map_err(|_| Refusal::filter())?;
        Ok(Items::of(found.objects, found.is_bare))
    }

    fn scope<'s>(&'s self, resource: &'s Resource) -> Scope<'s> {
        Scope { world: self.world(), namespace: &resource.namespace, now: self.now, language: self.scenario.language }
    }
}

/// The keys of a request, the CIM namespace left out.
pub(super) fn keys(header: &RequestHeader) -> impl Iterator<Item = &str> {
    let names = header.selectors.iter().map(|selector| selector.name.as_str());
    names.filter(|name| !name.eq_ignore_ascii_case(NAMESPACE_SELECTOR))
}

/// Headers that may be marked mustUnderstand. OperationID is not among them: it would change the form of the answer.
const KNOWN_HEADERS: &[(&str, &str)] = &[
    (ns::ADDRESSING, "To"),
    (ns::ADDRESSING, "Action"),
    (ns::ADDRESSING, "MessageID"),
    (ns::ADDRESSING, "ReplyTo"),
    (ns::ADDRESSING, "FaultTo"),
    (ns::WSMAN, "ResourceURI"),
    (ns::WSMAN, "SelectorSet"),
    (ns::WSMAN, "OptionSet"),
    (ns::WSMAN, "FragmentTransfer"),
    (ns::EVENTING, "Identifier"),
    (ns::WSMAN, "MaxEnvelopeSize"),
    (ns::WSMAN, "OperationTimeout"),
    (ns::MS_WSMAN, "SessionId"),
];
