//! The client over a scripted exchange: pages, contexts, deadlines, and what an error says of delivery.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;

mod bounds;
mod by_hand;
mod roads;

const ENUMERATE_RESPONSE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse";
const PULL_RESPONSE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/PullResponse";
const RELEASE_RESPONSE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/ReleaseResponse";

/// Answers in order; keeps the requests. The relation of an answer is that of its request unless `relates_to` is set.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<(&'static str, String), ExchangeError>>>,
    requests: Mutex<Vec<Message>>,
    relates_to: Option<&'static str>,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Result<(&'static str, String), ExchangeError>>) -> Script {
        Script { answers: Mutex::new(answers.into_iter().collect()), ..Script::default() }
    }

    fn request(&self, place: usize) -> String {
        String::from_utf8(self.requests.lock().unwrap()[place].bytes().to_vec()).unwrap()
    }
}

impl Exchange for Script {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let id = self.relates_to.unwrap_or(message.message_id()).to_owned();
        self.requests.lock().unwrap().push(message);
        let (action, body) = self.answers.lock().unwrap().pop_front().expect("an answer")?;
        let bytes = format!(
            "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
             xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
             xmlns:n=\"http://schemas.xmlsoap.org/ws/2004/09/enumeration\" \
             xmlns:w=\"http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd\"><s:Header><a:Action>{action}</a:Action>\
             <a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        );
        Ok(Reply::ok(bytes.into_bytes()))
    }

    fn address(&self) -> &str {
        "https://hvr01.example.test:5986/wsman"
    }
}

fn client(script: Script) -> Client<Script> {
    let count = Mutex::new(0);
    Client::new(script, ClassAddressing::microsoft(r"root\cimv2"), move || {
        let mut count = count.lock().unwrap();
        *count += 1;
        format!("uuid:{count}")
    })
}

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits for something"),
    }
}

fn first(context: &str, items: &str, end: &str) -> Result<(&'static str, String), ExchangeError> {
    let body = format!(
        "<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext>{items}{end}</n:EnumerateResponse>"
    );
    Ok((ENUMERATE_RESPONSE, body))
}

fn next(context: &str, names: &str, end: &str) -> Result<(&'static str, String), ExchangeError> {
    let context = match context {
        "" => String::new(),
        context => format!("<n:EnumerationContext>{context}</n:EnumerationContext>"),
    };
    let items: String = names.split_whitespace().map(|name| format!("<I><N>{name}</N></I>")).collect();
    Ok((PULL_RESPONSE, format!("<n:PullResponse>{context}<n:Items>{items}</n:Items>{end}</n:PullResponse>")))
}

fn names(pages: &[Page]) -> Vec<&str> {
    pages.iter().flat_map(Page::instances).filter_map(|item| item.text("N").into_option()).collect()
}

#[test]
fn every_pull_carries_the_newest_context() {
    let script = [
        // Form B: a context alone, no Items.
        first("uuid:c1", "", ""),
        next("uuid:c2", "a b", ""),
        // A page without items is not the end.
        next("uuid:c3", "", ""),
        next("", "c", "<n:EndOfSequence/>"),
    ];
    let client = client(Script::of(script));
    let pages = now(client.all("Demo_Item").pages()).unwrap();
    assert_eq!(names(&pages), ["a", "b", "c"]);
    for (place, context) in [(1, "uuid:c1"), (2, "uuid:c2"), (3, "uuid:c3")] {
        let request = client.exchange().request(place);
        assert!(request.contains(&format!("<n:EnumerationContext>{context}<")), "{request}");
        assert!(request.contains("<n:MaxElements>32000<") && request.contains("/root/cimv2/Demo_Item<"), "{request}");
    }
    assert!(client.exchange().requests.lock().unwrap().iter().all(Message::may_repeat));
}

#[test]
fn an_end_is_an_end_whatever_context_comes_with_it() {
    let items = "<w:Items><I><N>only</N></I></w:Items>";
    let client = client(Script::of([first("uuid:stale", items, "<w:EndOfSequence/>")]));
    assert_eq!(names(&now(client.all("Demo_Item").pages()).unwrap()), ["only"]);
}

#[test]
fn neither_context_nor_end_is_no_page() {
    let client = client(Script::of([first("", "", "")]));
    let error = now(client.all("Demo_Item").pages()).unwrap_err();
    assert!(matches!(error, Error::Reply { source: ReplyError::Content { .. }, .. }), "{error:?}");
}

#[test]
fn what_is_not_finished_is_released_once() {
    let client = client(Script::of([first("uuid:c1", "", ""), Ok((RELEASE_RESPONSE, String::new()))]));
    let mut enumeration = client.all("Demo_Item");
    now(enumeration.next_page()).unwrap();
    now(enumeration.release()).unwrap();
    assert!(client.exchange().request(1).contains("<n:Release><n:EnumerationContext>uuid:c1<"));
    // Nothing was begun, so there is nothing to give up.
    now(client.all("Demo_Item").release()).unwrap();
    assert_eq!(client.exchange().requests.lock().unwrap().len(), 2);
}

#[test]
fn a_method_is_sent_once_and_its_error_says_what_is_known() {
    let lost = ExchangeError::new(ExchangeErrorKind::ConnectionLost, Delivery::Unknown, "cut");
    let refused = |code: &str| {
        let fault = format!(
            "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>\
             <s:Reason><s:Text xml:lang=\"en-US\">no</s:Text></s:Reason></s:Fault>"
        );
        Ok(("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", fault))
    };
    let html = Ok(("x", "<Other/>".to_owned()));
    let client = client(Script::of([Err(lost), refused("w:TimedOut"), refused("w:AccessDenied"), html]));
    let call = Invoke::new(client.addressing().reference("Demo_Item", SelectorSet::new()), "Act");
    for delivery in [Delivery::Unknown, Delivery::Unknown, Delivery::Answered, Delivery::Unknown] {
        let error = now(client.invoke(&call)).unwrap_err();
        assert_eq!(error.delivery(), delivery, "{error}");
    }
    assert!(!client.exchange().requests.lock().unwrap().iter().any(Message::may_repeat));
}

#[test]
fn the_answer_to_another_message_is_no_answer() {
    let script = Script { relates_to: Some("uuid:FOREIGN"), ..Script::of([first("", "", "<w:EndOfSequence/>")]) };
    let error = now(client(script).all("Demo_Item").pages()).unwrap_err();
    assert!(matches!(error, Error::Reply { source: ReplyError::RelatesTo { .. }, .. }), "{error:?}");
}

#[test]
fn nothing_is_sent_after_the_deadline_and_no_wait_goes_past_it() {
    let late = client(Script::default()).with_deadline(|| Some(Duration::ZERO));
    let error = now(late.identify()).unwrap_err();
    assert!(matches!(error, Error::Deadline));
    assert_eq!(error.delivery(), Delivery::NotSent);

    let near =
        client(Script::of([first("", "", "<w:EndOfSequence/>")])).with_deadline(|| Some(Duration::from_secs(12)));
    now(near.all("Demo_Item").pages()).unwrap();
    let requests = near.exchange().requests.lock().unwrap();
    assert_eq!(requests[0].timeout(), Duration::from_secs(12));
    assert!(String::from_utf8_lossy(requests[0].bytes()).contains("<w:OperationTimeout>PT7.000S<"));
}

#[test]
fn operation_reply_and_deadline_stay_in_order() {
    for milliseconds in [1, 2, 3, 10, 999, 1_000, 5_000, 9_999, 64_999, 65_000, 65_001, 1_000_000] {
        let remaining = Duration::from_millis(milliseconds);
        let cut = Timeouts::default().within(Some(remaining));
        assert!(cut.operation() < cut.reply(), "{milliseconds}");
        assert!(cut.reply() <= remaining.max(Duration::from_millis(2)), "{milliseconds}: {cut:?}");
    }
    assert_eq!(Timeouts::default().within(None), Timeouts::default());
}

#[test]
fn what_a_client_writes_a_host_reads() {
    let client = client(Script::default());
    let reference = client.addressing().reference("Demo_Item", SelectorSet::new().with("Name", r#"a<&"\b"#));
    let mut enumerate =
        Enumerate::new(client.addressing().all_classes()).filter(Filter::wql("SELECT * FROM X WHERE A < 'é&'"));
    enumerate.mode = EnumerationMode::ObjectAndReference;
    let read = |bytes: Vec<u8>| Request::read(&bytes).unwrap();

    let get = read(client.envelope(&Get { target: reference.clone() }).unwrap());
    assert_eq!(get.body, RequestBody::Get);
    assert_eq!(get.header.selectors, reference.selectors);
    assert_eq!(get.header.resource, Some(reference.resource.clone()));
    assert_eq!(get.header.max_envelope_size, Some(512_000));
    let marked: Vec<_> = get.header.must_understand.iter().map(|(_, local)| local.as_str()).collect();
    assert_eq!(marked, ["To", "ResourceURI", "Action", "MaxEnvelopeSize"], "never Locale or DataLocale");

    let asked = read(client.envelope(&enumerate).unwrap());
    let RequestBody::Enumerate { filter, mode, optimize, max_elements, .. } = asked.body else {
        panic!("no Enumerate")
    };
    assert_eq!((filter, mode), (enumerate.filter, EnumerationMode::ObjectAndReference));
    assert_eq!((optimize, max_elements), (true, Some(32_000)));

    let call = Invoke::new(reference, "Act").with("Text", Parameter::Value("]]> & <é>".into()));
    let called = read(client.envelope(&call).unwrap());
    assert_eq!(called.body, RequestBody::Invoke { method: "Act".to_owned() });
    let parameter = called.payload().unwrap().children().next().unwrap();
    assert_eq!((parameter.local(), parameter.text()), ("Text", "]]> & <é>"));

    let bad = Invoke::new(client.addressing().reference("Demo_Item", SelectorSet::new()), "Act><x");
    assert!(client.envelope(&bad).is_err(), "a name cannot add elements");
}

#[test]
fn a_page_that_does_not_fit_is_asked_for_again_with_fewer_items() {
    let too_large = || {
        let fault = "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:EncodingLimit</s:Value></s:Subcode>\
                     </s:Code><s:Reason><s:Text xml:lang=\"en-US\">too large</s:Text></s:Reason></s:Fault>";
        Ok(("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", fault.to_owned()))
    };
    let script = [
        first("uuid:c1", "", ""),
        too_large(),
        too_large(),
        next("uuid:c2", "a b", ""),
        next("", "c", "<n:EndOfSequence/>"),
    ];
    let client = client(Script::of(script));
    let pages = now(client.all("Demo_Item").pages()).unwrap();
    assert_eq!(names(&pages), ["a", "b", "c"]);
    for (place, context, most) in [(1, "c1", 32_000), (2, "c1", 4_000), (3, "c1", 500), (4, "c2", 500)] {
        let request = client.exchange().request(place);
        assert!(request.contains(&format!("uuid:{context}<")), "{request}");
        assert!(request.contains(&format!("<n:MaxElements>{most}<")), "{request}");
    }
    // One item that does not fit is a failure, and not a loop.
    let script = std::iter::once(first("uuid:c1", "", "")).chain((0..7).map(|_| too_large()));
    let client = self::client(Script::of(script));
    let mut enumeration = client.all("Demo_Item");
    assert!(now(enumeration.next_page()).unwrap().is_some());
    assert!(matches!(now(enumeration.next_page()), Err(Error::Fault(_))));
    assert_eq!(client.exchange().requests.lock().unwrap().len(), 7);
}

#[test]
fn what_a_client_adds_stands_in_every_request() {
    let extra = Extra {
        options: vec![
            ResourceOption { name: "a<b".to_owned(), value: "x & y".to_owned(), must_comply: true },
            ResourceOption { name: "plain".to_owned(), value: String::new(), must_comply: false },
        ],
        headers: vec![HeaderBlock {
            namespace: "urn:vendor?a&b".to_owned(),
            local: "Trace".to_owned(),
            text: "<1>".to_owned(),
            must_understand: Some(true),
        }],
    };
    let client = client(Script::default()).with_extra(extra.clone());
    let reference = client.addressing().reference("Demo_Item", SelectorSet::new().with("Id", "1"));
    let read = Request::read(&client.envelope(&Get { target: reference.clone() }).unwrap()).unwrap();
    assert_eq!(read.header.options, extra.options);
    let marked = [("urn:vendor?a&b".to_owned(), "Trace".to_owned())];
    assert!(read.header.must_understand.ends_with(&marked), "{:?}", read.header.must_understand);
    // A demand in the options is one to look at them.
    assert!(read.header.must_understand.iter().any(|(_, local)| local == "OptionSet"));
    let bad = HeaderBlock {
        namespace: "urn:x".to_owned(),
        local: "a b".to_owned(),
        text: String::new(),
        must_understand: None,
    };
    let client = client.with_extra(Extra { headers: vec![bad], ..Extra::default() });
    assert!(client.envelope(&Get { target: reference }).is_err());
}
