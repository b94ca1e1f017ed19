//! Two simulated hosts that replicate to each other.

use std::sync::{Arc, Mutex};

use super::clock::{RealClock, SimulatorClock};
use super::host::Simulator;
use super::scenario::Scenario;
use super::site::{Side, Site};

/// A replica host and its primary host.
///
/// A VM that both have, with one GUID, is one relation: what is done on one host shows on the other, as in a planned
/// failover. Each host has its own name, faults and counts; account, password and clock are one.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The replica host: the one the scenario describes.
    pub replica: Arc<Simulator>,
    /// The primary host: where the scenario's `primary` says otherwise.
    pub primary: Arc<Simulator>,
}

impl Pair {
    /// Two hosts by the time of day.
    pub fn new(scenario: Scenario) -> Pair {
        Pair::with_clock(scenario, RealClock)
    }

    /// Two hosts by another clock.
    pub fn with_clock(scenario: Scenario, clock: impl SimulatorClock) -> Pair {
        let primary = scenario.of_primary();
        let clock: Arc<dyn SimulatorClock> = Arc::new(clock);
        let site = Arc::new(Mutex::new(Site::pair(&scenario, &primary, clock.now())));
        let password = Arc::default();
        let half = |scenario, side| {
            Simulator::over(scenario, Arc::clone(&clock), Arc::clone(&site), side, Arc::clone(&password))
        };
        let pair = Pair { replica: half(scenario, Side::Replica), primary: half(primary, Side::Primary) };
        pair.replica.join(&pair.primary);
        pair
    }
}
