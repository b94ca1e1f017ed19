//! What was read too long ago is read again before a call rests on it: a person may have thought for minutes, a guest may
//! have taken as long to shut down, and somebody may have been at work meanwhile.

use std::time::{Duration, SystemTime};

use super::action::{Action, Observation};
use super::order::Site;
use super::outcome::{Cause, Outcome, Refusal};
use super::preflight::Proposal;
use super::scene::{Ask, Told};
use super::steps::StepName;
use super::workflow::{Phase, Workflow};

/// How long an answer about a VM is believed.
const FRESH: Duration = Duration::from_secs(15);
/// How often a question that brings no answer is asked again: after 1, 2, 4 and 8 seconds.
const RETRIES: u32 = 4;

impl Workflow {
    /// The next question about something that a step rests on and that was read too long ago.
    pub(super) fn stale(&self, now: Duration, name: StepName) -> Option<(Site, Ask)> {
        if !name.calls() {
            return None;
        }
        let is_old = |at: Duration| now.saturating_sub(at) > FRESH;
        for site in Site::ALL {
            let sight = self.scene.of(site);
            if let Some(vm) = sight.vm.as_ref().filter(|_| is_old(sight.read_at.vm)) {
                return Some((site, Ask::Vm(vm.id.clone())));
            }
        }
        let host = &self.scene.host;
        let id = &host.vm.as_ref()?.id;
        if name.is_about_test_vm() && is_old(host.read_at.test_vms) {
            return Some((Site::Host, Ask::TestVms(id.clone())));
        }
        if name == StepName::SetTestSwitch && is_old(host.read_at.connections) {
            return Some((Site::Host, Ask::Connections(id.clone())));
        }
        None
    }

    /// An answer to such a question, or a wait after none.
    pub(super) fn refreshed(
        &mut self,
        now: Duration,
        wall: SystemTime,
        site: Site,
        misses: u32,
        seen: Observation,
    ) -> Action {
        let told = match seen {
            Observation::Told(Ok(told)) => told,
            Observation::Told(Err(error)) if misses < RETRIES && error.is_contact_lost() => {
                let phase = Phase::Refreshing { site, misses: misses + 1 };
                return self.go(phase, Action::Wait(Duration::from_secs(1 << misses)));
            }
            Observation::Told(Err(error)) => {
                return match self.done.iter().all(|step| step.was_so) {
                    true => Action::Finish(Outcome::NotSent(error)),
                    false => self.stop(Cause::NotSent(error)),
                };
            }
            _ => {
                let stale = self.step().and_then(|name| self.stale(now, name));
                let Some((site, ask)) = stale else { return self.step_on(now, wall) };
                return self.go(Phase::Refreshing { site, misses }, Action::Ask { site, ask });
            }
        };
        let is_gone = matches!(told, Told::Vm(None));
        self.know(now, site, told);
        match (is_gone, self.is_untouched()) {
            (true, true) => self.refuse(Refusal::NotVisible { vm: self.order().vm.to_string(), site }),
            (true, false) => self.stop(Cause::Changed(format!("the {site} does not show the VM any more"))),
            (false, true) => self.confirm_again(now, wall),
            (false, false) => self.step_on(now, wall),
        }
    }

    /// Whether nothing was done yet, by this process or an earlier one.
    fn is_untouched(&self) -> bool {
        !self.is_resumed && self.done.is_empty()
    }

    /// What was confirmed must still be what is there.
    fn confirm_again(&mut self, now: Duration, wall: SystemTime) -> Action {
        if let Some(again) = self.step().and_then(|name| self.stale(now, name)) {
            let (site, ask) = again;
            return self.go(Phase::Refreshing { site, misses: 0 }, Action::Ask { site, ask });
        }
        let (Some(confirmed), Some(vm)) = (&self.proposal, self.scene.host.vm.clone()) else {
            return self.step_on(now, wall);
        };
        let again = Box::new(Proposal::draw(&self.order, &self.scene, vm, wall));
        if !again.may_go_on() {
            return self.refuse(Refusal::Preflight(again));
        }
        if again.is_like(confirmed) {
            return self.step_on(now, wall);
        }
        self.adopt(&again);
        self.go(Phase::Confirming, Action::Confirm(again))
    }
}
