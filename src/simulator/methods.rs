//! Methods: input checked against the class, work handed to the world, output written.

use crate::cim::ClassName;
use crate::cim::{Instance, PropertyName, Value};
use crate::wsman::{self, EndpointReference, Request, RequestHeader, ResourceUri, invoke};
use crate::xml::{Element, Writer, ns};

use super::job::Job;
use super::object::same_text;
use super::refusal::Refusal;
use super::schema::{self, Class, Input, Method};
use super::service::{Resource, Service, keys};
use super::text;
use super::text::Language;
use super::world::{Call, INVALID_PARAMETER, INVALID_STATE, Outcome};

/// Input parameters that were understood, by name.
struct Inputs {
    references: Vec<(&'static str, EndpointReference)>,
    numbers: Vec<(&'static str, u16)>,
}

impl Inputs {
    fn reference(&self, name: &str) -> Option<&EndpointReference> {
        self.references.iter().find(|(known, _)| *known == name).map(|(_, reference)| reference)
    }

    fn number(&self, name: &str) -> Option<u16> {
        self.numbers.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }
}

impl Service<'_> {
    pub(super) fn invoke(&mut self, resource: &Resource, method: &str, request: &Request) -> Result<Vec<u8>, Refusal> {
        let class = resource.class.ok_or_else(Refusal::action_not_supported)?;
        let method = class.method(method).ok_or_else(Refusal::action_not_supported)?;
        let uri = resource.form.addressing.class(class.name);
        // The action is the class URI and the method: one that names another class is another action.
        let action = request.header.action.as_deref().unwrap_or("");
        if !action.eq_ignore_ascii_case(&format!("{uri}/{}", method.name)) {
            return Err(Refusal::action_not_supported());
        }
        let target = self.target(class, &request.header)?;
        let payload = request.payload().ok_or_else(Refusal::schema)?;
        if !payload.namespace().eq_ignore_ascii_case(uri.as_str()) {
            return Err(Refusal::schema());
        }
        let inputs = read_inputs(method, payload)?;
        if let Some(number) = self.deviation.returns {
            if self.deviation.is_taken {
                self.work(class, method, &target, &inputs);
            }
            return self.output(resource, &uri, method, &Outcome::Refused(number));
        }
        if *class == schema::JOB && method.name.starts_with("GetError") {
            return self.job_errors(&uri, method, &target);
        }
        let outcome = self.work(class, method, &target, &inputs);
        self.output(resource, &uri, method, &outcome)
    }

    /// The instance that the selectors name: for a VM by GUID, for a job by id, for a service its name.
    fn target(&self, class: &'static Class, header: &RequestHeader) -> Result<String, Refusal> {
        let names: Vec<_> = keys(header).collect();
        // A service without the selectors that name it (seen on live hosts for siblings of this one).
        let wants_all = self.scenario.all_service_keys && *class == schema::REPLICATION_SERVICE;
        if names.is_empty() || (wants_all && names.len() < class.keys.len()) {
            return Err(Refusal::internal());
        }
        if names.iter().any(|name| !class.is_key(name)) {
            return Err(Refusal::selectors("UnexpectedSelectors"));
        }
        let found = self.all(class).into_iter().find(|object| object.matches(&header.selectors));
        let object = found.ok_or_else(Refusal::not_found)?;
        let key = if *class == schema::JOB { "InstanceID" } else { "Name" };
        Ok(object.text(key).unwrap_or("").to_owned())
    }

    fn work(&mut self, class: &Class, method: &Method, target: &str, inputs: &Inputs) -> Outcome {
        let call = Call { now: self.now, job_id: self.job_id.clone(), script: self.deviation.job.clone() };
        if *class == schema::JOB {
            return Outcome::Refused(INVALID_STATE);
        }
        if *class == schema::COMPUTER_SYSTEM {
            let Some(wanted) = inputs.number("RequestedState") else { return Outcome::Refused(INVALID_PARAMETER) };
            return self.state.world.request_state(target, wanted, call);
        }
        let vm = inputs.reference("ComputerSystem").and_then(|reference| {
            let is_vm = reference.resource.last_segment().eq_ignore_ascii_case("Msvm_ComputerSystem");
            reference.selectors.value("Name").filter(|_| is_vm).map(str::to_owned)
        });
        let Some(vm) = vm else { return Outcome::Refused(INVALID_PARAMETER) };
        let world = &mut self.state.world;
        match method.name {
            "CommitFailover" => world.commit_failover(&vm, call),
            "RevertFailover" => world.revert_failover(&vm, call),
            _ => match inputs.reference("SnapshotSettingData") {
                None => world.initiate_failover(&vm, None, call),
                Some(point) => {
                    let is_settings =
                        point.resource.last_segment().eq_ignore_ascii_case("Msvm_VirtualSystemSettingData");
                    let id = point.selectors.value("InstanceID").filter(|_| is_settings).unwrap_or("");
                    world.initiate_failover(&vm, Some(id), call)
                }
            },
        }
    }

    /// Job before ReturnValue; a Job without one is nil (both recorded for sibling services).
    fn output(
        &self,
        resource: &Resource,
        uri: &ResourceUri,
        method: &Method,
        outcome: &Outcome,
    ) -> Result<Vec<u8>, Refusal> {
        let (job, value) = match outcome {
            Outcome::Done => (None, 0),
            Outcome::Job(id) => (Some(id), 4096),
            Outcome::Refused(code) => (None, *code),
        };
        let write = |writer: &mut Writer| {
            match job {
                None => wsman::write_property(writer, "p", "Job", None),
                Some(id) => {
                    let keys = wsman::SelectorSet::new().with("InstanceID", id);
                    writer.open("p", "Job").declare("a", ns::ADDRESSING).declare("w", ns::WSMAN);
                    resource.form.addressing.reference("Msvm_ConcreteJob", keys).write(writer);
                    writer.close();
                }
            }
            wsman::write_property(writer, "p", "ReturnValue", Some(&Value::uint32(value)));
        };
        invoke::write_response(&self.context, uri, method.name, write).map_err(|_| Refusal::schema())
    }

    /// GetError and GetErrorEx: Msvm_Error as escaped CIM-XML text.
    fn job_errors(&self, uri: &ResourceUri, method: &Method, id: &str) -> Result<Vec<u8>, Refusal> {
        let world = &self.state.world;
        let job = world.visible_jobs(self.now).find(|job| same_text(&job.id, id)).ok_or_else(Refusal::not_found)?;
        let text = error_of(job, self.now, self.scenario.language).map(|error| error.to_cim_xml());
        let text = text.transpose().map_err(|_| Refusal::schema())?.map(Value::text);
        let name = if method.name == "GetErrorEx" { "Errors" } else { "Error" };
        let write = |writer: &mut Writer| {
            wsman::write_property(writer, "p", name, text.as_ref());
            wsman::write_property(writer, "p", "ReturnValue", Some(&Value::uint32(0)));
        };
        invoke::write_response(&self.context, uri, method.name, write).map_err(|_| Refusal::schema())
    }
}

fn error_of(job: &Job, now: std::time::Duration, language: Language) -> Option<Instance> {
    const CLASS: ClassName = ClassName::from_static("Msvm_Error");
    let progress = job.progress(now);
    (progress.error != 0).then(|| {
        Instance::new(CLASS)
            .with(PropertyName::from_static("Message"), text::ERROR_DETAIL.of(language))
            .with(PropertyName::from_static("MessageID"), progress.error.to_string())
            .with(PropertyName::from_static("ErrorSource"), format!("Msvm_ConcreteJob.InstanceID=\"{}\"", job.id))
            .with(PropertyName::from_static("ProbableCause"), Value::uint16(0))
            .with(PropertyName::from_static("PerceivedSeverity"), Value::uint16(4))
    })
}

/// Parameter names are matched with case; a reference is Address and ReferenceParameters directly, and a wrapper
/// inside it breaks the schema (seen on a live host).
fn read_inputs(method: &'static Method, payload: Element<'_>) -> Result<Inputs, Refusal> {
    let mut inputs = Inputs { references: Vec::new(), numbers: Vec::new() };
    for element in payload.children() {
        let known = method.inputs.iter().find(|(name, _)| *name == element.local());
        let (name, input) = known.filter(|_| element.same_namespace(payload)).ok_or_else(Refusal::schema)?;
        if element.is_nil() {
            continue;
        }
        match input {
            Input::Reference => {
                let is_wrapped = element.child(ns::ADDRESSING, "EndpointReference").is_some();
                let reference = EndpointReference::read(element).filter(|_| !is_wrapped);
                inputs.references.push((name, reference.ok_or_else(Refusal::schema)?));
            }
            Input::Number => {
                inputs.numbers.push((name, element.text().trim().parse().map_err(|_| Refusal::schema())?));
            }
            // TimeoutPeriod is documented as unused.
            Input::Datetime => {}
        }
    }
    Ok(inputs)
}
