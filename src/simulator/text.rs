//! What the host says to people, in its own language.

use serde::Deserialize;

use super::job::{FAILOVER, Job};

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

/// ErrorSummaryDescription of a job that failed.
pub(super) fn error_summary(job: &Job) -> Text {
    if job.kind == FAILOVER { ERROR_SUMMARY } else { OTHER_SUMMARY }
}

/// ErrorDescription of a job that failed: by a script, or for what it found at the other end.
pub(super) fn error_detail(job: &Job) -> Text {
    if job.failed.is_some() { OTHER_HOST_DETAIL } else { ERROR_DETAIL }
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
    MANAGEMENT_SERVICE = "Hyper-V Virtual Machine Management", "Hyper-V 仮想マシンの管理";
    MANAGEMENT_DESCRIPTION = "Virtual Machine Management Service", "仮想マシン管理サービス";
    REPLICATION_SETTINGS = "Replication Settings", "レプリケーション設定";
    REPLICATION_SETTINGS_DESCRIPTION = "Replication settings of a virtual machine",
        "仮想マシンのレプリケーション設定";
    SHUTDOWN = "Shutdown", "シャットダウン";
    SHUTDOWN_DESCRIPTION = "Microsoft Shutdown Service", "Microsoft シャットダウン サービス";
    VIRTUAL_SWITCH = "Virtual Switch", "仮想スイッチ";
    VIRTUAL_SWITCH_DESCRIPTION = "Microsoft Virtual Switch", "Microsoft 仮想スイッチ";
    NETWORK_ADAPTER = "Network Adapter", "ネットワーク アダプター";
    NETWORK_ADAPTER_DESCRIPTION = "Settings of a virtual network adapter", "仮想ネットワーク アダプターの設定";
    CONNECTION = "Ethernet Switch Port Settings", "イーサネット スイッチ ポートの設定";
    OPERATING_NORMALLY = "Operating normally", "正常に動作しています";
    JOB_RUNNING = "Job is running.", "ジョブは実行中です。";
    JOB_DONE = "Job is completed.", "ジョブは完了しました。";
    JOB_WARNINGS = "Job is completed with warnings.", "ジョブは警告付きで完了しました。";
    JOB_FAILED = "Job failed.", "ジョブは失敗しました。";
    JOB_TERMINATED = "Job was terminated.", "ジョブは終了されました。";
    JOB_OTHER = "Job is waiting.", "ジョブは待機中です。";
    CONCRETE_JOB = "Concrete Job", "具象ジョブ";
    ERROR_SUMMARY = "The virtual machine could not be failed over.",
        "仮想マシンをフェールオーバーできませんでした。";
    ERROR_DETAIL = "The virtual hard disk of the replica could not be opened: the file is corrupted or is in use.",
        "レプリカの仮想ハード ディスクを開けませんでした。ファイルが破損しているか、使用中です。";
    OTHER_SUMMARY = "The operation on the virtual machine failed.",
        "仮想マシンに対する操作に失敗しました。";
    OTHER_HOST_DETAIL = "The other host did not take part: it refuses, or its virtual machine is in another state.",
        "相手側のホストが応じませんでした。拒否されたか、相手側の仮想マシンの状態が異なります。";
    STANDARD_POINT = "Standard Replica", "標準レプリカ";
    APP_POINT = "Application-consistent Replica", "アプリケーション整合性レプリカ";
    PLANNED_POINT = "Planned Failover Replica", "計画フェールオーバー レプリカ";
}
