//! What the readers share: asking for instances, with or without queries, and the ids of settings.
//!
//! A query is asked first and costs one request (seen at other clients, E05). Where a server refuses it, the class is listed and filtered here:
//! the same answer for more bytes.

use crate::cim::schema::Schema;
use crate::cim::{ClassName, Instance, InstanceView, PropertyName};
use crate::wsman::{EndpointReference, Exchange, Fault, Page, SelectorSet};

use super::error::Error;
use super::host::Host;
use super::vm::VmId;

/// The key of settings, relations and jobs.
pub(super) const INSTANCE_ID: PropertyName = PropertyName::from_static("InstanceID");

/// An instance that will be embedded in a parameter.
pub(super) fn embedded(class: &'static str) -> Instance {
    Instance::new(ClassName::from_static(class))
}

/// The VM in `Microsoft:<GUID>[\…]`, and what follows it.
pub(super) fn of_vm(id: &str) -> Option<(VmId, &str)> {
    let (head, rest) = id.split_once('\\').unwrap_or((id, ""));
    let (prefix, guid) = head.split_once(':')?;
    let vm = guid.parse().ok().filter(|_| prefix.eq_ignore_ascii_case("Microsoft"))?;
    Some((vm, rest))
}

/// The instance with every property that its class declares, to be changed and sent back.
pub(super) fn whole(class: &'static str, instance: &InstanceView<'_>) -> Result<Instance, Error> {
    match Schema::builtin().class(class) {
        Some(class) => Ok(class.read(instance)?),
        // A test sees to it that every class is there.
        None => Ok(embedded(class)),
    }
}

pub(super) fn read_all<T>(
    pages: &[Page],
    read: impl Fn(&InstanceView<'_>) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Error> {
    let instances = pages.iter().flat_map(Page::instances);
    instances.filter_map(|instance| read(&instance).transpose()).collect()
}

/// A row of an association: what its ends refer to.
pub(super) struct Link {
    pub(super) near: EndpointReference,
    pub(super) far: EndpointReference,
}

impl<E: Exchange> Host<E> {
    /// What a query finds; none where the server refuses it, or knows no such class.
    pub(super) async fn ask_query(&self, query: String) -> Result<Option<Vec<Page>>, Error> {
        match self.client().query(query).pages().await {
            Err(error) if error.fault().is_some_and(lacks_class) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }

    /// Every instance of a class; none where the host has no such class. Hosts say so in several ways, among them the
    /// one that otherwise refuses a filter (published, E17), and this question has no filter.
    pub(super) async fn list(&self, class: &str) -> Result<Option<Vec<Page>>, Error> {
        match self.client().all(class).pages().await {
            Err(error) if error.fault().is_some_and(lacks_class) => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }

    /// What a query finds, or every instance of the class where queries are refused.
    pub(super) async fn query_or_list(&self, query: String, class: &str) -> Result<Vec<Page>, Error> {
        match self.ask_query(query).await? {
            Some(pages) => Ok(pages),
            None => Ok(self.client().all(class).pages().await?),
        }
    }

    /// The rows of an association whose two ends can be read.
    pub(super) async fn links(&self, class: &str, near: &str, far: &str) -> Result<Vec<Link>, Error> {
        let mut links = Vec::new();
        for page in self.client().all(class).pages().await? {
            for row in page.instances() {
                let end = |name: &str| row.property(name).into_option().and_then(EndpointReference::read);
                if let (Some(near), Some(far)) = (end(near), end(far)) {
                    links.push(Link { near, far });
                }
            }
        }
        Ok(links)
    }

    /// The reference of an item by `InstanceID` alone: its own class.
    pub(super) fn reference_of(&self, instance: &InstanceView<'_>) -> Result<EndpointReference, Error> {
        let id = instance.text("InstanceID").into_option().ok_or_else(|| instance.missing("InstanceID"))?;
        let keys = SelectorSet::new().with("InstanceID", id);
        Ok(self.client().addressing().reference(instance.class(), keys))
    }
}

pub(crate) fn lacks_class(fault: &Fault) -> bool {
    fault.is_not_found() || fault.is_unknown_class() || fault.is_filter_refused()
}
