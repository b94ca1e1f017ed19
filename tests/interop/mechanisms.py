"""Two accepting halves of NTLM that were not written here, behind one face.

Each has `step(token)` (the reply token, or none; raises Refused), `complete`, `unwrap(signature, data)` and
`wrap(plain)`. Users come from the file that NTLM_USER_FILE names, in both cases.
"""

import ctypes

import spnego
import spnego.channel_bindings
import spnego.exceptions

SIGNATURE_BYTES = 16


class Refused(Exception):
    """The mechanism does not accept the token, or cannot open a sealed message."""


class Pyspnego:
    """Python: https://pypi.org/project/pyspnego/. `protocol` is ntlm, or negotiate for its SPNEGO acceptor."""

    def __init__(self, binding, protocol="ntlm"):
        bindings = None
        if binding is not None:
            bindings = spnego.channel_bindings.GssChannelBindings(application_data=binding)
        self._context = spnego.server(
            protocol=protocol, options=spnego.NegotiateOptions.use_ntlm, channel_bindings=bindings
        )

    @property
    def complete(self):
        return self._context.complete

    def step(self, token):
        try:
            reply = self._context.step(token)
        except spnego.exceptions.SpnegoError as error:
            raise Refused(str(error)) from error
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


class GssNtlmssp:
    """C: gss-ntlmssp under MIT Kerberos' GSSAPI, called through ctypes so that nothing has to be compiled."""

    def __init__(self, binding):
        self._binding = None if binding is None else _Bindings(application_data=_Buffer.of(binding))
        self._context = ctypes.c_void_p()
        self.complete = False
        mechanisms = _OidSet(1, ctypes.pointer(_NTLMSSP))
        self._credential = ctypes.c_void_p()
        _call("gss_acquire_cred", None, 0, ctypes.byref(mechanisms), _ACCEPT, ctypes.byref(self._credential), None, None)

    def step(self, token):
        reply, flags = _Buffer(), ctypes.c_uint32()
        incoming = _Buffer.of(token)
        major = _call(
            "gss_accept_sec_context",
            ctypes.byref(self._context),
            self._credential,
            ctypes.byref(incoming),
            None if self._binding is None else ctypes.byref(self._binding),
            None,
            None,
            ctypes.byref(reply),
            ctypes.byref(flags),
            None,
            None,
        )
        self.complete = not major & _CONTINUE_NEEDED
        if self.complete and flags.value & _SEALS != _SEALS:
            raise Refused(f"the login does not seal (flags {flags.value:#x})")
        return reply.take() or None

    def unwrap(self, signature, data):
        plain, sealed, incoming = _Buffer(), ctypes.c_int(), _Buffer.of(signature + data)
        arguments = (ctypes.byref(incoming), ctypes.byref(plain), ctypes.byref(sealed), None)
        _call("gss_unwrap", self._context, *arguments)
        if not sealed.value:
            raise Refused("the message is signed, not sealed")
        return plain.take()

    def wrap(self, plain):
        token, sealed, outgoing = _Buffer(), ctypes.c_int(), _Buffer.of(plain)
        arguments = (1, 0, ctypes.byref(outgoing), ctypes.byref(sealed), ctypes.byref(token))
        _call("gss_wrap", self._context, *arguments)
        if not sealed.value:
            raise Refused("the mechanism did not seal")
        token = token.take()
        return token[:SIGNATURE_BYTES], token[SIGNATURE_BYTES:]

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


class _Bindings(ctypes.Structure):
    """gss_channel_bindings_struct (RFC 2744 3.11), both addresses left empty."""

    _fields_ = [
        ("initiator_type", ctypes.c_uint32),
        ("initiator_address", _Buffer),
        ("acceptor_type", ctypes.c_uint32),
        ("acceptor_address", _Buffer),
        ("application_data", _Buffer),
    ]


def _call(name, *arguments):
    minor = ctypes.c_uint32()
    major = getattr(_GSS, name)(ctypes.byref(minor), *arguments) & 0xFFFFFFFF
    if major & _ERRORS:
        texts = [_text(major, _MAJOR), _text(minor.value, _MINOR)]
        raise Refused(f"{name}: {': '.join(texts)} ({major:#x}, {minor.value:#x})")
    return major


def _text(status, kind):
    text, more = _Buffer(), ctypes.c_uint32()
    _GSS.gss_display_status(
        ctypes.byref(ctypes.c_uint32()),
        ctypes.c_uint32(status),
        kind,
        ctypes.byref(_NTLMSSP),
        ctypes.byref(more),
        ctypes.byref(text),
    )
    return text.take().decode(errors="replace")


_GSS = ctypes.CDLL("libgssapi_krb5.so.2")
# 1.3.6.1.4.1.311.2.2.10
_NTLMSSP = _Oid(10, bytes.fromhex("2b06010401823702020a"))
_ACCEPT, _MAJOR, _MINOR = 2, 1, 2
_CONTINUE_NEEDED = 1
_ERRORS = 0xFFFF0000
# GSS_C_CONF_FLAG and GSS_C_INTEG_FLAG.
_SEALS = 0x10 | 0x20

ALL = {
    "pyspnego": Pyspnego,
    "pyspnego-negotiate": lambda binding: Pyspnego(binding, "negotiate"),
    "gss-ntlmssp": GssNtlmssp,
}
