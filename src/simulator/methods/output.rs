//! `_OUTPUT`: what a method answers.

use std::time::Duration;

use crate::cim::{ClassName, Instance, PropertyName, Value};
use crate::simulator::job::Job;
use crate::simulator::object::{Form, Path};
use crate::simulator::refusal::Refusal;
use crate::simulator::schema::Method;
use crate::simulator::text::{self, Language};
use crate::simulator::world::Outcome;
use crate::wsman::{self, ResourceUri, ResponseContext, invoke};
use crate::xml::{Writer, ns};

/// ReturnValue and the output parameters that are not NULL.
#[derive(Debug)]
pub(super) struct Answer {
    value: u32,
    given: Vec<(&'static str, Given)>,
}

/// The value of an output parameter.
#[derive(Debug)]
pub(super) enum Given {
    Reference(Path),
    References(Vec<Path>),
    /// As CIM-XML text each; none is NULL.
    Embedded(Vec<Instance>),
}

impl From<u32> for Answer {
    fn from(value: u32) -> Answer {
        Answer { value, given: Vec::new() }
    }
}

impl Answer {
    pub(super) fn of(outcome: Outcome) -> Answer {
        match outcome {
            Outcome::Done => Answer::from(0),
            Outcome::Job(id) => {
                Answer::from(4096).with("Job", Given::Reference(Path::new("Msvm_ConcreteJob", &[("InstanceID", &id)])))
            }
            Outcome::Refused(code) => Answer::from(code),
        }
    }

    pub(super) fn with(mut self, name: &'static str, given: Given) -> Answer {
        self.given.push((name, given));
        self
    }

    /// An output parameter that stays NULL while a job is to make what it names (seen for a sibling method).
    pub(super) fn with_if_done(self, name: &'static str, given: Given) -> Answer {
        if self.value == 0 { self.with(name, given) } else { self }
    }

    /// Output parameters in alphabetical order, then ReturnValue; one without a value is nil (recorded for sibling
    /// services).
    pub(super) fn write(
        &self,
        context: &ResponseContext<'_>,
        uri: &ResourceUri,
        method: &Method,
        form: &Form,
    ) -> Result<Vec<u8>, Refusal> {
        let mut texts = Vec::new();
        for (name, given) in &self.given {
            if let Given::Embedded(instances) = given {
                for instance in instances {
                    texts.push((*name, Value::text(instance.to_cim_xml().map_err(|_| Refusal::schema())?)));
                }
            }
        }
        let write = |writer: &mut Writer| {
            for name in method.outputs {
                let of_name = self.given.iter().filter(|(known, _)| known == name).map(|(_, given)| given);
                let paths = of_name.flat_map(|given| match given {
                    Given::Reference(path) => std::slice::from_ref(path),
                    Given::References(paths) => paths.as_slice(),
                    Given::Embedded(_) => &[],
                });
                let mut is_null = true;
                for path in paths {
                    is_null = false;
                    writer.open("p", name).declare("a", ns::ADDRESSING).declare("w", ns::WSMAN);
                    path.reference(&form.addressing).write(writer);
                    writer.close();
                }
                for (_, text) in texts.iter().filter(|(known, _)| known == name) {
                    is_null = false;
                    wsman::write_property(writer, "p", name, Some(text));
                }
                if is_null {
                    wsman::write_property(writer, "p", name, None);
                }
            }
            wsman::write_property(writer, "p", "ReturnValue", Some(&Value::uint32(self.value)));
        };
        invoke::write_response(context, uri, method.name, write).map_err(|_| Refusal::schema())
    }
}

/// Msvm_Error of a job that failed.
pub(super) fn error_of(job: &Job, now: Duration, language: Language) -> Option<Instance> {
    const CLASS: ClassName = ClassName::from_static("Msvm_Error");
    let progress = job.progress(now);
    (progress.error != 0).then(|| {
        Instance::new(CLASS)
            .with(PropertyName::from_static("Message"), text::error_detail(job).of(language))
            .with(PropertyName::from_static("MessageID"), progress.error.to_string())
            .with(PropertyName::from_static("ErrorSource"), format!("Msvm_ConcreteJob.InstanceID=\"{}\"", job.id))
            .with(PropertyName::from_static("ProbableCause"), Value::uint16(0))
            .with(PropertyName::from_static("PerceivedSeverity"), Value::uint16(4))
    })
}
