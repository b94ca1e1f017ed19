//! Invoke: a method of a class. Never repeatable.

use super::answer::{Answer, Remark, output};
use super::error::ReplyError;
use super::operation::Operation;
use super::request::{Head, RequestContext, ResponseContext};
use super::resource::{EndpointReference, ResourceUri};
use crate::cim::{Instance, InstanceView, Property, Value};
use crate::soap::Envelope;
use crate::xml::{Document, WriteError, Writer};

use super::instance::write_scalar;

/// Calls a method of the instance that `target` names.
#[derive(Debug, Clone)]
pub struct Invoke {
    /// The instance; a service is named by `CreationClassName`.
    pub target: EndpointReference,
    /// Name of the method, in its own case.
    pub method: String,
    /// Input parameters in the order of the class's declaration; leave out what is NULL.
    pub parameters: Vec<(String, Parameter)>,
}

/// The value of an input parameter. NULL has no form: the parameter is left out, which hosts take as
/// NULL also for references (seen on a live host for sibling services; inferred (E02) for replication).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Parameter {
    /// A number, text, boolean or datetime.
    Value(Value),
    /// A reference: the parameter element is the endpoint reference.
    Reference(EndpointReference),
    /// An embedded instance, sent as CIM-XML text.
    Embedded(Instance),
    /// An array: the element repeated. An empty one cannot be told from NULL and sends nothing.
    Array(Vec<Parameter>),
}

impl Invoke {
    /// A call without parameters.
    pub fn new(target: EndpointReference, method: impl Into<String>) -> Self {
        Invoke { target, method: method.into(), parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, parameter: Parameter) -> Self {
        self.parameters.push((name.into(), parameter));
        self
    }
}

impl Operation for Invoke {
    type Output = InvokeOutput;

    fn action(&self) -> String {
        format!("{}/{}", self.target.resource, self.method)
    }

    fn write(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, WriteError> {
        let action = self.action();
        let envelope = context.envelope(Head::new(&action, &self.target.resource, &self.target.selectors));
        envelope.try_body(|writer| {
            writer.open("p", &format!("{}_INPUT", self.method)).declare("p", self.target.resource.as_str());
            for (name, parameter) in &self.parameters {
                parameter.write(writer, name)?;
            }
            writer.close();
            Ok(())
        })
    }

    fn read(&self, reply: Vec<u8>, message_id: &str) -> Result<InvokeOutput, ReplyError> {
        let mut answer = Answer::read(reply, message_id, &self.action(), |envelope| output(envelope).is_some())?;
        let (class, expected) = (self.target.resource.as_str(), format!("{}_OUTPUT", self.method));
        let envelope = Envelope::of(&answer.document)?;
        let payload = envelope.payload();
        let remark = match payload.and_then(|payload| Remark::on_root(payload, class, &expected)) {
            // Called otherwise, it must show by what it holds that it is the output of a method.
            Some(remark) if output(&envelope).is_some() => Some(remark),
            None if payload.is_some() => None,
            _ => return Err(ReplyError::body(class, &expected, payload)),
        };
        if let Some(remark) = remark {
            answer.remark(remark);
        }
        Ok(InvokeOutput { document: answer.document, remarks: answer.remarks })
    }
}

impl Parameter {
    pub(super) fn write(&self, writer: &mut Writer, name: &str) -> Result<(), WriteError> {
        match self {
            Parameter::Value(value) => write_scalar(writer, "p", name, value),
            Parameter::Reference(reference) => {
                writer.open("p", name);
                reference.write(writer);
                writer.close();
            }
            Parameter::Embedded(instance) => {
                writer.text_element("p", name, &instance.to_cim_xml()?);
            }
            Parameter::Array(items) => {
                for item in items {
                    item.write(writer, name)?;
                }
            }
        }
        Ok(())
    }
}

/// The reply to [`Invoke`]: output parameters and the return value.
#[derive(Debug)]
pub struct InvokeOutput {
    document: Document,
    remarks: Vec<Remark>,
}

impl InvokeOutput {
    /// The output parameters, read like the properties of an instance.
    pub fn parameters(&self) -> InstanceView<'_> {
        let payload = Envelope::of(&self.document).ok().and_then(|envelope| envelope.payload());
        InstanceView::of(payload.unwrap_or_else(|| self.document.root()))
    }

    /// `ReturnValue`; none for methods without one.
    ///
    /// # Errors
    /// A value that is not a 32-bit number, or two of them: no answer may say both yes and no.
    pub fn return_value(&self) -> Result<Option<u32>, ReplyError> {
        let parameters = self.parameters();
        if parameters.elements().filter(|element| element.local() == "ReturnValue").count() > 1 {
            return Err(ReplyError::content("ReturnValue", "it stands there more than once"));
        }
        let value = parameters.number::<u32>("ReturnValue");
        value.map(Property::into_option).map_err(|error| ReplyError::content("ReturnValue", error.to_string()))
    }

    /// What is odd in the form of the reply.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// An output parameter that is a reference, such as `Job`: directly inside, or in an
    /// `a:EndpointReference`. Absent, nil and empty give none.
    pub fn reference(&self, name: &str) -> Option<EndpointReference> {
        self.parameters().property(name).into_option().and_then(EndpointReference::read)
    }

    /// The reply as it was read.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// Whether a method of this name changes nothing on a Hyper-V host. A short list: of any other name nothing is known.
pub fn reads_only(method: &str) -> bool {
    READING.contains(&method)
}

const READING: &[&str] = &[
    "GetError",
    "GetErrorEx",
    "GetReplicationStatistics",
    "GetReplicationStatisticsEx",
    "GetSummaryInformation",
    "GetSystemCertificates",
];

/// Writes the reply of a host; `parameters` writes the children with prefix `p`.
///
/// # Errors
/// A name or character that XML cannot carry.
pub fn write_response(
    context: &ResponseContext<'_>,
    class: &ResourceUri,
    method: &str,
    parameters: impl FnOnce(&mut Writer),
) -> Result<Vec<u8>, WriteError> {
    context.envelope(&format!("{class}/{method}Response"), &["x", "p"]).body(|writer| {
        writer.open("p", &format!("{method}_OUTPUT"));
        writer.declare("xsi", crate::xml::ns::XSI).declare("p", class.as_str()).declare("cim", crate::xml::ns::CIM);
        parameters(writer);
        writer.close();
    })
}
