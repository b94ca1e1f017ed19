//! What stands where a message should, and is none: nothing at all, or a web page.

use std::fmt;

/// A body that is no message, named for people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stray {
    /// Nothing.
    Empty,
    /// An HTML page, with the text of its title where it has one.
    Page(Option<String>),
}

impl Stray {
    /// Tells a body by its first bytes, whatever it is called; none where it may be a message.
    pub fn of(body: &[u8]) -> Option<Stray> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        if body.is_empty() {
            return Some(Stray::Empty);
        }
        let head = body.get(..LOOKED_AT).unwrap_or(body);
        let text = String::from_utf8_lossy(head);
        let lower = text.to_ascii_lowercase();
        let mut rest = lower.as_str();
        // Before the root of XHTML stand a declaration and comments.
        while let Some((_, after)) = rest
            .strip_prefix("<?")
            .and_then(|rest| rest.split_once("?>"))
            .or(rest.strip_prefix("<!--").and_then(|rest| rest.split_once("-->")))
        {
            rest = after.trim_start();
        }
        let is_page =
            ["<!doctype html", "<html", "<head", "<body", "<title", "<h1"].iter().any(|tag| rest.starts_with(tag));
        is_page.then(|| Stray::Page(title(&text, &lower)))
    }
}

/// `text` and `lower` differ in nothing but the case of ASCII letters.
fn title(text: &str, lower: &str) -> Option<String> {
    let open = lower.find("<title")?;
    let begin = open + lower.get(open..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title")?;
    let words: Vec<_> = text.get(begin..end)?.split_whitespace().collect();
    let title: String = words.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST_TITLE).collect();
    Some(title).filter(|title| !title.is_empty())
}

impl fmt::Display for Stray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stray::Empty => f.write_str("an empty body"),
            Stray::Page(None) => f.write_str("an HTML page"),
            Stray::Page(Some(title)) => write!(f, "an HTML page (\"{title}\")"),
        }
    }
}

/// Where a page's title stands.
const LOOKED_AT: usize = 4096;
const LONGEST_TITLE: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_nothing_are_told_from_messages() {
        let page = |title: &str| Some(Stray::Page(Some(title.to_owned())));
        for (body, expected) in [
            ("", Some(Stray::Empty)),
            ("\u{feff} \r\n", Some(Stray::Empty)),
            ("<html><body>x</body></html>", Some(Stray::Page(None))),
            ("<!DOCTYPE HTML PUBLIC \"x\"><HTML><HEAD><TITLE>Bad\n  Request</TITLE>", page("Bad Request")),
            (
                "<?xml version=\"1.0\"?>\n<!-- x --><!DOCTYPE html><html><title lang=\"de\">Ümleitung</title>",
                page("Ümleitung"),
            ),
            ("<html><title> </title>", Some(Stray::Page(None))),
            ("<html><title>never ended", Some(Stray::Page(None))),
            ("<s:Envelope xmlns:s=\"urn:html\"/>", None),
            ("<?xml version=\"1.0\"?><s:Envelope/>", None),
            ("<?xml never ended", None),
            ("htmlfoo", None),
        ] {
            assert_eq!(Stray::of(body.as_bytes()), expected, "{body:?}");
        }
        let long = format!("<html><title>{}</title>", "a\u{1b}[31m".repeat(100));
        let Some(Stray::Page(Some(title))) = Stray::of(long.as_bytes()) else { panic!() };
        assert!(title.chars().count() == 80 && !title.contains('\u{1b}'), "{title}");
        // Cut in the middle of a character, and not UTF-8 at all.
        let mut bytes = format!("<html>{}", "é".repeat(3000)).into_bytes();
        assert_eq!(Stray::of(&bytes), Some(Stray::Page(None)));
        bytes.truncate(7);
        assert_eq!(Stray::of(&bytes), Some(Stray::Page(None)));
        assert_eq!(Stray::of(&[0xff, 0xfe, b'<', 0]), None);
    }
}
