//! One Hyper-V host: a client with typed questions.

use crate::wsman::{ClassAddressing, Client, Exchange};

use super::NAMESPACE;

/// A Hyper-V host. Its questions are grouped by subject: VMs in `look.rs`, points and jobs beside their types.
pub struct Host<E> {
    client: Client<E>,
}

impl<E: Exchange> Host<E> {
    /// A host behind a client, which must address [`NAMESPACE`].
    pub fn new(client: Client<E>) -> Self {
        Host { client }
    }

    /// A host behind an exchange, addressed as Windows wants it, with random message ids.
    pub fn over(exchange: E) -> Self {
        Host::new(Client::new(exchange, ClassAddressing::microsoft(NAMESPACE), random_id))
    }

    /// The client below, for questions this type does not know.
    pub fn client(&self) -> &Client<E> {
        &self.client
    }
}

/// A new MessageID, `uuid:` and a random GUID in upper case, as Windows clients write it.
pub fn random_id() -> String {
    format!("uuid:{:X}", uuid::Uuid::new_v4().hyphenated())
}
