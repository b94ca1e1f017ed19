//! Each operation both ways: what a client writes a host reads, what a host writes a client reads.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::cim::Value;
use crate::xml::{Document, ns};

const URI: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Demo_Item";

fn write(operation: &impl Operation) -> Result<Vec<u8>, crate::xml::WriteError> {
    let limits = Limits::default();
    operation.write(&RequestContext {
        message_id: "uuid:1",
        to: "http://host.example.test:5985/wsman",
        limits: &limits,
        timeouts: Timeouts::default(),
        locale: None,
        extra: None,
    })
}

fn asked(operation: &impl Operation) -> Request {
    Request::read(&write(operation).unwrap()).unwrap()
}

const ANSWER: ResponseContext<'_> = ResponseContext { message_id: "uuid:2", relates_to: "uuid:1" };

fn target() -> EndpointReference {
    EndpointReference::new(ResourceUri::new(URI), SelectorSet::new().with("Id", "7"))
}

fn properties() -> Vec<(String, Option<Parameter>)> {
    vec![
        ("Name".to_owned(), Some(Parameter::Value(Value::text("a & <b>")))),
        ("Tags".to_owned(), Some(Parameter::Value(Value::texts(["x", "y"])))),
        ("Owner".to_owned(), Some(Parameter::Reference(target()))),
        ("Note".to_owned(), None),
    ]
}

#[test]
fn put_carries_the_instance_and_null_is_said_aloud() {
    let content = Representation::Instance { class: "Demo_Item".to_owned(), properties: properties() };
    let put = Put { target: target(), content };
    let request = asked(&put);
    assert_eq!((&request.body, request.header.selectors.value("id")), (&RequestBody::Put, Some("7")));
    let sent = crate::cim::InstanceView::of(request.payload().unwrap());
    assert_eq!((sent.class(), sent.class_uri()), ("Demo_Item", URI));
    assert_eq!(sent.text("Name").into_option(), Some("a & <b>"));
    assert_eq!(sent.texts("Tags"), ["x", "y"]);
    assert_eq!(sent.property("Owner").into_option().and_then(EndpointReference::read), Some(target()));
    assert_eq!(sent.text("Note"), crate::cim::Property::Null);

    let reply = put::write_response(&ANSWER, |writer| {
        writer.open("p", "Demo_Item").declare("p", URI).text_element("p", "Name", "new").close();
    });
    let response = put.read(reply.unwrap(), "uuid:1").unwrap();
    assert_eq!(response.instance().unwrap().text("Name").into_option(), Some("new"));
    let silent = put.read(put::write_response(&ANSWER, |_| {}).unwrap(), "uuid:1").unwrap();
    assert!(silent.instance().is_none());
}

#[test]
fn a_document_goes_out_as_it_stands() {
    let text = "\u{feff}<?xml version=\"1.0\"?><!-- mine -->\n<c:Config xmlns:c=\"urn:c\" c:a=\"1\"><c:Max>10</c:Max><!-- x --></c:Config>\n";
    let document = Arc::new(Document::parse(text).unwrap());
    assert!(document.root_source().starts_with("<c:Config xmlns:c"), "{}", document.root_source());
    let put = Put { target: target(), content: Representation::Document(document) };
    let xml = String::from_utf8(write(&put).unwrap()).unwrap();
    assert!(
        xml.contains("<s:Body><c:Config xmlns:c=\"urn:c\" c:a=\"1\"><c:Max>10</c:Max><!-- x --></c:Config></s:Body>"),
        "{xml}"
    );
    assert!(asked(&put).payload().unwrap().is("urn:c", "Config"));
}

#[test]
fn fragments_come_and_go_with_their_header() {
    let fragment = Fragment { expression: "Tags[2]".to_owned(), dialect: Some("urn:d".to_owned()) };
    let get = GetFragment { target: target(), fragment: fragment.clone() };
    let request = asked(&get);
    assert_eq!((&request.body, request.header.fragment.as_ref()), (&RequestBody::Get, Some(&fragment)));
    assert!(request.header.must_understand.iter().any(|(_, local)| local == "FragmentTransfer"));
    let reply = fragment::write_response(&ANSWER, get::RESPONSE_ACTION, &fragment, |writer| {
        writer.open("q", "Tags").declare("q", URI).text("y").close();
    });
    let response = get.read(reply.unwrap(), "uuid:1").unwrap();
    let part = response.fragment().unwrap().children().next().unwrap();
    assert_eq!((part.local(), part.text()), ("Tags", "y"));
    // The whole instance is another answer than the one asked for.
    let whole = get::write_response(&ANSWER, |writer| {
        writer.open("q", "Demo_Item").declare("q", URI).close();
    });
    assert!(matches!(get.read(whole.unwrap(), "uuid:1"), Err(ReplyError::Body { .. })));

    for (content, expected) in [
        (FragmentContent::Text("5 < 6".to_owned()), 0),
        (FragmentContent::Properties(properties()), 5),
        (FragmentContent::Document(Arc::new(Document::parse("<x>1</x>").unwrap())), 1),
    ] {
        let put = PutFragment { target: target(), fragment: fragment.clone(), content };
        let request = asked(&put);
        assert_eq!((&request.body, request.header.fragment.as_ref()), (&RequestBody::Put, Some(&fragment)));
        let sent = request.payload().unwrap();
        assert!(sent.is(ns::WSMAN, "XmlFragment"));
        assert_eq!(sent.children().count(), expected);
        assert_eq!(sent.text(), if expected == 0 { "5 < 6" } else { "" });
        let reply = fragment::write_response(&ANSWER, put::RESPONSE_ACTION, &fragment, |_| {});
        assert!(put.read(reply.unwrap(), "uuid:1").unwrap().fragment().is_some());
        assert!(put.read(put::write_response(&ANSWER, |_| {}).unwrap(), "uuid:1").unwrap().fragment().is_none());
    }
}

/// A reply to `Do` of `X_Svc`, by action and content of the body.
fn output(action: &str, body: &str) -> Result<crate::wsman::InvokeOutput, ReplyError> {
    let class = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Svc";
    let text = format!(
        "<s:Envelope xmlns:s=\"{}\" xmlns:a=\"{}\" xmlns:p=\"{class}\"><s:Header><a:Action>{action}</a:Action>\
         <a:RelatesTo>uuid:1</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>",
        ns::SOAP,
        ns::ADDRESSING
    );
    let target = EndpointReference::new(ResourceUri::new(class), SelectorSet::new());
    crate::wsman::Invoke::new(target, "Do").read(text.into_bytes(), "uuid:1")
}

#[test]
fn the_reply_of_a_method_is_known_by_what_it_holds() {
    const DO: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/X_Svc/Do";
    let good = "<p:Do_OUTPUT><p:ReturnValue>0</p:ReturnValue></p:Do_OUTPUT>";
    let usual = output(&format!("{DO}Response"), good).unwrap();
    assert!(usual.remarks().is_empty() && usual.return_value() == Ok(Some(0)));
    // A method may have no return value; then only the form tells.
    assert!(output(&format!("{DO}Response"), "<p:Do_OUTPUT/>").unwrap().return_value() == Ok(None));
    for (action, body, remarks) in [
        (DO, good, 1),
        (DO, "<q:Do xmlns:q='urn:other'><q:ReturnValue>32775</q:ReturnValue></q:Do>", 2),
        (DO, "<p:X_Svc_OUTPUT><p:ReturnValue>32775</p:ReturnValue></p:X_Svc_OUTPUT>", 2),
        ("", "<Anything><ReturnValue>32775</ReturnValue></Anything>", 2),
        ("urn:something", "<p:Do_OUTPUT><ReturnValue>32775</ReturnValue></p:Do_OUTPUT>", 1),
    ] {
        let read = output(action, body).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!(read.remarks().len(), remarks, "{body}: {:?}", read.remarks());
        let code = read.return_value().unwrap().unwrap();
        assert!(code == 32775 || body == good, "{body}");
    }
    for (action, body) in [
        // The action of a fault without a fault.
        ("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", good),
        // Nothing that shows what it is.
        ("urn:something", "<p:Do_OUTPUT/>"),
        (DO, "<p:Do><p:Out>5</p:Out></p:Do>"),
        (DO, ""),
        // Two bodies, of which one could say yes and the other no.
        ("urn:something", "<p:A><p:ReturnValue>0</p:ReturnValue></p:A><p:B><p:ReturnValue>5</p:ReturnValue></p:B>"),
    ] {
        let error = output(action, body).unwrap_err();
        assert!(matches!(error, ReplyError::Action { .. } | ReplyError::Body { .. }), "{body}: {error}");
    }
    let both = "<p:Do_OUTPUT><p:ReturnValue>0</p:ReturnValue><ReturnValue>32775</ReturnValue></p:Do_OUTPUT>";
    let twice = output(DO, both).unwrap().return_value().unwrap_err();
    assert_eq!(twice.to_string(), "the reply's ReturnValue is unusable: it stands there more than once");
    let named = output(&format!("{DO}Response"), "<q:Do_OUTPUT xmlns:q='urn:q'/>").unwrap_err().to_string();
    assert!(named.contains("<{urn:q}Do_OUTPUT>") && named.contains("cim-schema/2/X_Svc}Do_OUTPUT>"), "{named}");
}

#[test]
fn other_replies_are_taken_in_other_forms() {
    let reply = |bytes: Vec<u8>, from: &str, to: &str| String::from_utf8(bytes).unwrap().replace(from, to).into_bytes();
    let short = |bytes| reply(bytes, "Response</a:Action>", "</a:Action>");
    let get = Get { target: target() };
    let instance = |writer: &mut crate::xml::Writer| {
        writer.open("q", "Demo_Item").declare("q", URI).close();
    };
    assert!(get.read(short(get::write_response(&ANSWER, instance).unwrap()), "uuid:1").is_ok());
    assert!(delete_reply(short(delete::write_response(&ANSWER).unwrap())).is_ok());
    // An empty body shows nothing, so that its action must be one that answers.
    let foreign = reply(delete::write_response(&ANSWER).unwrap(), "DeleteResponse", "GetResponse");
    assert!(matches!(delete_reply(foreign), Err(ReplyError::Action { .. })));
    let of_fault = reply(delete::write_response(&ANSWER).unwrap(), "DeleteResponse", "fault");
    assert!(matches!(delete_reply(of_fault), Err(ReplyError::Action { .. })));

    // Items and end in either namespace: none gets lost.
    let page = |bytes: Vec<u8>| {
        let enumerate = Enumerate::new(ResourceUri::new(URI));
        enumerate.read(bytes, "uuid:1").map(|page| (page.items().count(), page.context().map(str::to_owned)))
    };
    let header = enumerate::PageHeader { context: None, end: true };
    let whole = enumerate::write_response(&ANSWER, header, Some(instance)).unwrap();
    for (from, to) in
        [("w:Items", "n:Items"), ("w:EndOfSequence", "n:EndOfSequence"), ("Response</a:Action>", "</a:Action>")]
    {
        assert_eq!(page(reply(whole.clone(), from, to)), Ok((1, None)), "{to}");
    }
    let moved = "<n:EnumerateResponse xmlns:n=\"urn:other\">";
    assert_eq!(page(reply(whole, "<n:EnumerateResponse>", moved)), Ok((1, None)));

    let identify = |namespace: &str| {
        let identity = crate::wsman::Identity { product_vendor: "V".to_owned(), ..Default::default() };
        let bytes = reply(identity.write_response().unwrap(), ns::IDENTITY, namespace);
        crate::wsman::Identify.read(bytes, "").map(|identity| identity.product_vendor)
    };
    for namespace in [ns::IDENTITY, ns::SOAP, "http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd"] {
        assert_eq!(identify(namespace).as_deref(), Ok("V"), "{namespace}");
    }
    let empty = format!("<s:Envelope xmlns:s=\"{0}\"><s:Body><s:IdentifyResponse/></s:Body></s:Envelope>", ns::SOAP);
    let error = crate::wsman::Identify.read(empty.into_bytes(), "").unwrap_err().to_string();
    assert!(error.contains(ns::SOAP) && error.contains(ns::IDENTITY), "{error}");
}

fn delete_reply(bytes: Vec<u8>) -> Result<(), ReplyError> {
    Delete { target: target() }.read(bytes, "uuid:1")
}

#[test]
fn create_says_where_and_delete_says_nothing() {
    let content = Representation::Instance { class: "Demo_Item".to_owned(), properties: properties() };
    let create = Create { resource: ResourceUri::new(URI), selectors: SelectorSet::new(), content };
    let request = asked(&create);
    assert!(request.body == RequestBody::Create && request.header.selectors.is_empty());
    let made = create.read(create::write_response(&ANSWER, &target()).unwrap(), "uuid:1").unwrap();
    assert_eq!(made.reference, target());
    assert!(made.representation().is_none() && made.remarks().is_empty());
    let wrong = delete::write_response(&ANSWER).unwrap();
    assert!(matches!(create.read(wrong, "uuid:1"), Err(ReplyError::Action { .. })));

    let delete = Delete { target: target() };
    let request = asked(&delete);
    assert_eq!((&request.body, &request.header.selectors), (&RequestBody::Delete, &target().selectors));
    delete.read(delete::write_response(&ANSWER).unwrap(), "uuid:1").unwrap();
}

#[test]
fn filters_of_every_kind_are_read_as_written() {
    let association = AssociationFilter {
        association_class: Some("Demo_Link".to_owned()),
        role: Some("Left".to_owned()),
        result_class: Some("Demo_Other".to_owned()),
        result_role: Some("Right".to_owned()),
        properties: vec!["Name".to_owned(), "Id".to_owned()],
        ..AssociationFilter::new(Associated::Instances, target())
    };
    for filter in [
        Filter::wql("SELECT * FROM Demo_Item WHERE Name = 'a<b'"),
        Filter::Text { dialect: "urn:d".to_owned(), text: "x".to_owned() },
        Filter::Selectors(SelectorSet::new().with("State", "Stopped").with("Name", "a&b")),
        Filter::Association(Box::new(association)),
        Filter::Association(Box::new(AssociationFilter::new(Associated::Associations, target()))),
    ] {
        let enumerate = Enumerate::new(ResourceUri::new(URI)).filter(filter.clone());
        let RequestBody::Enumerate { filter: read, .. } = asked(&enumerate).body else { panic!("{filter:?}") };
        assert_eq!(read.as_ref(), Some(&filter));
        let subscribe = Subscribe {
            resource: ResourceUri::new(URI),
            selectors: SelectorSet::new(),
            filter: Some(filter.clone()),
            expires: None,
            heartbeats: None,
        };
        let RequestBody::Subscribe { filter: read, .. } = asked(&subscribe).body else { panic!("{filter:?}") };
        assert_eq!(read, Some(filter));
    }
    let mut enumerate = Enumerate::new(ResourceUri::new(URI));
    enumerate.polymorphism = Some(PolymorphismMode::ExcludeSubClassProperties);
    let RequestBody::Enumerate { polymorphism, .. } = asked(&enumerate).body else { panic!() };
    assert_eq!(polymorphism, enumerate.polymorphism);
}

#[test]
fn a_subscription_is_named_to_its_manager() {
    let subscribe = Subscribe {
        resource: ResourceUri::new(URI),
        selectors: SelectorSet::new(),
        filter: Some(Filter::wql("SELECT * FROM Demo_Alarm")),
        expires: Some(Duration::from_secs(600)),
        heartbeats: Some(Duration::from_millis(1500)),
    };
    let RequestBody::Subscribe { mode, expires, .. } = asked(&subscribe).body else { panic!() };
    assert_eq!((mode.as_str(), expires.as_deref()), (subscribe::PULL, Some("PT600.000S")));
    let manager = SubscriptionManager {
        address: "http://host.example.test:5985/wsman/subscriptions/1".to_owned(),
        resource: Some(ResourceUri::new(URI)),
        selectors: SelectorSet::new().with("__cimnamespace", "root/cimv2"),
        identifier: Some("uuid:SUB".to_owned()),
    };
    let made =
        Subscription { manager: manager.clone(), expires: Some("PT10M".to_owned()), context: "uuid:C".to_owned() };
    let reply = subscribe::write_response(&ANSWER, &made).unwrap();
    assert_eq!(subscribe.read(reply.clone(), "uuid:1").unwrap(), made);
    // Without a context there is nothing to pull with.
    let text = String::from_utf8(reply).unwrap().replace("uuid:C<", "<");
    assert!(matches!(subscribe.read(text.into_bytes(), "uuid:1"), Err(ReplyError::Content { .. })));

    let renew = Renew { manager: manager.clone(), expires: Some(Duration::from_secs(60)) };
    let request = asked(&renew);
    assert_eq!(request.body, RequestBody::Renew { expires: Some("PT60.000S".to_owned()) });
    assert_eq!(request.header.subscription.as_deref(), Some("uuid:SUB"));
    assert_eq!(request.header.to.as_deref(), Some(manager.address.as_str()));
    assert_eq!(request.header.selectors, manager.selectors);
    let reply = renew::write_response(&ANSWER, "PT60S").unwrap();
    assert_eq!(renew.read(reply, "uuid:1").unwrap().as_deref(), Some("PT60S"));

    // An anonymous manager is the service itself.
    let unsubscribe =
        Unsubscribe { manager: SubscriptionManager { address: String::new(), resource: None, ..manager } };
    let request = asked(&unsubscribe);
    assert_eq!(request.body, RequestBody::Unsubscribe);
    assert_eq!(request.header.to.as_deref(), Some("http://host.example.test:5985/wsman"));
    assert!(request.header.resource.is_none() && request.header.subscription.is_some());
    unsubscribe.read(unsubscribe::write_response(&ANSWER).unwrap(), "uuid:1").unwrap();
}

#[test]
fn chosen_properties_come_as_fragments() {
    let items = |writer: &mut crate::xml::Writer| {
        for id in ["1", "2"] {
            writer.open("w", "XmlFragment").declare("q", URI).text_element("q", "Id", id).close();
        }
    };
    let page = enumerate::PageHeader { context: None, end: true };
    let reply = enumerate::write_response(&ANSWER, page, Some(items)).unwrap();
    let page = Enumerate::new(ResourceUri::new(URI)).read(reply, "uuid:1").unwrap();
    let ids: Vec<_> = page.instances().map(|item| item.text("Id").into_option().unwrap_or("none")).collect();
    assert_eq!(ids, ["1", "2"]);
}
