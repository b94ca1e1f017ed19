//! What an observer is told: every request of a message, its sizes and times, and no token.

use std::sync::{Arc, Mutex};

use super::host::{Act, ServerKey};
use super::*;
use crate::wsman::{Leg, Observer, Reply};

#[derive(Default)]
struct Notes {
    sending: Mutex<Vec<Vec<u8>>>,
    ended: Mutex<Vec<Ended>>,
}

/// The legs of a message, and the size of its reply or what failed.
type Ended = (Vec<Leg>, Result<usize, ExchangeErrorKind>);

impl Observer for Notes {
    fn sending(&self, message: &Message) {
        self.sending.lock().unwrap().push(message.bytes().to_vec());
    }

    fn exchanged(&self, _: &Message, legs: Vec<Leg>, outcome: Result<&Reply, &ExchangeError>) {
        let outcome = outcome.map(|reply| reply.bytes.len()).map_err(ExchangeError::kind);
        self.ended.lock().unwrap().push((legs, outcome));
    }
}

async fn observed(plan: Plan) -> (Host, Session, Arc<Notes>) {
    let host = Host::start(plan).await;
    let notes = Arc::new(Notes::default());
    let session = connector(&host).observer(notes.clone()).session().unwrap();
    (host, session, notes)
}

/// Connection, carries, status of each leg.
fn shape(legs: &[Leg]) -> Vec<(u64, bool, Option<u16>)> {
    legs.iter().map(|leg| (leg.connection, leg.carries, leg.status)).collect()
}

#[tokio::test]
async fn every_request_of_a_message_is_told_with_sizes_and_without_tokens() {
    let (host, session, notes) = observed(Plan::default()).await;
    good(&session, repeatable("first")).await;
    good(&session, once("second")).await;
    let ended = notes.ended.lock().unwrap();
    assert_eq!(shape(&ended[0].0), [(1, false, Some(401)), (1, true, Some(200))]);
    assert_eq!(shape(&ended[1].0), [(1, true, Some(200))]);
    assert_eq!(ended[0].1, Ok("re: first".len()));
    let legs: Vec<_> = ended.iter().flat_map(|(legs, _)| legs).collect();
    for (leg, request) in legs.iter().zip(host.requests()) {
        assert_eq!(leg.sent, request.body.len());
        assert!(leg.received > 0 || !leg.carries, "{leg:?}");
        let authorization = leg.request_headers.iter().find(|(name, _)| name == "authorization");
        assert!(authorization.is_none_or(|(_, value)| value.contains("bytes removed")), "{leg:?}");
        assert_eq!(leg.peer.as_deref(), Some("127.0.0.1"));
    }
    // Only the request that opened the connection says how long that took.
    let connects: Vec<_> = legs.iter().map(|leg| leg.timings.connect.is_some()).collect();
    assert_eq!(connects, [true, false, false]);
    assert!(legs.iter().all(|leg| leg.timings.tls.is_none() && leg.timings.wait > Duration::ZERO));
    assert_eq!(notes.sending.lock().unwrap().as_slice(), [b"first".to_vec(), b"second".to_vec()]);
}

#[tokio::test]
async fn a_lost_message_and_one_out_of_time_leave_their_legs() {
    let (_host, session, notes) = observed(Plan {
        script: |n| match n {
            1 => Act::Vanish,
            3 => Act::Stall,
            _ => Act::Good,
        },
        ..Plan::default()
    })
    .await;
    good(&session, repeatable("1")).await;
    good(&session, repeatable("2")).await;
    let short = Message::once("urn:x", "uuid:3", b"3".to_vec(), Duration::from_millis(50));
    bad(&session, short, ExchangeErrorKind::Timeout, Delivery::Unknown).await;
    let ended = notes.ended.lock().unwrap();
    assert_eq!(shape(&ended[1].0), [(1, true, None), (2, false, Some(401)), (2, true, Some(200))]);
    assert_eq!(shape(&ended[2].0), [(2, true, None)]);
    assert_eq!(ended[2].1, Err(ExchangeErrorKind::Timeout));
}

#[tokio::test]
async fn name_and_tls_have_times_of_their_own() {
    let key = ServerKey::new(rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap());
    let trust = Trust::ca(&key.der).unwrap();
    let host = Host::start(Plan { tls: Some(key), ..Plan::default() }).await;
    let notes = Arc::new(Notes::default());
    let endpoint: Endpoint = format!("https://localhost:{}/wsman", host.address.port()).parse().unwrap();
    let connector = Connector::new(endpoint).credentials(credentials(PASSWORD)).trust(trust);
    let session = connector.observer(notes.clone()).session().unwrap();
    good(&session, repeatable("1")).await;
    let ended = notes.ended.lock().unwrap();
    let timings = ended[0].0[0].timings;
    assert!(
        timings.resolve.is_some() && timings.connect.is_some() && timings.tls > Some(Duration::ZERO),
        "{timings:?}"
    );
    assert_eq!(ended[0].0[1].timings.tls, None);
}
