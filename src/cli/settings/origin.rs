//! Where a value came from: said where it is what a login or a connection failed with.

use super::Layer;
use crate::cli::problem::Problem;

/// Where the values of a layer came from.
#[derive(Debug, Clone)]
pub enum From {
    /// The command line.
    Flag,
    /// The options of the primary, or those of the host.
    PrimaryFlag,
    /// Variables.
    Environment,
    /// The journal of a run.
    Journal,
    /// A profile, in words.
    Named(String),
}

impl From {
    fn of(&self, flag: &str, primary_flag: &str, variable: &str) -> String {
        match self {
            From::Flag => flag.to_owned(),
            From::PrimaryFlag => primary_flag.to_owned(),
            From::Environment => variable.to_owned(),
            From::Journal => "the journal of the run".to_owned(),
            From::Named(name) => name.clone(),
        }
    }
}

/// Where the values came from that a connection can fail with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    host: Option<String>,
    user: Option<String>,
    password: Option<String>,
    trust: Option<String>,
    /// A default profile that is for another host, and so lent nothing of its own.
    kept_back: Option<String>,
}

impl Origins {
    /// Of layers, the nearest first.
    pub(super) fn of(layers: &[(Layer, From)], password: String) -> Origins {
        let first = |has: fn(&Layer) -> bool| layers.iter().find(|(layer, _)| has(layer)).map(|(_, from)| from);
        let trusts = |layer: &Layer| layer.ca.is_some() || layer.pin_sha256.is_some() || layer.insecure == Some(true);
        Origins {
            host: first(|layer| layer.host.is_some()).map(|from| from.of("-H", "--primary", "HVR_HOST")),
            kept_back: None,
            user: first(|layer| layer.user.is_some()).map(|from| from.of("-u", "--primary-user or -u", "HVR_USER")),
            password: Some(password).filter(|password| !password.is_empty()),
            trust: first(trusts)
                .map(|from| from.of("the command line", "the command line", "HVR_CA, HVR_PIN_SHA256 or HVR_INSECURE")),
        }
    }

    /// With a profile that was there, and was for another host.
    pub(super) fn keeping_back(self, profile: Option<String>) -> Origins {
        Origins { kept_back: profile, ..self }
    }

    /// Says of something that is missing that a profile would have it, if it were asked.
    pub fn missed(&self, problem: Problem) -> Problem {
        let Some(profile) = &self.kept_back else { return problem };
        let said = format!(
            "the default profile {profile} is for another host and lends this one nothing; --profile {profile} takes it all the \
             same"
        );
        let remedy = if problem.remedy.is_empty() { said } else { format!("{}; {said}", problem.remedy) };
        problem.remedy(remedy)
    }

    /// Says of a problem with a host where the values came from that it may lie in.
    pub fn told(&self, problem: Problem, host: &str) -> Problem {
        let of_login = [("the user", &self.user), ("the password", &self.password)];
        let of_trust = [("the host", &self.host), ("what is trusted", &self.trust)];
        let of_host = [("the host", &self.host)];
        let values: &[(&str, &Option<String>)] = match problem.code {
            "login" | "kerberos" | "credssp" | "access-denied" | "no-scheme" | "http-403" => &of_login,
            "tls" => &of_trust,
            "dns" | "connect" | "timeout" | "connection-lost" | "http-404" | "http-503" => &of_host,
            _ => return problem,
        };
        let said: Vec<_> =
            values.iter().filter_map(|(what, from)| from.as_ref().map(|from| format!("{what} from {from}"))).collect();
        if said.is_empty() {
            return problem;
        }
        let said = format!("for {host}: {}", said.join(", "));
        let remedy = match problem.remedy.is_empty() {
            true => said.clone(),
            false => format!("{}; {said}", problem.remedy),
        };
        self.missed(problem.remedy(remedy).detail("origins", serde_json::json!(said)))
    }
}
