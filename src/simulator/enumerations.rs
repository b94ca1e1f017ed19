//! Enumerations: what is still to be brought, in pages that fit the envelope.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::wsman::enumerate::{self, PageHeader};
use crate::wsman::{EnumerationMode, RequestHeader, pull};
use crate::xml::Writer;

use super::instances::demo_item;
use super::object::{Form, Object};
use super::refusal::Refusal;
use super::service::Service;

/// The open enumerations of the user.
pub(super) struct Enumerations {
    open: BTreeMap<String, Open>,
    most: u32,
    idle: Duration,
}

struct Open {
    begun: Begun,
    last_used: Duration,
}

/// An enumeration and what it has not brought yet.
pub(super) struct Begun {
    pub(super) items: Items,
    pub(super) mode: EnumerationMode,
    pub(super) form: Form,
}

/// What is still to be brought.
pub(super) enum Items {
    Held {
        /// The next one last.
        rest: Vec<Object>,
        /// Chosen properties only: items without namespace.
        is_bare: bool,
    },
    /// Made one by one, so that a large class takes no memory.
    Demo { next: u64, count: u64, started: Duration },
}

impl Items {
    pub(super) fn of(mut objects: Vec<Object>, is_bare: bool) -> Items {
        objects.reverse();
        Items::Held { rest: objects, is_bare }
    }

    pub(super) fn demo(count: u64, started: Duration) -> Items {
        Items::Demo { next: 0, count, started }
    }

    fn peek(&self) -> Option<Object> {
        match self {
            Items::Held { rest, .. } => rest.last().cloned(),
            Items::Demo { next, count, started } => (next < count).then(|| demo_item(*next, *started).sorted()),
        }
    }

    fn drop_first(&mut self) {
        match self {
            Items::Held { rest, .. } => {
                rest.pop();
            }
            Items::Demo { next, .. } => *next += 1,
        }
    }

    fn is_bare(&self) -> bool {
        matches!(self, Items::Held { is_bare: true, .. })
    }

    fn is_empty(&self) -> bool {
        self.peek().is_none()
    }
}

impl Enumerations {
    pub(super) fn new(most: u32, idle: Duration) -> Enumerations {
        Enumerations { open: BTreeMap::new(), most, idle }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// Takes an enumeration out; its context is used up by that.
    pub(super) fn remove(&mut self, context: &str, now: Duration) -> Option<Begun> {
        let idle = self.idle;
        self.open.retain(|_, open| now.saturating_sub(open.last_used) <= idle);
        self.open.remove(context).map(|open| open.begun)
    }

    fn is_full(&self) -> bool {
        self.open.len() >= usize::try_from(self.most).unwrap_or(usize::MAX)
    }
}

/// Room for the envelope around the items.
const FRAME: usize = 2048;

impl Begun {
    /// Takes the items of one page: at most so many, and no more than fit.
    fn page(&mut self, most: u32, room: usize) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut page = Vec::new();
        let mut used = FRAME;
        while page.len() < usize::try_from(most).unwrap_or(usize::MAX) {
            let Some(object) = self.items.peek() else { break };
            let mut writer = Writer::new();
            self.write(&mut writer, &object);
            let bytes = writer.finish().map_err(|_| Refusal::schema())?;
            used = used.saturating_add(bytes.len());
            if used > room {
                if page.is_empty() {
                    return Err(Refusal::reply_too_large());
                }
                break;
            }
            page.push(bytes);
            self.items.drop_first();
        }
        Ok(page)
    }

    fn write(&self, writer: &mut Writer, object: &Object) {
        let both = self.mode == EnumerationMode::ObjectAndReference;
        if both {
            writer.open("w", "Item");
        }
        if self.mode != EnumerationMode::Reference {
            match self.items.is_bare() {
                true => object.write_bare(writer, &self.form),
                false => object.write(writer, &self.form),
            }
        }
        if self.mode != EnumerationMode::Object {
            object.write_reference(writer, &self.form);
        }
        if both {
            writer.close();
        }
    }
}

impl Service<'_> {
    pub(super) fn begin(
        &mut self,
        mut begun: Begun,
        optimize: bool,
        max_elements: Option<u32>,
        header: &RequestHeader,
    ) -> Result<Vec<u8>, Refusal> {
        if self.enumerations.is_full() {
            return Err(Refusal::quota());
        }
        if !optimize {
            let page = PageHeader { context: Some(&self.context_id), end: false };
            let bytes = enumerate::write_response(&self.context, page, None::<fn(&mut Writer)>);
            self.keep(begun);
            return bytes.map_err(|_| Refusal::schema());
        }
        // One item is the default of the schema (DSP0226 8.2.3).
        let items = begun.page(max_elements.unwrap_or(1), room(header))?;
        let end = begun.items.is_empty();
        let page = PageHeader { context: (!end).then_some(self.context_id.as_str()), end };
        let bytes = enumerate::write_response(&self.context, page, Some(|writer: &mut Writer| raw(writer, &items)));
        if !end {
            self.keep(begun);
        }
        bytes.map_err(|_| Refusal::schema())
    }

    pub(super) fn pull(
        &mut self,
        context: &str,
        max_elements: Option<u32>,
        header: &RequestHeader,
    ) -> Result<Vec<u8>, Refusal> {
        let mut begun = self.enumerations.remove(context, self.now).ok_or_else(Refusal::context)?;
        let items = begun.page(max_elements.unwrap_or(1), room(header))?;
        let end = begun.items.is_empty();
        let page = PageHeader { context: (!end).then_some(self.context_id.as_str()), end };
        let bytes = pull::write_response(&self.context, page, |writer| raw(writer, &items));
        if !end {
            self.keep(begun);
        }
        bytes.map_err(|_| Refusal::schema())
    }

    fn keep(&mut self, begun: Begun) {
        let open = Open { begun, last_used: self.now };
        self.enumerations.open.insert(self.context_id.clone(), open);
    }
}

/// Items that were written while they were measured.
fn raw(writer: &mut Writer, items: &[Vec<u8>]) {
    for item in items {
        writer.fragment(item);
    }
}

/// How large a reply may be.
pub(super) fn room(header: &RequestHeader) -> usize {
    // The host's own MaxEnvelopeSizekb is 500.
    let asked = header.max_envelope_size.unwrap_or(HOST_LIMIT).min(HOST_LIMIT);
    usize::try_from(asked).unwrap_or(usize::MAX)
}

const HOST_LIMIT: u64 = 512_000;
