//! The words of the audit log.

use carillon_core::lang::Lang;
use carillon_store::AuditVerb;

use super::Words;

impl Words {
    /// What was done; in English, the log's own word.
    pub(crate) fn deed(&self, verb: AuditVerb) -> &'static str {
        match self.lang {
            Lang::En => verb.word(),
            Lang::Zh => chinese(verb),
        }
    }
}

/// The nouns of objects, as the log has them and as they are said in Chinese.
const NOUNS: [(&str, &str); 11] = [
    ("calendar", "日历"),
    ("group", "分组"),
    ("incident", "告警"),
    ("job", "作业"),
    ("jobs", "作业"),
    ("mute", "静音"),
    ("node", "节点"),
    ("run", "运行"),
    ("token", "令牌"),
    ("user", "账户"),
    ("view", "视图"),
];

impl Words {
    /// To what something was done: `job 17`, `作业 17`.
    pub(crate) fn object(&self, object: &str) -> String {
        let noun = object.split(' ').next().unwrap_or(object);
        let said = NOUNS.iter().find(|(word, _)| *word == noun);
        match (self.lang, said) {
            (Lang::Zh, Some((_, said))) => object.replacen(noun, said, 1),
            _ => object.to_owned(),
        }
    }

    /// The log's own name of an object, of which people write what they see.
    pub(crate) fn object_meant(&self, told: &str) -> String {
        let meant = NOUNS.iter().find(|(_, said)| told.starts_with(said));
        match meant {
            Some((noun, said)) => told.replacen(said, noun, 1),
            None => told.to_owned(),
        }
    }
}

fn chinese(verb: AuditVerb) -> &'static str {
    match verb {
        AuditVerb::CreateJob => "新建作业",
        AuditVerb::EditJob => "修改作业",
        AuditVerb::EnableJob => "启用作业",
        AuditVerb::DisableJob => "停用作业",
        AuditVerb::DeleteJob => "删除作业",
        AuditVerb::RestoreJob => "恢复作业",
        AuditVerb::ImportJobs => "导入作业",
        AuditVerb::ImportJobAgain => "再次导入作业",
        AuditVerb::RunJob => "手动运行作业",
        AuditVerb::KillRun => "终止运行",
        AuditVerb::CreateCalendar => "新建日历",
        AuditVerb::EditCalendar => "修改日历",
        AuditVerb::DeleteCalendar => "删除日历",
        AuditVerb::FollowCalendar => "采用日历的新内容",
        AuditVerb::CreateGroup => "新建分组",
        AuditVerb::EditGroup => "修改分组",
        AuditVerb::LimitGroup => "设置分组的运行保留",
        AuditVerb::SetGroupMail => "设置分组的邮件",
        AuditVerb::AskNode => "向节点发出指令",
        AuditVerb::SetNodeDuty => "设置节点职责",
        AuditVerb::CreateUser => "新建账户",
        AuditVerb::SetGrants => "设置角色",
        AuditVerb::LockUser => "锁定账户",
        AuditVerb::UnlockUser => "解锁账户",
        AuditVerb::SetPassword => "设置密码",
        AuditVerb::TurnOnSecondStep => "开启两步验证",
        AuditVerb::TurnOffSecondStep => "关闭两步验证",
        AuditVerb::SignIn => "登录",
        AuditVerb::ProveIdentity => "确认身份",
        AuditVerb::FailToProveIdentity => "确认身份失败",
        AuditVerb::CreateToken => "创建令牌",
        AuditVerb::RevokeToken => "吊销令牌",
        AuditVerb::ShareView => "共享视图",
        AuditVerb::RemoveView => "删除视图",
        AuditVerb::AcknowledgeIncident => "确认告警",
        AuditVerb::Mute => "静音",
        AuditVerb::EndMute => "结束静音",
        AuditVerb::LetIncidentsStart => "允许告警启动作业",
        AuditVerb::LetIncidentsStartNoMore => "不再由告警启动作业",
        AuditVerb::RestoreBackup => "恢复备份",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    #[test]
    fn what_the_log_tells_is_told_in_chinese_and_found_by_it() {
        let zh = words(Lang::Zh);
        let has_han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));

        for verb in AuditVerb::ALL {
            assert!(has_han(zh.deed(*verb)), "{verb}");
        }
        assert_eq!(zh.object("job 17"), "作业 17");
        assert_eq!(zh.object_meant("作业 17"), "job 17");
        assert_eq!(zh.object_meant("job 17"), "job 17");
        assert_eq!(words(Lang::En).object("job 17"), "job 17");
    }
}
