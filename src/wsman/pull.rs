//! Pull: the next page of an enumeration.

use super::answer::Answer;
use super::enumerate::{Page, PageHeader};
use super::error::ReplyError;
use super::operation::{Operation, Repeatable};
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::ResourceUri;
use super::selector::SelectorSet;
use crate::xml::{WriteError, Writer};

/// Action of the request.
pub const ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";
/// Action of the response.
pub const RESPONSE_ACTION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/PullResponse";

/// Asks for the next page. The context changes with every reply: use the newest.
#[derive(Debug, Clone)]
pub struct Pull {
    /// The resource of the Enumerate.
    pub resource: ResourceUri,
    /// The selectors of the Enumerate.
    pub selectors: SelectorSet,
    /// The context of the last reply.
    pub context: String,
}

impl Operation for Pull {
    type Output = Page;

    fn action(&self) -> String {
        ACTION.to_owned()
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let envelope = context.envelope(Head::new(ACTION, &self.resource, &self.selectors).using(&["n"]));
        envelope.body(|writer| {
            writer.open("n", "Pull").text_element("n", "EnumerationContext", &self.context);
            // Without it each Pull brings one item, the schema's default (recorded).
            writer.text_element("n", "MaxElements", &context.limits.max_elements.to_string()).close();
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<Page, ReplyError> {
        Page::read(Answer::named(reply, message_id, ACTION, "PullResponse")?, "PullResponse")
    }
}

// A repeated Pull may find its context used up: an error that loses nothing but the enumeration.
impl Repeatable for Pull {}

/// Writes the reply of a host: the context before the items, as recorded.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(
    context: &ResponseContext<'_>,
    page: PageHeader<'_>,
    items: impl FnOnce(&mut Writer),
) -> Result<Vec<u8>, WriteError> {
    context.envelope(RESPONSE_ACTION, &["n"]).body(|writer| {
        writer.open("n", "PullResponse");
        if let Some(context) = page.context {
            writer.text_element("n", "EnumerationContext", context);
        }
        writer.open("n", "Items");
        items(writer);
        writer.close();
        if page.end {
            writer.empty_element("n", "EndOfSequence");
        }
        writer.close();
    })
}
