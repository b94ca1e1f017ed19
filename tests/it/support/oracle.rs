//! One oracle for each reader: whatever the bytes, it returns, it is bounded, and its error says something.
//!
//! Used by the tests in `hostile.rs` and by the fuzz targets, which include this file.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use hyperv_replica::auth::accept::{Acceptor, AcceptorOptions, BindingPolicy, Strictness, unseal_request};
use hyperv_replica::auth::{
    ChannelBinding, Credentials, Entropy, Handshake, Initiator, NegotiateInitiator, Options, Secret, SecurityContext,
    ServiceName, Step, offered, unseal_message,
};
use hyperv_replica::capture::{Keytab, Opener, PassiveKerberos, PassiveNtlm, Sender, TokenKind, read_capture};
use hyperv_replica::cim::{CimDatetime, Instance, mof};
use hyperv_replica::hyperv::{
    AdapterAddress, Connection, FailoverSettings, Invoked, Job, JobRef, RecoveryPoint, Relation, ReplicationSettings,
    ReplicationStatistics, Vm,
};
use hyperv_replica::simulator::Scenario;
use hyperv_replica::trace::{Again, Anonymiser, Answers, Meaning, Recorder, Redactor, Trace, differences, pretty};
use hyperv_replica::transport::{ClientCertificate, Pin, Proxy, ServerCertificate};
use hyperv_replica::wsman::{
    ClassAddressing, Create, Decoded, Delete, Enumerate, Fragment, Get, GetFragment, Identify, Invoke, Operation, Pull,
    Put, RawRequest, Release, Renew, Representation, Request, ResourceUri, SelectorSet, Subscribe, Unsubscribe, diff,
    lint,
};
use hyperv_replica::xml::Document;

/// Every error must say something, in bounded space.
fn says<T>(result: Result<T, impl std::fmt::Display>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && text.len() < 4096, "an error of {} bytes", text.len());
            None
        }
    }
}

/// XML: the document and every view of it.
pub fn xml(bytes: &[u8]) {
    let Some(document) = says(Document::parse(bytes)) else { return };
    let mut open = vec![(document.root(), 0)];
    let mut seen = 0;
    while let Some((element, depth)) = open.pop() {
        seen += 1;
        assert!(depth <= 64 && seen <= bytes.len());
        assert!(element.text().len() <= bytes.len() * 8);
        let _ = (element.qname(), element.is_nil(), element.namespace(), element.attributes().count());
        open.extend(element.children().map(|child| (child, depth + 1)));
    }
}

/// Replies to every operation, and what is read from them; requests as a host reads them.
pub fn wsman(bytes: &[u8]) {
    let addressing = ClassAddressing::microsoft("root/virtualization/v2");
    let target = addressing.reference("Msvm_ReplicationService", SelectorSet::new());
    let resource = addressing.all_classes();
    says(Identify.read(bytes.to_vec(), ""));
    if let Some(response) = says(Get { target: target.clone() }.read(bytes.to_vec(), "uuid:1")) {
        let reference = JobRef::by_id(ResourceUri::new("x"), "y");
        says(Job::read(reference, &response.instance()));
        says(Vm::read(&response.instance()));
        says(RecoveryPoint::read(&response.instance()));
        says(Relation::read(&response.instance()));
        says(FailoverSettings::read(&response.instance()));
        says(Connection::read(&response.instance()));
        if let Some(Some(settings)) = says(ReplicationSettings::read(&response.instance())) {
            says(settings.reversed(None).to_cim_xml());
        }
    }
    let selectors = SelectorSet::new();
    let pull = Pull { resource: resource.clone(), selectors: selectors.clone(), context: String::new() };
    for page in [
        says(Enumerate::new(resource.clone()).read(bytes.to_vec(), "uuid:1")),
        says(pull.read(bytes.to_vec(), "uuid:1")),
    ] {
        let items = page.iter().flat_map(|page| page.items()).filter_map(|item| item.reference()).count();
        assert!(items <= bytes.len());
    }
    let subscribe = Subscribe {
        resource: resource.clone(),
        selectors: selectors.clone(),
        filter: None,
        expires: None,
        heartbeats: None,
    };
    if let Some(made) = says(subscribe.read(bytes.to_vec(), "uuid:1")) {
        says(Renew { manager: made.manager.clone(), expires: None }.read(bytes.to_vec(), "uuid:1"));
        says(Unsubscribe { manager: made.manager }.read(bytes.to_vec(), "uuid:1"));
    }
    if let Some(document) = says(Document::parse(bytes)) {
        let content = Representation::from(document);
        says(Put { target: target.clone(), content: content.clone() }.read(bytes.to_vec(), "uuid:1"));
        says(
            Create { resource: resource.clone(), selectors: selectors.clone(), content }.read(bytes.to_vec(), "uuid:1"),
        );
    }
    let fragment = Fragment::new("Name");
    says(GetFragment { target: target.clone(), fragment }.read(bytes.to_vec(), "uuid:1"));
    says(Delete { target: target.clone() }.read(bytes.to_vec(), "uuid:1"));
    says(Release { resource, selectors, context: String::new() }.read(bytes.to_vec(), "uuid:1"));
    if let Some(output) = says(Invoke::new(target, "InitiateFailover").read(bytes.to_vec(), "uuid:1")) {
        says(Invoked::read("InitiateFailover", &output));
    }
    for finding in lint::lint(bytes) {
        assert!(!finding.text.is_empty() && finding.text.len() < 4096 + bytes.len());
    }
    if let Some(decoded) = says(Decoded::read(bytes)) {
        let _ = (decoded.is_reply(), decoded.content(), decoded.headers().count());
        assert!(
            diff::diff(decoded.document(), decoded.document()).unwrap().is_empty(),
            "an envelope differs from itself"
        );
        assert!(diff::diff_answers(decoded.document(), decoded.document()).is_empty());
    }
    if let Some(raw) = says(RawRequest::fresh(bytes)) {
        says(raw.read(bytes.to_vec(), "uuid:1"));
    }
    if let Some(request) = says(Request::read(bytes)) {
        let _ = request.payload();
    }
}

/// CIM-XML, datetimes and MOF.
pub fn cim(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(instance) = says(Instance::from_cim_xml(&text)) {
        says(instance.to_cim_xml());
        let _ = ReplicationStatistics::read(&instance);
    }
    if let Some(address) = says(text.parse::<AdapterAddress>()) {
        assert_eq!(says(address.to_string().parse::<AdapterAddress>()), Some(address));
    }
    if let Some(time) = says(text.parse::<CimDatetime>()) {
        assert!(time.to_dmtf().len() == 25);
    }
    if let Err(error) = mof::read(&text) {
        assert!(!error.to_string().is_empty() && error.to_string().len() < 64 * 1024);
    }
}

/// NTLM on both sides, and the headers that carry it.
pub fn login(bytes: &[u8]) {
    says(initiator().authenticate(bytes));
    let mut acceptor = acceptor();
    says(acceptor.challenge(bytes));
    let mut initiator = initiator();
    let negotiate = initiator.negotiate();
    if says(acceptor.challenge(&negotiate)).is_some() {
        says(acceptor.authenticate(bytes));
    }
    let header = String::from_utf8_lossy(bytes);
    assert!(offered(std::iter::once(header.as_ref())).len() <= bytes.len() + 1);
}

/// Certificates of servers: what logins are bound to, and what people are shown of them.
pub fn certificate(bytes: &[u8]) {
    says(ChannelBinding::tls_server_end_point(bytes));
    let shown = ServerCertificate::read(bytes.to_vec());
    assert!(shown.names.len() <= bytes.len() && shown.der == bytes);
    assert_eq!(shown.pin, Pin::of(bytes));
}

/// SPNEGO: the bytes as the answer to the first token, and as the last answer, after an honest challenge.
pub fn spnego(bytes: &[u8]) {
    let mut login = Handshake::from(NegotiateInitiator::new(None, Some(initiator())));
    assert!(matches!(login.step(&[]), Ok(Step::More(_))));
    assert!(says(login.step(bytes)) != Some(Step::Done), "a login without a proof");
    let mut login = Handshake::from(NegotiateInitiator::new(None, Some(initiator())));
    says(login.step(&[]));
    let challenge = acceptor().challenge(&initiator().negotiate()).unwrap();
    let content = u16::try_from(challenge.len()).unwrap();
    let long = |tag: u8, length: u16| [&[tag, 0x82], &length.to_be_bytes()[..]].concat();
    let chosen = [0xa1, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
    let head = [&[0xa0, 3, 0x0a, 1, 1], &chosen[..]].concat();
    let fields = u16::try_from(head.len()).unwrap() + content + 8;
    let answer = [long(0xa1, fields + 4), long(0x30, fields), head, long(0xa2, content + 4), long(0x04, content)];
    assert!(matches!(login.step(&[answer.concat(), challenge].concat()), Ok(Step::More(_))));
    // Only whoever has the keys can end it.
    assert!(says(login.step(bytes)) != Some(Step::Done));
    assert!(says(login.finish()).is_none());
}

/// Client certificates and keys, as PEM and as PKCS#12, and the names of services and proxies.
pub fn identity(bytes: &[u8]) {
    let password = Secret::from("canary-password");
    for password in [None, Some(&password)] {
        says(ClientCertificate::pem(bytes, bytes, password));
        says(ClientCertificate::pkcs12(bytes, password));
    }
    let text = String::from_utf8_lossy(bytes);
    says(text.parse::<ServiceName>());
    if let Some(proxy) = says(text.parse::<Proxy>()) {
        assert!(!proxy.to_string().contains('@'));
    }
}

/// Sealed bodies on both sides.
pub fn sealed(bytes: &[u8]) {
    let kind =
        "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";
    let (mut client, mut server) = contexts();
    says(unseal_message(&mut client, kind, bytes));
    says(unseal_request(&mut server, kind, bytes, Strictness::HttpSys));
    let (mut client, mut server) = contexts();
    let header = String::from_utf8_lossy(bytes);
    says(unseal_message(&mut client, &header, bytes));
    says(unseal_request(&mut server, kind, bytes, Strictness::Lenient));
}

/// Recordings: read, played, shown, made anonymous, taken apart.
pub fn har(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (pretty(&text), says(Meaning::of(bytes)), says(differences(bytes, b"<a/>")));
    let recorder = Recorder::in_memory(Redactor::new().hiding("canary-password"), Some(Anonymiser::new()));
    let Some(trace) = says(Trace::read(bytes)) else { return };
    assert!(trace.entries.len() <= bytes.len());
    says(Answers::of(&trace).map_err(|error| error.to_string()).and_then(|answers| answers.answer(bytes)));
    let mut again = Again::new();
    for entry in &trace.entries {
        says(again.prepare(entry, "uuid:1", "http://h/wsman"));
        again.learn(&entry.reply_bytes(), bytes);
        recorder.add(entry.clone());
    }
    // What was read can be written, and is read again.
    assert_eq!(recorder.failure(), None);
    let written = Trace::read(recorder.har().unwrap().as_slice()).unwrap();
    assert_eq!(written.entries.len(), trace.entries.len());
}

/// Packet captures, opened with the keys of an NTLM login that is not theirs, or the keytab of their Kerberos.
pub fn capture(bytes: &[u8]) {
    const KEYTAB: &[u8] = include_bytes!("../../data/recorded/kerberos/service.keytab");
    struct Keys<'k>(SecurityContext, Option<PassiveKerberos>, &'k Keytab);
    impl Opener for Keys<'_> {
        fn token(&mut self, _: Sender, _: &str, token: &[u8]) -> Result<(), String> {
            let _ = (TokenKind::of(token), TokenKind::account(token));
            says(PassiveNtlm::login(&"canary-password".into(), token, token));
            if let Some(login) = PassiveKerberos::request(self.2, token) {
                self.1 = says(login);
            } else if let Some(login) = &mut self.1 {
                says(login.reply(token));
            }
            Ok(())
        }

        fn open(&mut self, from: Sender, content_type: &str, body: &[u8]) -> Result<Vec<u8>, String> {
            match (&self.1, from) {
                (Some(login), Sender::Client) => login.open_request(content_type, body).map_err(|e| e.to_string()),
                (Some(login), Sender::Server) => login.open_reply(content_type, body).map_err(|e| e.to_string()),
                (None, _) => unseal_message(&mut self.0, content_type, body).map_err(|error| error.to_string()),
            }
        }
    }
    says(Keytab::read(bytes));
    let keytab = Keytab::read(KEYTAB).unwrap();
    let mut requests = 0;
    let found = says(read_capture(bytes, || Keys(contexts().0, None, &keytab), |_| requests += 1));
    assert!(
        found.is_none_or(|found| found.requests >= requests && found.packets <= u64::try_from(bytes.len()).unwrap())
    );
}

/// Scenario files.
pub fn scenario(bytes: &[u8]) {
    says(Scenario::from_toml(&String::from_utf8_lossy(bytes)));
}

fn initiator() -> Initiator {
    let credentials = Credentials { user: "LAB\\user".parse().unwrap(), password: "canary-password".into() };
    let entropy = Entropy { client_challenge: [1; 8], session_key: [2; 16] };
    Initiator::new(&credentials, Options { binding: None, target_name: None, entropy, now: 132_000_000_000_000_000 })
}

fn acceptor() -> Acceptor {
    let account = hyperv_replica::auth::accept::Account {
        domain: "LAB".to_owned(),
        user: "user".to_owned(),
        password: "canary-password".into(),
    };
    Acceptor::new(AcceptorOptions {
        accounts: vec![account],
        computer: "HOST".to_owned(),
        domain: "LAB".to_owned(),
        dns_computer: "host.lab.test".to_owned(),
        dns_domain: "lab.test".to_owned(),
        binding: BindingPolicy::Ignore,
        server_challenge: [3; 8],
        now: 132_000_000_000_000_000,
    })
}

fn contexts() -> (SecurityContext, SecurityContext) {
    let (mut initiator, mut acceptor) = (initiator(), acceptor());
    let challenge = acceptor.challenge(&initiator.negotiate()).unwrap();
    let (token, client) = initiator.authenticate(&challenge).unwrap();
    let (_, server) = acceptor.authenticate(&token).unwrap();
    (client, server)
}
