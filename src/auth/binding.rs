//! Channel binding: ties a login to the TLS connection it runs in (RFC 5929, section 4).
use md5::{Digest, Md5};
use sha2::{Sha224, Sha256, Sha384, Sha512};
use x509_cert::der::asn1::{AnyRef, BitStringRef, ContextSpecific, ObjectIdentifier};
use x509_cert::der::{Decode, Reader, SliceReader, TagNumber};
use x509_cert::spki::AlgorithmIdentifierRef;

use super::error::AuthError;

/// What names a TLS channel: the hash of its server certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelBinding {
    /// The MD5 of the `gss_channel_bindings` structure: the value of AV pair 10 ([MS-NLMP] 2.2.2.1).
    md5: [u8; 16],
    /// Its application data, for Kerberos; as much as `length` says.
    data: [u8; LONGEST],
    length: usize,
}

impl ChannelBinding {
    /// The binding of type `tls-server-end-point` for a server certificate, given exactly as it
    /// stood in the TLS Certificate message.
    ///
    /// The hash is that of the certificate's signature, but SHA-256 where that is MD5 or SHA-1
    /// (RFC 5929 4.1) and where there is no single one, as with Ed25519 (left open there).
    ///
    /// # Errors
    /// [`AuthError::Certificate`] when the certificate cannot be read.
    pub fn tls_server_end_point(certificate_der: &[u8]) -> Result<Self, AuthError> {
        let hash = signature_hash(certificate_der).map_err(|_| AuthError::Certificate)?;
        Ok(Self::from_end_point_hash(&hash.of(certificate_der)))
    }

    /// The binding for a hash of the server certificate that was made elsewhere; of one longer than
    /// SHA-512 only so much counts.
    pub fn from_end_point_hash(hash: &[u8]) -> Self {
        let mut padded = [0; LONGEST];
        let mut length = 0;
        for (to, from) in padded.iter_mut().zip(END_POINT.iter().chain(hash)) {
            *to = *from;
            length += 1;
        }
        let data = padded.get(..length).unwrap_or_default();
        let mut bindings = Md5::new();
        // Both addresses: type 0, length 0 (RFC 2744, 3.11).
        bindings.update([0; 16]);
        bindings.update(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        bindings.update(data);
        Self { md5: bindings.finalize().into(), data: padded, length }
    }

    /// The 16 bytes that go into an NTLM login.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.md5
    }

    /// What a Kerberos login is bound to: `tls-server-end-point:` and the hash.
    pub fn application_data(&self) -> &[u8] {
        self.data.get(..self.length).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndPointHash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl EndPointHash {
    fn of(self, certificate: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha224 => Sha224::digest(certificate).to_vec(),
            Self::Sha256 => Sha256::digest(certificate).to_vec(),
            Self::Sha384 => Sha384::digest(certificate).to_vec(),
            Self::Sha512 => Sha512::digest(certificate).to_vec(),
        }
    }
}

/// Reads only what is needed, the outer signature algorithm: an odd serial number or extension
/// in a self-made certificate must not stop a login.
fn signature_hash(certificate: &[u8]) -> x509_cert::der::Result<EndPointHash> {
    let mut reader = SliceReader::new(certificate)?;
    let algorithm = reader.sequence(|fields| {
        AnyRef::decode(fields)?;
        let algorithm = AlgorithmIdentifierRef::decode(fields)?;
        BitStringRef::decode(fields)?;
        Ok(algorithm)
    })?;
    reader.finish(())?;
    Ok(match algorithm.oid {
        SHA224_WITH_RSA | ECDSA_WITH_SHA224 => EndPointHash::Sha224,
        SHA384_WITH_RSA | ECDSA_WITH_SHA384 => EndPointHash::Sha384,
        SHA512_WITH_RSA | ECDSA_WITH_SHA512 => EndPointHash::Sha512,
        RSASSA_PSS => pss_hash(algorithm.parameters)?,
        _ => EndPointHash::Sha256,
    })
}

/// The hash in `RSASSA-PSS-params` (RFC 4055 3.1): field \[0\], SHA-1 when left out.
fn pss_hash(parameters: Option<AnyRef<'_>>) -> x509_cert::der::Result<EndPointHash> {
    let Some(parameters) = parameters else {
        return Ok(EndPointHash::Sha256);
    };
    let hash = parameters.sequence(|fields| {
        let hash = ContextSpecific::<AlgorithmIdentifierRef<'_>>::decode_explicit(fields, TagNumber::N0)?;
        fields.read_slice(fields.remaining_len())?;
        Ok(hash)
    })?;
    Ok(match hash.map(|field| field.value.oid) {
        Some(SHA224) => EndPointHash::Sha224,
        Some(SHA384) => EndPointHash::Sha384,
        Some(SHA512) => EndPointHash::Sha512,
        _ => EndPointHash::Sha256,
    })
}

const END_POINT: &[u8] = b"tls-server-end-point:";
/// With SHA-512.
const LONGEST: usize = END_POINT.len() + 64;

const SHA224_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const ECDSA_WITH_SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_WITH_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use x509_cert::der::Encode;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length], content].concat()
    }

    /// The outer shape of a certificate, with nothing in the part that is not read.
    fn certificate(oid: &str, parameters: &[u8]) -> Vec<u8> {
        let oid = ObjectIdentifier::new(oid).unwrap().to_der().unwrap();
        let algorithm = tlv(0x30, &[&oid, parameters].concat());
        tlv(0x30, &[tlv(0x30, &[]), algorithm, tlv(0x03, &[0, 1, 2, 3])].concat())
    }

    fn pss(hash: &str) -> Vec<u8> {
        let oid = ObjectIdentifier::new(hash).unwrap().to_der().unwrap();
        let salt = tlv(0xa2, &tlv(0x02, &[0x20]));
        tlv(0x30, &[tlv(0xa0, &tlv(0x30, &[oid, tlv(0x05, &[])].concat())), salt].concat())
    }

    #[test]
    fn check_value() {
        let hash: Vec<u8> = (0..0x20).collect();
        let expected = [0x8f, 0x12, 0x14, 0xc9, 0xc9, 0xca, 0xb8, 0xdc, 0x3b, 0xf8, 0x66, 0xda, 0x9a, 0xba, 0x57, 0xa7];
        assert_eq!(ChannelBinding::from_end_point_hash(&hash).as_bytes(), &expected);
    }

    #[test]
    fn hash_follows_the_signature_algorithm() {
        let null = [0x05, 0x00];
        for (oid, parameters, expected) in [
            ("1.2.840.113549.1.1.4", &null[..], EndPointHash::Sha256), // MD5 with RSA
            ("1.2.840.113549.1.1.5", &null, EndPointHash::Sha256),     // SHA-1 with RSA
            ("1.2.840.113549.1.1.11", &null, EndPointHash::Sha256),
            ("1.2.840.113549.1.1.12", &null, EndPointHash::Sha384),
            ("1.2.840.113549.1.1.13", &null, EndPointHash::Sha512),
            ("1.2.840.113549.1.1.14", &null, EndPointHash::Sha224),
            ("1.2.840.10045.4.1", &[], EndPointHash::Sha256), // ECDSA with SHA-1
            ("1.2.840.10045.4.3.1", &[], EndPointHash::Sha224),
            ("1.2.840.10045.4.3.2", &[], EndPointHash::Sha256),
            ("1.2.840.10045.4.3.3", &[], EndPointHash::Sha384),
            ("1.2.840.10045.4.3.4", &[], EndPointHash::Sha512),
            ("1.3.101.112", &[], EndPointHash::Sha256), // Ed25519
            ("1.2.840.113549.1.1.10", &[], EndPointHash::Sha256),
            ("1.2.840.113549.1.1.10", &[0x30, 0x00], EndPointHash::Sha256), // SHA-1 by default
            ("1.2.840.113549.1.1.10", &pss("2.16.840.1.101.3.4.2.1"), EndPointHash::Sha256),
            ("1.2.840.113549.1.1.10", &pss("2.16.840.1.101.3.4.2.2"), EndPointHash::Sha384),
            ("1.2.840.113549.1.1.10", &pss("2.16.840.1.101.3.4.2.3"), EndPointHash::Sha512),
        ] {
            let der = certificate(oid, parameters);
            assert_eq!(signature_hash(&der).unwrap(), expected, "{oid}");
            assert_eq!(
                ChannelBinding::tls_server_end_point(&der).unwrap(),
                ChannelBinding::from_end_point_hash(&expected.of(&der)),
                "{oid}"
            );
        }
    }

    #[cfg(feature = "simulator")]
    #[test]
    fn a_real_certificate_is_read() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let made = rcgen::CertificateParams::new(vec!["hv.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        assert_eq!(
            ChannelBinding::tls_server_end_point(made.der()).unwrap(),
            ChannelBinding::from_end_point_hash(&Sha384::digest(made.der()))
        );
    }

    #[test]
    fn damaged_certificates_are_refused() {
        let der = certificate("1.2.840.113549.1.1.11", &[0x05, 0x00]);
        for length in 0..der.len() {
            assert_eq!(ChannelBinding::tls_server_end_point(&der[..length]), Err(AuthError::Certificate));
        }
        let trailing = [der.as_slice(), &[0]].concat();
        assert_eq!(ChannelBinding::tls_server_end_point(&trailing), Err(AuthError::Certificate));
    }

    proptest! {
        #![proptest_config(crate::properties::config())]
        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = ChannelBinding::tls_server_end_point(&bytes);
        }

        #[test]
        fn mutated_certificates_do_not_panic(at in 0usize..60, value: u8) {
            let mut der = certificate("1.2.840.113549.1.1.10", &pss("2.16.840.1.101.3.4.2.2"));
            let at = at % der.len();
            der[at] = value;
            let _ = ChannelBinding::tls_server_end_point(&der);
        }
    }
}
