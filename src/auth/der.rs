//! As much of DER (X.690) as tokens of SPNEGO and Kerberos and the credentials of CredSSP need: definite lengths, tags
//! of one byte.

/// The tag of a numbered field of a SEQUENCE.
pub(crate) const fn field(number: u8) -> u8 {
    0xa0 + number
}

/// Tag, length and content of one value, in a buffer that never grows: what is secret leaves no copy.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = Vec::with_capacity(length + 6);
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let bytes = length.to_be_bytes();
            let digits = bytes.iter().position(|byte| *byte != 0).and_then(|first| bytes.get(first..)).unwrap_or(&[]);
            // At most eight of them.
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            out.extend_from_slice(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Tag, content and what follows.
pub(crate) fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Nothing here comes near four gigabytes; the indefinite form (0x80) is no DER.
        if !(1..=4).contains(&digits.len()) {
            return None;
        }
        let length =
            digits.iter().try_fold(0usize, |length, byte| length.checked_mul(256)?.checked_add((*byte).into()));
        (length?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of the one value that these bytes are.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    next(bytes).filter(|(found, _, rest)| *found == tag && rest.is_empty()).map(|(_, content, _)| content)
}

pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const APPLICATION: u8 = 0x60;
