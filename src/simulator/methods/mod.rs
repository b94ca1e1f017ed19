//! Methods: input checked against the class, work handed to the world, output written.

mod embedded;
mod inputs;
mod output;

use super::lifecycle::{InitialReplication, Relation, test_id};
use super::object::{Path, same_text};
use super::refusal::Refusal;
use super::schema::{self, Class, Method};
use super::service::{Resource, Service, keys};
use super::world::{Call, INVALID_PARAMETER, Outcome, World};
use crate::wsman::{Request, RequestHeader};

use inputs::Inputs;
use output::{Answer, Given};

impl Service<'_> {
    pub(super) fn invoke(&mut self, resource: &Resource, method: &str, request: &Request) -> Result<Vec<u8>, Refusal> {
        let class = resource.class.ok_or_else(Refusal::action_not_supported)?;
        let method = self.catalogue().method(class, method).ok_or_else(Refusal::action_not_supported)?;
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
        let inputs = Inputs::read(method, payload)?;
        let answer = match self.deviation.returns {
            Some(number) => {
                if self.deviation.is_taken {
                    self.work(class, method, &target, &inputs);
                }
                Answer::from(number)
            }
            None => self.work(class, method, &target, &inputs),
        };
        answer.write(&self.context, &uri, method, &resource.form)
    }

    /// The instance that the selectors name: for a VM by GUID, for a job by id, for a service its name.
    fn target(&self, class: &'static Class, header: &RequestHeader) -> Result<String, Refusal> {
        let names: Vec<_> = keys(header).collect();
        // A service without the selectors that name it (seen on live hosts: the management service answers otherwise
        // than its siblings).
        let wants_all = self.scenario.all_service_keys && *class == schema::REPLICATION_SERVICE;
        if names.is_empty() || (wants_all && names.len() < class.keys.len()) {
            return Err(match *class == schema::MANAGEMENT_SERVICE {
                true => Refusal::wmi_parameters(),
                false => Refusal::internal(),
            });
        }
        if names.iter().any(|name| !class.is_key(name)) {
            return Err(Refusal::selectors("UnexpectedSelectors"));
        }
        let found = self.all(class).into_iter().find(|object| object.matches(&header.selectors));
        let object = found.ok_or_else(Refusal::not_found)?;
        let key = match class.name {
            "Msvm_ConcreteJob" => "InstanceID",
            "Msvm_ShutdownComponent" => "SystemName",
            _ => "Name",
        };
        Ok(object.text(key).unwrap_or("").to_owned())
    }

    fn work(&mut self, class: &Class, method: &'static Method, target: &str, inputs: &Inputs) -> Answer {
        let answer = match class.name {
            "Msvm_ConcreteJob" => Ok(self.work_of_job(method, target, inputs)),
            "Msvm_ComputerSystem" => self.work_of_vm(method, target, inputs),
            "Msvm_ShutdownComponent" => {
                let force = inputs.flag("Force").unwrap_or(false);
                let reason = inputs.text("Reason");
                Ok(self.run(|world, call| world.initiate_shutdown(target, force, reason, call)))
            }
            "Msvm_VirtualSystemManagementService" => self.work_of_management(method, inputs),
            _ => self.work_of_replication(method, inputs),
        };
        answer.unwrap_or_else(Answer::from)
    }

    fn work_of_job(&mut self, method: &Method, id: &str, inputs: &Inputs) -> Answer {
        if method.name != "RequestStateChange" {
            let job = self.world().visible_jobs(self.now).find(|job| same_text(&job.id, id));
            let error = job.and_then(|job| output::error_of(job, self.now, self.scenario.language));
            let name = if method.name == "GetErrorEx" { "Errors" } else { "Error" };
            return Answer::from(0).with(name, Given::Embedded(error.into_iter().collect()));
        }
        let (wanted, now) = (inputs.number("RequestedState").unwrap_or(0), self.now);
        let code = self.site.world_mut(self.side).request_job_state(id, wanted, now);
        self.site.settle(now);
        code.into()
    }

    fn work_of_vm(&mut self, method: &Method, vm: &str, inputs: &Inputs) -> Result<Answer, u32> {
        let wanted = inputs.number("RequestedState").ok_or(INVALID_PARAMETER)?;
        if method.name == "RequestStateChange" {
            return Ok(self.run(|world, call| world.request_state(vm, wanted, call)));
        }
        let relation = inputs.relation(vm)?.unwrap_or(Relation::Primary);
        Ok(self.run(|world, call| world.request_replication_state(method.name, vm, relation, wanted, call)))
    }

    fn work_of_management(&mut self, method: &Method, inputs: &Inputs) -> Result<Answer, u32> {
        if method.name == "DestroySystem" {
            let vm = inputs.vm("AffectedSystem")?;
            return Ok(self.run(|world, call| world.destroy(vm, call)));
        }
        let settings = inputs.embedded_list("ResourceSettings")?;
        let answer = self.run(|world, call| world.modify_resources(&settings, call));
        let ids = settings.iter().filter_map(|setting| setting.text("InstanceID"));
        let paths = ids.map(|id| Path::new(schema::CONNECTION_SETTINGS.name, &[("InstanceID", id)]));
        Ok(answer.with_if_done("ResultingResourceSettings", Given::References(paths.collect())))
    }

    fn work_of_replication(&mut self, method: &'static Method, inputs: &Inputs) -> Result<Answer, u32> {
        let vm = inputs.vm("ComputerSystem")?;
        let point = inputs.has("SnapshotSettingData").then(|| {
            // What is no setting of a VM is no point of it either.
            inputs.key("SnapshotSettingData", "Msvm_VirtualSystemSettingData", "InstanceID").unwrap_or("")
        });
        Ok(match method.name {
            "InitiateFailover" => self.run(|world, call| world.initiate_failover(vm, point, call)),
            "CommitFailover" => self.run(|world, call| world.commit_failover(vm, call)),
            "RevertFailover" => self.run(|world, call| world.revert_failover(vm, call)),
            "TestReplicaSystem" => {
                let answer = self.run(|world, call| world.test_replica(vm, point, call));
                answer.with_if_done("ResultingSystem", Given::Reference(Path::of_vm(&test_id(&self.job_id))))
            }
            "ReverseReplicationRelationship" => {
                let settings = inputs.embedded("ReplicationSettingData")?.ok_or(INVALID_PARAMETER)?;
                self.run(|world, call| world.reverse(vm, settings, call))
            }
            "StartReplication" => {
                let input = InitialReplication {
                    kind: inputs.number("InitialReplicationType"),
                    location: inputs.text("InitialReplicationExportLocation"),
                    is_later: inputs.has("StartTime"),
                };
                self.run(|world, call| world.start_replication(vm, input, call))
            }
            "SetFailoverNetworkAdapterSettings" => {
                let settings = inputs.embedded_list("NetworkSettings")?;
                self.run(|world, call| world.set_failover_addresses(vm, &settings, call))
            }
            _ => {
                // The Ex form must name a relation.
                let relation = match inputs.relation(vm)? {
                    None if method.name == "GetReplicationStatistics" => Relation::Primary,
                    relation => relation.ok_or(INVALID_PARAMETER)?,
                };
                let found = self.site.world_mut(self.side).statistics(method.name, vm, relation, self.now)?;
                Answer::from(0)
                    .with("ReplicationHealthIssues", Given::Embedded(found.issues))
                    .with("ReplicationStatistics", Given::Embedded(vec![found.numbers]))
            }
        })
    }

    /// Lets the world of this host begin with the wishes of the request's fault.
    fn run(&mut self, method: impl FnOnce(&mut World, Call<'_>) -> Outcome) -> Answer {
        let call = Call {
            now: self.now,
            message_id: self.message_id.to_owned(),
            job_id: self.job_id.clone(),
            script: self.deviation.job.clone(),
            there: None,
        };
        Answer::of(self.site.work(self.side, call, method))
    }
}
