//! What the host says to people, in its own language.

use serde::Deserialize;

/// The language of the host's texts. A request's Locale does not change it: whether Windows obeys it for
/// these texts is not known, and recorded hosts answered in their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Language {
    /// `en-US`
    #[default]
    #[serde(rename = "en-US")]
    English,
    /// `ja-JP`
    #[serde(rename = "ja-JP")]
    Japanese,
}

impl Language {
    /// The tag for `xml:lang`.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en-US",
            Language::Japanese => "ja-JP",
        }
    }
}

/// One text in every language. The wording is ours: no decision may rest on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) english: &'static str,
    pub(super) japanese: &'static str,
}

impl Text {
    pub(super) fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Japanese => self.japanese,
        }
    }
}

macro_rules! texts {
    ($($name:ident = $english:literal, $japanese:literal;)*) => {
        $(pub(super) const $name: Text = Text { english: $english, japanese: $japanese };)*
    };
}

texts! {
    VIRTUAL_MACHINE = "Virtual Machine", "仮想マシン";
    HOSTING_SYSTEM = "Hosting Computer System", "ホスト コンピューター システム";
    HOSTING_DESCRIPTION = "Microsoft Hosting Computer System", "Microsoft ホスト コンピューター システム";
    REPLICA_SERVICE = "Hyper-V Replica Service", "Hyper-V レプリカ サービス";
    REPLICATION_SERVICE = "Replication Service", "レプリケーション サービス";
    OPERATING_NORMALLY = "Operating normally", "正常に動作しています";
    JOB_RUNNING = "Job is running.", "ジョブは実行中です。";
    JOB_DONE = "Job is completed.", "ジョブは完了しました。";
    JOB_WARNINGS = "Job is completed with warnings.", "ジョブは警告付きで完了しました。";
    JOB_FAILED = "Job failed.", "ジョブは失敗しました。";
    JOB_OTHER = "Job is waiting.", "ジョブは待機中です。";
    CONCRETE_JOB = "Concrete Job", "具象ジョブ";
    ERROR_SUMMARY = "The virtual machine could not be failed over.",
        "仮想マシンをフェールオーバーできませんでした。";
    ERROR_DETAIL = "The virtual hard disk of the replica could not be opened: the file is corrupted or is in use.",
        "レプリカの仮想ハード ディスクを開けませんでした。ファイルが破損しているか、使用中です。";
    STANDARD_POINT = "Standard Replica", "標準レプリカ";
    APP_POINT = "Application-consistent Replica", "アプリケーション整合性レプリカ";
    PLANNED_POINT = "Planned Failover Replica", "計画フェールオーバー レプリカ";
}
