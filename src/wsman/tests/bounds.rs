//! The end of patience, and of what is kept.

use super::*;

/// A host whose enumerations never end; each answer is made by `page` of its number.
struct Endless<P> {
    page: P,
    requests: Mutex<Vec<Message>>,
}

impl<P: Fn(usize) -> String + Send + Sync> Exchange for Endless<P> {
    async fn send(&self, message: Message) -> Result<Reply, ExchangeError> {
        let count = self.requests.lock().unwrap().len();
        let answer = match message.action() {
            enumerate::ACTION => first(&format!("uuid:c{count}"), "", ""),
            pull::ACTION => Ok((PULL_RESPONSE, format!("<n:PullResponse>{}</n:PullResponse>", (self.page)(count)))),
            _ => Ok((RELEASE_RESPONSE, String::new())),
        };
        let script = Script { relates_to: None, ..Script::of([answer]) };
        self.requests.lock().unwrap().push(message.clone());
        script.send(message).await
    }

    fn address(&self) -> &str {
        "https://hvr01.example.test:5986/wsman"
    }
}

fn endless<P: Fn(usize) -> String + Send + Sync>(limits: Limits, page: P) -> Client<Endless<P>> {
    let exchange = Endless { page, requests: Mutex::default() };
    Client::new(exchange, ClassAddressing::microsoft(r"root\cimv2"), || "uuid:1".to_owned()).with_limits(limits)
}

fn page(context: &str, items: std::ops::Range<usize>) -> String {
    let items: String = items.map(|number| format!("<I><N>vm-{number}</N></I>")).collect();
    format!("<n:EnumerationContext>{context}</n:EnumerationContext><n:Items>{items}</n:Items>")
}

fn actions<P>(client: &Client<Endless<P>>) -> Vec<String>
where
    P: Fn(usize) -> String + Send + Sync,
{
    client.exchange().requests.lock().unwrap().iter().map(|message| message.action().to_owned()).collect()
}

fn kept(change: impl FnOnce(&mut Kept)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits.kept);
    limits
}

#[test]
fn what_is_kept_has_an_end_in_each_unit_and_the_rest_is_released() {
    for (limits, due, text) in [
        (kept(|kept| kept.bytes = 1 << 20), KeptLimit::Bytes(1 << 20), "1 MiB"),
        (kept(|kept| kept.instances = 2_500), KeptLimit::Instances(2_500), "2500 instances"),
        (kept(|kept| kept.pages = 3), KeptLimit::Pages(3), "3 pages"),
    ] {
        let client = endless(limits, |count| page(&format!("uuid:c{count}"), count * 1_000..count * 1_000 + 1_000));
        let error = now(client.all("Demo_Item").pages()).unwrap_err();
        let Error::Overrun(Overrun::TooMuch { what, limit, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((what.as_str(), *limit), ("Demo_Item", due));
        assert!(error.to_string().contains(text), "{error}");
        let actions = actions(&client);
        assert!(actions.len() < 40, "{} requests", actions.len());
        assert_eq!(actions.last().map(String::as_str), Some(release::ACTION));
    }
}

#[test]
fn a_stream_is_as_long_as_the_host_makes_it() {
    let limits = kept(|kept| *kept = Kept { bytes: 1, instances: 1, pages: 1 });
    let client = endless(limits, |count| page("uuid:same", count..count + 1));
    let mut enumeration = client.all("Demo_Item");
    for _ in 0..1_000 {
        assert!(now(enumeration.next_page()).unwrap().is_some());
    }
}

#[test]
fn a_host_that_stands_still_is_left() {
    let patience = Limits::default().patience;
    let empty = |count: usize| page(&format!("uuid:c{count}"), 0..0);
    let again = |_: usize| page("uuid:same", 0..5);
    let pages: [fn(usize) -> String; 2] = [empty, again];
    for page in pages {
        // Collected, or read page by page.
        let client = endless(Limits::default(), page);
        let error = now(client.all("Demo_Item").pages()).unwrap_err();
        assert!(matches!(error, Error::Overrun(Overrun::NoProgress { pages, .. }) if pages == patience), "{error:?}");
        assert!(matches!(error.delivery(), Delivery::Unknown));
        assert_eq!(actions(&client).last().map(String::as_str), Some(release::ACTION));
        let client = endless(Limits::default(), page);
        let mut enumeration = client.all("Demo_Item");
        let ended = (0..1_000).find_map(|_| now(enumeration.next_page()).err());
        assert!(matches!(ended, Some(Error::Overrun(Overrun::NoProgress { .. }))), "{ended:?}");
        // Asking on changes nothing, and what is open can still be given up.
        assert!(now(enumeration.next_page()).is_err());
        now(enumeration.release()).unwrap();
        assert_eq!(actions(&client).last().map(String::as_str), Some(release::ACTION));
    }
}

#[test]
fn empty_pages_between_others_are_no_standstill() {
    let client = endless(Limits::default(), |count| match count % 60 {
        0 => page("uuid:same", count..count + 1),
        _ => page("uuid:same", 0..0),
    });
    let mut enumeration = client.all("Demo_Item");
    for _ in 0..1_000 {
        assert!(now(enumeration.next_page()).unwrap().is_some());
    }
}
