//! Faults as hosts word them: subcode, detail URI, Windows error number, nested provider fault.

use crate::soap::FaultCode;
use crate::wsman::ResponseContext;
use crate::wsman::fault::code;
use crate::xml::{WriteError, Writer, ns};

use super::faults::FaultName;
use super::scenario::Dialect;
use super::text::{Language, Text};

/// Why a request is refused; becomes a SOAP fault.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    code: FaultCode,
    /// Prefix and local name; none for `s:MustUnderstand`.
    subcode: Option<(&'static str, &'static str)>,
    detail: Option<&'static str>,
    form: Form,
    reason: Text,
}

/// What stands in `s:Detail` besides the URI.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// Nothing.
    Bare,
    /// `f:WSManFault` with the number.
    Number(u32),
    /// The same, with a nested one of the WMI provider (captured).
    Provider(u32),
    /// `p:MSFT_WmiError` (captured).
    Wmi(u32),
}

impl Refusal {
    fn sender(subcode: (&'static str, &'static str), form: Form, reason: Text) -> Refusal {
        Refusal { code: FaultCode::Sender, subcode: Some(subcode), detail: None, form, reason }
    }

    fn receiver(subcode: (&'static str, &'static str), form: Form, reason: Text) -> Refusal {
        Refusal { code: FaultCode::Receiver, ..Refusal::sender(subcode, form, reason) }
    }

    fn detail(mut self, detail: &'static str) -> Refusal {
        self.detail = Some(detail);
        self
    }

    /// A header that must be understood and is not (SOAP 1.2 part 1, 5.4.8).
    pub(super) fn must_understand() -> Refusal {
        let sender = Refusal::sender(("", ""), Form::Bare, MUST_UNDERSTAND);
        Refusal { code: FaultCode::MustUnderstand, subcode: None, ..sender }
    }

    pub(super) fn header_required() -> Refusal {
        Refusal::sender(("a", "MessageInformationHeaderRequired"), Form::Bare, HEADER_REQUIRED)
    }

    pub(super) fn header_invalid() -> Refusal {
        Refusal::sender(("a", "InvalidMessageInformationHeader"), Form::Bare, HEADER_INVALID)
    }

    pub(super) fn unsupported(detail: &'static str) -> Refusal {
        Refusal::sender(("w", "UnsupportedFeature"), Form::Bare, UNSUPPORTED).detail(detail)
    }

    /// MaxEnvelopeSize below the minimum (ERROR_WSMAN_MIN_ENVELOPE_SIZE).
    pub(super) fn envelope_too_small() -> Refusal {
        Refusal::sender(("w", "EncodingLimit"), Form::Number(2_150_858_878), ENVELOPE_SMALL)
            .detail("MinimumEnvelopeLimit")
    }

    /// The reply does not fit. Subcode inferred (not asked), number from wsmerror.
    pub(super) fn reply_too_large() -> Refusal {
        let form = Form::Number(code::MAX_ENVELOPE_SIZE_EXCEEDED);
        Refusal::sender(("w", "EncodingLimit"), form, ENVELOPE_LARGE).detail("MaxEnvelopeSizeExceeded")
    }

    pub(super) fn action_not_supported() -> Refusal {
        Refusal::sender(("a", "ActionNotSupported"), Form::Number(2_150_858_771), ACTION)
    }

    /// A resource URI that means nothing here.
    pub(super) fn resource_uri() -> Refusal {
        Refusal::sender(("a", "DestinationUnreachable"), Form::Number(2_150_858_811), NOT_FOUND)
            .detail("InvalidResourceURI")
    }

    /// A namespace that is not there: the number of a refused filter, whatever was asked with nothing inside that tells
    /// (virt-who looks for this very answer to its Enumerate).
    pub(super) fn no_namespace() -> Refusal {
        Refusal::sender(("n", "CannotProcessFilter"), Form::Wmi(code::CANNOT_PROCESS_FILTER), NO_NAMESPACE)
    }

    /// No such instance or class, or keys that do not suffice (captured).
    pub(super) fn not_found() -> Refusal {
        Refusal::sender(("a", "DestinationUnreachable"), Form::Provider(code::NOT_FOUND), NOT_FOUND)
            .detail("InvalidResourceURI")
    }

    /// Get of a class without keys (ERROR_WSMAN_INVALID_URI_WMI_SINGLETON; subcode inferred, not asked).
    pub(super) fn not_a_singleton() -> Refusal {
        Refusal::sender(("a", "DestinationUnreachable"), Form::Number(2_150_859_002), NO_SINGLETON)
            .detail("InvalidResourceURI")
    }

    /// A selector that is no key.
    pub(super) fn selectors(detail: &'static str) -> Refusal {
        Refusal::sender(("w", "InvalidSelectors"), Form::Number(code::INVALID_SELECTORS), SELECTORS).detail(detail)
    }

    /// An instance with these keys is there already (DSP0226 14.6).
    pub(super) fn already_exists() -> Refusal {
        Refusal::sender(("w", "AlreadyExists"), Form::Bare, ALREADY_EXISTS)
    }

    /// Delivery of events in another way than the one offered.
    pub(super) fn delivery_mode() -> Refusal {
        Refusal::sender(("e", "DeliveryModeRequestedUnavailable"), Form::Bare, UNSUPPORTED)
    }

    pub(super) fn schema() -> Refusal {
        Refusal::sender(("w", "SchemaValidationError"), Form::Number(code::SCHEMA_VALIDATION), SCHEMA)
    }

    /// A service without the selectors that name it: `s:Receiver` (seen on live hosts).
    pub(super) fn internal() -> Refusal {
        Refusal::receiver(("w", "InternalError"), Form::Bare, INTERNAL)
    }

    /// The management service without its selectors: WBEM_E_INVALID_METHOD_PARAMETERS (seen on live hosts).
    pub(super) fn wmi_parameters() -> Refusal {
        Refusal::receiver(("w", "InternalError"), Form::Wmi(code::WBEM_INVALID_METHOD_PARAMETERS), INTERNAL)
    }

    /// A foreign `__cimnamespace` (ERROR_WSMAN_DIFFERENT_CIM_SELECTOR).
    pub(super) fn other_namespace() -> Refusal {
        Refusal::receiver(("w", "InternalError"), Form::Number(2_150_859_067), OTHER_NAMESPACE)
    }

    /// Too many enumerations of one user.
    pub(super) fn quota() -> Refusal {
        Refusal::receiver(("w", "InternalError"), Form::Number(code::QUOTA_MAX_OPERATIONS), QUOTA)
    }

    pub(super) fn filter() -> Refusal {
        Refusal::sender(("n", "CannotProcessFilter"), Form::Number(code::CANNOT_PROCESS_FILTER), FILTER)
    }

    /// WQL sent to a class (ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL).
    pub(super) fn filter_on_class() -> Refusal {
        Refusal::sender(("n", "CannotProcessFilter"), Form::Number(code::WQL_WITH_CLASS), FILTER_CLASS)
    }

    pub(super) fn filter_dialect() -> Refusal {
        Refusal::sender(("n", "FilterDialectRequestedUnavailable"), Form::Bare, FILTER)
    }

    pub(super) fn context() -> Refusal {
        let form = Form::Number(code::INVALID_ENUMERATION_CONTEXT);
        Refusal::receiver(("n", "InvalidEnumerationContext"), form, CONTEXT)
    }

    pub(super) fn named(name: FaultName) -> Refusal {
        let timed_out = Form::Number(code::OPERATION_TIMEDOUT);
        match name {
            FaultName::TimedOut => Refusal::receiver(("w", "TimedOut"), timed_out, TIMED_OUT),
            FaultName::AccessDenied => {
                Refusal::sender(("w", "AccessDenied"), Form::Number(code::ACCESS_DENIED), ACCESS_DENIED)
            }
            FaultName::QuotaMaxOperations => Refusal::quota(),
            FaultName::QuotaLimit => Refusal::receiver(("w", "QuotaLimit"), Form::Number(code::QUOTA_LIMIT), QUOTA),
            FaultName::InternalError => Refusal::internal(),
            FaultName::NotFound => Refusal::not_found(),
            FaultName::SchemaValidationError => Refusal::schema(),
            FaultName::InvalidSelectors => Refusal::selectors("InsufficientSelectors"),
            FaultName::CannotProcessFilter => Refusal::filter(),
            FaultName::InvalidEnumerationContext => Refusal::context(),
            FaultName::EncodingLimit => Refusal::reply_too_large(),
            FaultName::ActionNotSupported => Refusal::action_not_supported(),
            FaultName::WmiAccessDenied => {
                Refusal::receiver(("w", "InternalError"), Form::Wmi(code::WBEM_ACCESS_DENIED), ACCESS_DENIED)
            }
            FaultName::WmiInvalidParameters => Refusal::wmi_parameters(),
            FaultName::InvalidNamespace => Refusal::no_namespace(),
            FaultName::WmiInvalidNamespace => {
                Refusal::receiver(("w", "InternalError"), Form::Wmi(code::WBEM_INVALID_NAMESPACE), NO_NAMESPACE)
            }
            FaultName::WmiProviderFailure => {
                Refusal::receiver(("w", "InternalError"), Form::Wmi(code::WBEM_PROVIDER_LOAD_FAILURE), INTERNAL)
            }
        }
    }

    /// HTTP status: 500 on Windows (fixed by the specification for contexts, E18; usual for the others, E15); other
    /// servers answer 400 where the sender is at fault (observed at Openwsman).
    pub(super) fn status(&self, dialect: Dialect) -> u16 {
        match (dialect, &self.code) {
            (Dialect::Other, FaultCode::Sender) => 400,
            _ => 500,
        }
    }

    pub(super) fn write(
        &self,
        context: &ResponseContext<'_>,
        dialect: Dialect,
        language: Language,
    ) -> Result<Vec<u8>, WriteError> {
        let action = match self.subcode {
            Some(("a", _)) | None => "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault",
            Some(("n", _)) => "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault",
            Some(("e", _)) => "http://schemas.xmlsoap.org/ws/2004/08/eventing/fault",
            Some(_) => "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault",
        };
        let reason = self.reason.of(language);
        let prefixes: &[&str] = if matches!(self.subcode, Some(("e", _))) { &["n", "x", "e"] } else { &["n", "x"] };
        context.envelope(action, prefixes).body(|w| {
            w.open("s", "Fault").open("s", "Code");
            w.text_element("s", "Value", &format!("s:{}", self.code));
            if let Some((prefix, local)) = self.subcode {
                w.open("s", "Subcode").text_element("s", "Value", &format!("{prefix}:{local}")).close();
            }
            w.close();
            w.open("s", "Reason").open("s", "Text").attribute("xml", "lang", language.tag()).text(reason);
            w.close().close();
            w.open("s", "Detail");
            if let Some(detail) = self.detail {
                let uri = format!("http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/{detail}");
                w.text_element("w", "FaultDetail", &uri);
            }
            if dialect == Dialect::Windows {
                self.write_detail(w, reason);
            }
            w.close().close();
        })
    }

    fn write_detail(&self, w: &mut Writer, reason: &str) {
        match self.form {
            Form::Bare => {}
            Form::Number(number) => {
                open_fault(w, number);
                w.text_element("f", "Message", reason).close();
            }
            Form::Provider(number) => {
                open_fault(w, number);
                w.open("f", "Message").open("f", "ProviderFault");
                w.attribute("", "provider", "WMI Provider");
                w.attribute("", "path", "%systemroot%\\system32\\WsmWmiPl.dll");
                open_fault(w, number);
                w.text_element("f", "Message", reason).close().close().close().close();
            }
            Form::Wmi(number) => write_wmi_error(w, number, reason),
        }
    }
}

/// The service leaves Machine empty towards remote clients (MS-WSMV note 36).
fn open_fault(w: &mut Writer, number: u32) {
    w.open("f", "WSManFault").declare("f", ns::MS_FAULT);
    w.attribute("", "Code", &number.to_string()).attribute("", "Machine", "");
}

fn write_wmi_error(w: &mut Writer, number: u32, reason: &str) {
    w.open("p", "MSFT_WmiError").attribute("b", "IsCIM_Error", "true");
    w.declare("p", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError");
    w.declare("b", ns::CIM_BINDING).declare("cim", ns::CIM).declare("xsi", ns::XSI);
    w.attribute("xsi", "type", "p:MSFT_WmiError_Type");
    let mut property = |local: &str, kind: &str, text: &str| {
        w.open("p", local).attribute("xsi", "type", &format!("cim:{kind}")).text(text).close();
    };
    property("CIMStatusCode", "cimUnsignedInt", "1");
    property("Message", "cimString", reason);
    property("MessageID", "cimString", &format!("HRESULT 0x{number:08x}"));
    property("error_Code", "cimUnsignedInt", &number.to_string());
    property("error_Type", "cimString", "HRESULT");
    w.close();
}

macro_rules! reasons {
    ($($name:ident = $english:literal, $japanese:literal;)*) => {
        $(const $name: Text = Text { english: $english, japanese: $japanese };)*
    };
}

reasons! {
    MUST_UNDERSTAND = "A header marked mustUnderstand is not known to the service.",
        "mustUnderstand が指定されたヘッダーをサービスが認識できません。";
    HEADER_REQUIRED = "A required header for the processing of the message is missing.",
        "メッセージの処理に必要なヘッダーがありません。";
    HEADER_INVALID = "A header is not valid and the message cannot be processed.",
        "ヘッダーが無効なため、メッセージを処理できません。";
    UNSUPPORTED = "The service does not support the requested feature.", "要求された機能はサポートされていません。";
    ENVELOPE_SMALL = "The maximum envelope size in the request is too small.",
        "要求の最大エンベロープ サイズが小さすぎます。";
    ENVELOPE_LARGE = "The response is larger than the maximum envelope size in the request.",
        "応答が要求の最大エンベロープ サイズを超えています。";
    ACTION = "The action is not supported by the service.", "このアクションはサービスでサポートされていません。";
    NOT_FOUND = "The service cannot find the resource identified by the resource URI and selectors.",
        "リソース URI とセレクターで識別されるリソースが見つかりません。";
    NO_SINGLETON = "The class has more than one instance: selectors are needed.",
        "このクラスには複数のインスタンスがあるため、セレクターが必要です。";
    SELECTORS = "The request contains selectors that are not valid for the resource.",
        "要求に、リソースに対して無効なセレクターが含まれています。";
    ALREADY_EXISTS = "An instance with these keys exists already.", "同じキーのインスタンスが既に存在します。";
    SCHEMA = "The message does not fit the schema of the method or class.",
        "メッセージがメソッドまたはクラスのスキーマに一致しません。";
    INTERNAL = "The service cannot process the request because of an internal error.",
        "内部エラーのため、サービスは要求を処理できません。";
    OTHER_NAMESPACE = "The CIM namespace of the selectors is not the one of the resource URI.",
        "セレクターの CIM 名前空間がリソース URI と異なります。";
    QUOTA = "The user has reached the maximum number of concurrent operations.",
        "ユーザーの同時操作の最大数に達しました。";
    FILTER = "The filter cannot be processed: the query, its class or the namespace is not valid.",
        "フィルターを処理できません。クエリ、クラス、または名前空間が無効です。";
    NO_NAMESPACE = "The service cannot process the request. The CIM namespace is invalid.",
        "要求を処理できません。CIM 名前空間が無効です。";
    FILTER_CLASS = "A WQL query needs the resource URI that ends with '*'.",
        "WQL クエリには '*' で終わるリソース URI が必要です。";
    CONTEXT = "The enumeration context is not valid: it has expired or was used already.",
        "列挙コンテキストが無効です。期限切れか、既に使用されています。";
    TIMED_OUT = "The operation did not complete within the time of the operation timeout.",
        "操作がタイムアウト時間内に完了しませんでした。";
    ACCESS_DENIED = "Access is denied.", "アクセスが拒否されました。";
}
