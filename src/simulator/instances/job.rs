//! Jobs, and what they work on.

use crate::cim::{CimDatetime, Datetime, Value};
use crate::simulator::job::{Job, KEPT};
use crate::simulator::object::{Object, Path};
use crate::simulator::schema;
use crate::simulator::text::{self, Text};

use super::values::{interval, point_in_time};
use super::{View, link};

impl View<'_> {
    pub(super) fn job(&self, job: &Job) -> Object {
        let progress = job.progress(self.now);
        let failed = progress.error != 0;
        let status = match (progress.is_final, failed) {
            (false, _) => Value::uint16s([2]),
            (true, false) => Value::uint16s([17, 2]),
            (true, true) => Value::uint16s([17, 6]),
        };
        let described = |text: Text| if failed { self.text(text) } else { "" };
        let object = Object::new(&schema::JOB)
            .with("Cancellable", job.script.cancellable && !progress.is_final)
            .with("Caption", self.text(text::CONCRETE_JOB))
            .with("DeleteOnCompletion", false)
            .with("Description", self.text(text::CONCRETE_JOB))
            .with("ElapsedTime", interval(progress.elapsed))
            .with("ElementName", self.text(text::CONCRETE_JOB))
            .with_number("ErrorCode", progress.error)
            .with("ErrorDescription", described(text::error_detail(job)))
            .with("ErrorSummaryDescription", described(text::error_summary(job)))
            .with_number("HealthState", if failed { 20 } else { 5 })
            .with("InstallDate", Value::from(CimDatetime::from(Datetime::NEVER)))
            .with("InstanceID", job.id.as_str())
            .with_number("JobState", progress.state)
            .with("JobStatus", self.text(progress.status))
            .with_number("JobType", job.kind)
            .with_number("LocalOrUtcTime", 2)
            .with("Name", "Msvm_ConcreteJob")
            .with("OperationalStatus", status)
            .with("Owner", format!("{}\\SYSTEM", self.world.computer))
            .with("StartTime", point_in_time(job.started))
            .with("Status", "OK")
            .with("TimeBeforeRemoval", interval(KEPT))
            .with("TimeOfLastStateChange", point_in_time(job.started.saturating_add(progress.elapsed)))
            .with("TimeSubmitted", point_in_time(job.started))
            .with_nulls(&["CommunicationStatus", "DetailedStatus", "JobRunTimes", "Notify", "OperatingStatus"])
            .with_nulls(&["OtherRecoveryAction", "Parent", "PrimaryStatus", "Priority", "RecoveryAction"])
            .with_nulls(&["RunDay", "RunDayOfWeek", "RunMonth", "RunStartInterval", "ScheduledStartTime"])
            .with_nulls(&["StatusDescriptions", "UntilTime"]);
        match progress.percent {
            Some(percent) => object.with_number("PercentComplete", percent),
            None => object.with_nulls(&["PercentComplete"]),
        }
    }

    /// The VM it works on, with ElementEffects 0; when it is over, what it has made, with 5 (both recorded).
    pub(super) fn affected(&self, job: &Job) -> Vec<Object> {
        let path = Path::new("Msvm_ConcreteJob", &[("InstanceID", &job.id)]);
        let rows = [(Some(job.vm.as_str()), 0), (job.created(), 5)];
        let rows = rows.into_iter().filter_map(|(id, effect)| {
            let vm = self.world.vms.iter().find(|vm| Some(vm.id.as_str()) == id)?;
            let row = link(&schema::AFFECTED_JOB_ELEMENT, "AffectedElement", "AffectingElement", vm, path.clone());
            Some(
                row.with("ElementEffects", Value::uint16s([effect]))
                    .with("OtherElementEffectsDescriptions", Value::texts([""])),
            )
        });
        rows.collect()
    }
}
