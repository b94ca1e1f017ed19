//! Messages that nobody asked for: decoded, and sent after an edit.

use super::*;

fn data(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

#[test]
fn messages_are_known_by_their_bodies() {
    let kind = |name: &str| {
        let decoded = Decoded::read(data(name)).unwrap();
        let content = format!("{:?}", decoded.content());
        (content.split([' ', '(']).next().unwrap().to_owned(), decoded.is_reply())
    };
    for (name, expected, is_reply) in [
        ("requests/identify.xml", "Request", false),
        ("requests/get-vm.xml", "Request", false),
        ("requests/delete.xml", "Request", false),
        ("requests/enumerate-wql.xml", "Request", false),
        ("requests/subscribe.xml", "Request", false),
        ("requests/put.xml", "Instance", false),
        ("requests/put-document.xml", "Instance", false),
        ("requests/create.xml", "Instance", false),
        ("requests/put-fragment.xml", "Fragment", false),
        ("requests/initiate-failover-point.xml", "Input", false),
        ("published/get-vm.xml", "Instance", true),
        ("published/pull-host-and-vm.xml", "Items", true),
        ("published/enumerate-context-only.xml", "Items", true),
        ("published/output-done.xml", "Output", true),
        ("published/fault-quota.xml", "Fault", true),
    ] {
        assert_eq!(kind(name), (expected.to_owned(), is_reply), "{name}");
    }
    let page = Decoded::read(data("published/pull-host-and-vm.xml")).unwrap();
    let Content::Items { items, context, end } = page.content() else { panic!() };
    assert_eq!((items.len(), context, end), (2, None, true));
    assert!(matches!(Decoded::read("<html/>"), Err(ReplyError::Envelope(_))));
}

#[test]
fn an_edited_envelope_is_sent_under_a_new_id_and_its_answer_is_checked() {
    let bytes = data("requests/release.xml");
    let script = [
        Ok((RELEASE_RESPONSE, String::new())),
        Ok((PULL_RESPONSE, String::new())),
        Ok((RELEASE_RESPONSE, String::new())),
    ];
    let client = client(Script::of(script));
    let fresh = RawRequest::fresh([bytes.as_slice(), b"\n\n"].concat()).unwrap();
    assert!(fresh.is_harmless() && fresh.is_standard() && fresh.method().is_none());
    now(client.order(fresh.clone())).unwrap();
    let sent = client.exchange().request(0);
    assert!(sent.contains("<a:MessageID>uuid:1</a:MessageID>") && sent.ends_with("</s:Envelope>"), "{sent}");
    let original = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(sent.replace("uuid:1<", "uuid:6B1C2F0E-0D7B-4F9E-9C52-1A5A7E7B0C11<"), original, "nothing else changes");
    assert!(matches!(now(client.order(fresh.clone())), Err(Error::Reply { source: ReplyError::Action { .. }, .. })));

    // As it is: the answer must relate to the id that stands in it, and the script answers the one it was told of.
    let as_is = RawRequest::as_is(bytes).unwrap();
    let answered = now(client.order(as_is.clone()));
    assert!(matches!(answered, Err(Error::Reply { source: ReplyError::RelatesTo { .. }, .. })), "{answered:?}");
    assert_eq!(client.exchange().request(2), original);
}

#[test]
fn what_may_change_the_host_is_told_from_what_may_not() {
    for (name, harmless, standard) in [
        ("get-vm", true, true),
        ("identify", true, false),
        ("pull", true, true),
        ("put", false, true),
        ("create", false, true),
        ("delete", false, true),
        ("initiate-failover-latest", false, false),
    ] {
        let request = RawRequest::fresh(data(&format!("requests/{name}.xml"))).unwrap();
        assert_eq!((request.is_harmless(), request.is_standard()), (harmless, standard), "{name}");
    }
    let invoke = RawRequest::fresh(data("requests/get-error-ex.xml")).unwrap();
    assert_eq!(invoke.method(), Some("GetErrorEx"));
    // An action of nothing does not make a call harmless.
    let text = String::from_utf8(data("requests/initiate-failover-latest.xml")).unwrap();
    let (head, tail) = text.split_once("<a:Action").unwrap();
    let (_, tail) = tail.split_once("</a:Action>").unwrap();
    assert!(!RawRequest::fresh(format!("{head}{tail}")).unwrap().is_harmless());
    assert!(matches!(RawRequest::fresh(data("published/get-vm.xml")), Err(RawError::Reply(_))));
    let without = text.replace("uuid:6B1C2F0E-0D7B-4F9E-9C52-1A5A7E7B0C11", "");
    assert!(matches!(RawRequest::fresh(without.clone()), Err(RawError::MessageId)));
    assert!(RawRequest::as_is(without).is_ok());
    assert!(matches!(RawRequest::fresh("no xml"), Err(RawError::Envelope(_))));
}
