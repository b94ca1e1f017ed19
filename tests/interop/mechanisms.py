"""Accepting halves of NTLM, Kerberos and SPNEGO that were not written here, behind one face.

Each has `step(token)` (the reply token, or none; raises Refused), `complete`, `unwrap(signature, data)`,
`wrap(plain)`, `signature_bytes(n)` (how many stand before n bytes of sealed data) and, once complete, `user`. NTLM's
users come from the file that NTLM_USER_FILE names, Kerberos' keys from the keytab that KRB5_KTNAME names.
"""

import ctypes
import ssl

import spnego
import spnego._credssp
import spnego.channel_bindings
import spnego.exceptions
import spnego.tls

NTLM_SIGNATURE = 16
# RFC 4121 4.2.6.2: header, its copy, checksum, confounder.
KERBEROS_SIGNATURES = {17: 60, 18: 60, 19: 64, 20: 72}


class Refused(Exception):
    """The mechanism does not accept the token, or cannot open a sealed message. May have a token for the client."""

    token = None


class Pyspnego:
    """Python: https://pypi.org/project/pyspnego/. `protocol` is ntlm, kerberos, or negotiate for its SPNEGO acceptor."""

    def __init__(self, binding, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm):
        bindings = None
        if binding is not None:
            bindings = spnego.channel_bindings.GssChannelBindings(application_data=binding)
        service = {} if options else {"hostname": "localhost", "service": "HTTP"}
        self._context = spnego.server(protocol=protocol, options=options, channel_bindings=bindings, **service)

    @property
    def user(self):
        return self._context.client_principal

    def signature_bytes(self, _):
        return NTLM_SIGNATURE if self._context.negotiated_protocol == "ntlm" else KERBEROS_SIGNATURES[18]

    @property
    def complete(self):
        return self._context.complete

    def step(self, token):
        try:
            reply = self._context.step(token)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error
        except AttributeError as error:
            # What pyspnego 0.12.4 makes of a refusal for which MIT Kerberos has a token, with gssapi 1.12.
            raise Refused(f"the first step fails: {error}") from error
        needed = spnego.ContextReq.confidentiality | spnego.ContextReq.integrity
        if self.complete and self._context.context_attr & needed != needed:
            raise Refused("the login does not seal")
        return reply

    def unwrap(self, signature, data):
        try:
            return self._context.unwrap_winrm(signature, data)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error

    def wrap(self, plain):
        sealed = self._context.wrap_winrm(plain)
        return sealed.header, sealed.data


class Credssp:
    """pyspnego's CredSSP acceptor: TLS of Python's ssl, SPNEGO with NTLM or Kerberos inside. Once complete it also has
    `delegated`, the domain, user and password that it was given, and `inside`, what proved the user."""

    def __init__(self, modes):
        if modes.credssp_version:
            spnego._credssp._CREDSSP_VERSION = modes.credssp_version
        keywords = {"options": spnego.NegotiateOptions.use_negotiate | spnego.NegotiateOptions.use_ntlm}
        if modes.mechanism == "pyspnego-credssp-kerberos":
            keywords = {"hostname": "localhost", "service": "HTTP"}
        tls = spnego._credssp._create_tls_context("accept")
        settings = tls.context
        if modes.inner_tls == "1.2":
            settings.maximum_version = ssl.TLSVersion.TLSv1_2
        elif modes.inner_tls == "1.3":
            settings.minimum_version = ssl.TLSVersion.TLSv1_3
        if modes.foreign_key:
            tls.public_key = spnego.tls.generate_tls_certificate()[2]
        self._context = spnego.server(protocol="credssp", credssp_tls_context=tls, **keywords)
        self._tls = self._context.get_extra_info("ssl_object")

    @property
    def complete(self):
        return self._context.complete

    @property
    def user(self):
        return self._context.client_principal

    @property
    def inside(self):
        return self._context.negotiated_protocol

    @property
    def delegated(self):
        given = self._context.get_extra_info("client_credential")
        return [given.domain_name, given.username, given.password]

    @property
    def version(self):
        """Of the TLS connection."""
        return self._tls.version()

    @property
    def trailer_bytes(self):
        return 17 if self.version == "TLSv1.3" else 16

    def step(self, token):
        try:
            reply = self._context.step(token)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error
        if self._context.get_extra_info("auth_stage") == "Authentication failure":
            refusal = Refused("the login inside fails")
            refusal.token = reply
            raise refusal
        return reply

    def unwrap(self, record):
        try:
            return self._context.unwrap(record).data
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error

    def wrap(self, plain):
        return self._context.wrap(plain).data


class Gss:
    """C: a mechanism under MIT Kerberos' GSSAPI, called through ctypes so that nothing has to be compiled."""

    def __init__(self, binding, *mechanisms, choice=None):
        self._binding = None if binding is None else _Bindings(application_data=_Buffer.of(binding))
        self._context = ctypes.c_void_p()
        self._explained_by = mechanisms[-1]
        self.complete = False
        self.user = None
        self._inside = None
        mechanisms = _OidSet(len(mechanisms), (_Oid * len(mechanisms))(*mechanisms))
        self._credential = ctypes.c_void_p()
        self._call("gss_acquire_cred", None, 0, ctypes.byref(mechanisms), _ACCEPT, ctypes.byref(self._credential), None, None)
        if choice:
            # What SPNEGO may take.
            self._call("gss_set_neg_mechs", self._credential, ctypes.byref(_OidSet(1, ctypes.pointer(choice))))

    def step(self, token):
        reply, flags, name, inside = _Buffer(), ctypes.c_uint32(), ctypes.c_void_p(), ctypes.POINTER(_Oid)()
        incoming = _Buffer.of(token)
        try:
            major = self._call(
                "gss_accept_sec_context",
                ctypes.byref(self._context),
                self._credential,
                ctypes.byref(incoming),
                None if self._binding is None else ctypes.byref(self._binding),
                ctypes.byref(name),
                ctypes.byref(inside),
                ctypes.byref(reply),
                ctypes.byref(flags),
                None,
                None,
            )
        except Refused as refusal:
            refusal.token = reply.take() or None
            raise
        self.complete = not major & _CONTINUE_NEEDED
        if self.complete:
            self._inside = ctypes.string_at(inside.contents.elements, inside.contents.length)
            self.user = self._display(name)
            self._judge(flags.value)
        return reply.take() or None

    def _judge(self, flags):
        """What a login for sealing must have, and must not have."""
        if flags & _SEALS != _SEALS:
            raise Refused(f"the login does not seal (flags {flags:#x})")
        if self._inside != _oid_bytes(_KERBEROS):
            return
        if flags & _WHOLE != _WHOLE:
            raise Refused(f"no mutual authentication, or no sequence (flags {flags:#x})")
        if flags & _DELEGATES:
            raise Refused("the login delegates, which nobody asked for")
        if self._binding is not None and not flags & _BOUND:
            raise Refused("the login is not bound to the channel")

    def _display(self, name):
        text = _Buffer()
        self._call("gss_display_name", name, ctypes.byref(text), None)
        _GSS.gss_release_name(ctypes.byref(ctypes.c_uint32()), ctypes.byref(name))
        return text.take().decode()

    def signature_bytes(self, data_bytes):
        if self._inside == _oid_bytes(_NTLMSSP):
            return NTLM_SIGNATURE
        if self.encryption_type != _RC4:
            return KERBEROS_SIGNATURES[self.encryption_type]
        # RFC 4757 7.3: mechanism and token of 11 + 32 bytes in a frame whose length counts the data.
        framed = 11 + 32 + data_bytes
        return framed - data_bytes + 2 + (0 if framed < 0x80 else (framed.bit_length() + 7) // 8)

    @property
    def encryption_type(self):
        """Of the session key, RFC 3961 8."""
        if self._inside == _oid_bytes(_NTLMSSP):
            return None
        answer = ctypes.POINTER(_BufferSet)()
        self._call("gss_inquire_sec_context_by_oid", self._context, ctypes.byref(_SESSION_KEY), ctypes.byref(answer))
        oid = answer.contents.elements[1]
        number = ctypes.string_at(oid.value, oid.length)[-1]
        _GSS.gss_release_buffer_set(ctypes.byref(ctypes.c_uint32()), ctypes.byref(answer))
        return number

    def unwrap(self, signature, data):
        plain, sealed, incoming = _Buffer(), ctypes.c_int(), _Buffer.of(signature + data)
        arguments = (ctypes.byref(incoming), ctypes.byref(plain), ctypes.byref(sealed), None)
        major = self._call("gss_unwrap", self._context, *arguments)
        if not sealed.value:
            raise Refused("the message is signed, not sealed")
        if major:
            raise Refused(f"the message is out of order ({major:#x})")
        return plain.take()

    def wrap(self, plain):
        if self._inside == _oid_bytes(_NTLMSSP):
            token, sealed, outgoing = _Buffer(), ctypes.c_int(), _Buffer.of(plain)
            arguments = (1, 0, ctypes.byref(outgoing), ctypes.byref(sealed), ctypes.byref(token))
            self._call("gss_wrap", self._context, *arguments)
            token = token.take()
            signature, data = token[:NTLM_SIGNATURE], token[NTLM_SIGNATURE:]
        else:
            held, sealed = ctypes.create_string_buffer(plain, len(plain) + 1), ctypes.c_int()
            parts = (_Iov * 3)(
                _Iov(_HEADER | _ALLOCATE, _Buffer()),
                _Iov(_DATA, _Buffer(len(plain), ctypes.cast(held, ctypes.c_void_p))),
                _Iov(_PADDING | _ALLOCATE, _Buffer()),
            )
            self._call("gss_wrap_iov", self._context, 1, 0, ctypes.byref(sealed), parts, 3)
            signature, data, padding = (ctypes.string_at(part.buffer.value, part.buffer.length) for part in parts)
            _GSS.gss_release_iov_buffer(ctypes.byref(ctypes.c_uint32()), parts, 3)
            data += padding
        if not sealed.value:
            raise Refused("the mechanism did not seal")
        return signature, data

    def _call(self, name, *arguments):
        minor = ctypes.c_uint32()
        major = getattr(_GSS, name)(ctypes.byref(minor), *arguments) & 0xFFFFFFFF
        if major & _ERRORS:
            texts = [self._text(major, _MAJOR), self._text(minor.value, _MINOR)]
            raise Refused(f"{name}: {': '.join(texts)} ({major:#x}, {minor.value:#x})")
        return major

    def _text(self, status, kind):
        text, more = _Buffer(), ctypes.c_uint32()
        _GSS.gss_display_status(
            ctypes.byref(ctypes.c_uint32()),
            ctypes.c_uint32(status),
            kind,
            ctypes.byref(self._explained_by),
            ctypes.byref(more),
            ctypes.byref(text),
        )
        return text.take().decode(errors="replace")

    def __del__(self):
        minor = ctypes.c_uint32()
        _GSS.gss_delete_sec_context(ctypes.byref(minor), ctypes.byref(self._context), None)
        _GSS.gss_release_cred(ctypes.byref(minor), ctypes.byref(self._credential))


class _Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]

    @classmethod
    def of(cls, content):
        held = ctypes.create_string_buffer(content, len(content))
        buffer = cls(len(content), ctypes.cast(held, ctypes.c_void_p))
        buffer.held = held
        return buffer

    def take(self):
        """The content that the library put in; gives its memory back."""
        content = ctypes.string_at(self.value, self.length) if self.length else b""
        _GSS.gss_release_buffer(ctypes.byref(ctypes.c_uint32()), ctypes.byref(self))
        return content


class _Oid(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint32), ("elements", ctypes.c_char_p)]


class _OidSet(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t), ("elements", ctypes.POINTER(_Oid))]


class _BufferSet(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t), ("elements", ctypes.POINTER(_Buffer))]


class _Iov(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint32), ("buffer", _Buffer)]


class _Bindings(ctypes.Structure):
    """gss_channel_bindings_struct (RFC 2744 3.11), both addresses left empty."""

    _fields_ = [
        ("initiator_type", ctypes.c_uint32),
        ("initiator_address", _Buffer),
        ("acceptor_type", ctypes.c_uint32),
        ("acceptor_address", _Buffer),
        ("application_data", _Buffer),
    ]


def _oid_bytes(oid):
    return oid.elements[: oid.length]


_GSS = ctypes.CDLL("libgssapi_krb5.so.2")
# 1.3.6.1.4.1.311.2.2.10
_NTLMSSP = _Oid(10, bytes.fromhex("2b06010401823702020a"))
# 1.2.840.113554.1.2.2
_KERBEROS = _Oid(9, bytes.fromhex("2a864886f712010202"))
# 1.3.6.1.5.5.2
_SPNEGO = _Oid(6, bytes.fromhex("2b0601050502"))
# 1.2.840.113554.1.2.2.5.5
_SESSION_KEY = _Oid(11, bytes.fromhex("2a864886f7120102020505"))
_ACCEPT, _MAJOR, _MINOR = 2, 1, 2
_CONTINUE_NEEDED = 1
_ERRORS = 0xFFFF0000
# GSS_C_CONF_FLAG and GSS_C_INTEG_FLAG.
_SEALS = 0x10 | 0x20
# GSS_C_MUTUAL_FLAG, _REPLAY_, _SEQUENCE_.
_WHOLE = 0x2 | 0x4 | 0x8
_DELEGATES, _BOUND = 0x1, 0x800
_RC4 = 23
_DATA, _HEADER, _PADDING, _ALLOCATE = 1, 2, 9, 0x10000

ALL = {
    "pyspnego": Pyspnego,
    "pyspnego-negotiate": lambda binding: Pyspnego(binding, "negotiate", spnego.NegotiateOptions.use_negotiate),
    "pyspnego-kerberos": lambda binding: Pyspnego(binding, "kerberos", spnego.NegotiateOptions.none),
    "pyspnego-spnego": lambda binding: Pyspnego(binding, "negotiate", spnego.NegotiateOptions.none),
    "gss-ntlmssp": lambda binding: Gss(binding, _NTLMSSP),
    "gss-kerberos": lambda binding: Gss(binding, _KERBEROS),
    "gss-spnego-ntlm": lambda binding: Gss(binding, _SPNEGO, _NTLMSSP, choice=_NTLMSSP),
    "gss-spnego": lambda binding: Gss(binding, _SPNEGO, _NTLMSSP, _KERBEROS),
}
# These take all modes, and no binding.
CREDSSP = ["pyspnego-credssp", "pyspnego-credssp-kerberos"]
