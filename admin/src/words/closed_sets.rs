//! The words of the domain's closed sets, in every language: a member without a word does not compile.

use carillon_core::access::{Role, Verb};
use carillon_core::calendar::OnBlackout;
use carillon_core::lang::Lang;
use carillon_core::misfire::Misfire;
use carillon_core::node::{Duty, Liveness};
use carillon_core::overlap::Overlap;
use carillon_core::placement::Placement;
use carillon_core::rule::{Rule, SubjectKind};
use carillon_core::run::{Outcome, Phase, Reason, Trigger};
use carillon_core::silence::Cause;
use carillon_core::stuck::StuckStep;

use super::{Words, fill_in};

impl Words {
    fn say<T>(&self, en: T, zh: T) -> T {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// An outcome.
    pub(crate) fn outcome(&self, outcome: Outcome) -> &'static str {
        let (en, zh) = match outcome {
            Outcome::Succeeded => ("succeeded", "成功"),
            Outcome::Failed => ("failed", "失败"),
            Outcome::TimedOut => ("timed out", "超时"),
            Outcome::Killed => ("killed", "已终止"),
            Outcome::CouldNotStart => ("could not start", "无法启动"),
            Outcome::Lost => ("lost", "丢失"),
            Outcome::Interrupted => ("interrupted", "中断"),
            Outcome::Skipped => ("skipped", "跳过"),
            Outcome::Missed => ("missed", "错过"),
        };
        self.say(en, zh)
    }

    /// How far a run has come.
    pub(crate) fn phase(&self, phase: Phase) -> &'static str {
        let (en, zh) = match phase {
            Phase::Offered => ("waiting", "等待中"),
            Phase::Claimed => ("claimed", "已领取"),
            Phase::Running => ("running", "运行中"),
            Phase::Done => ("done", "已结束"),
        };
        self.say(en, zh)
    }

    /// Why a run came to be.
    pub(crate) fn trigger(&self, trigger: Trigger) -> &'static str {
        let (en, zh) = match trigger {
            Trigger::Schedule => ("schedule", "计划"),
            Trigger::Manual => ("by hand", "手动"),
            Trigger::CatchUp => ("catch-up", "补跑"),
            Trigger::Boot => ("boot", "开机"),
        };
        self.say(en, zh)
    }

    /// Why a tick was skipped or missed, or why a run waits; with what to do about it.
    pub(crate) fn reason(&self, reason: Reason) -> &'static str {
        let (en, zh) = match reason {
            Reason::Overlap => ("the last run was still going", "上一次运行尚未结束"),
            Reason::Coalesced => ("a newer late fire time ran instead", "由较新的迟到触发代替"),
            Reason::Superseded => (
                "the job was changed before it could start",
                "启动前作业已被修改",
            ),
            Reason::StoreUnavailable => (
                "the store could not be reached in time; check the database",
                "存储未能及时访问，请检查数据库",
            ),
            Reason::NoAgent => ("no agent was up; start one", "没有运行中的 agent，请启动"),
            Reason::NoEligibleNode => (
                "no node matched; check placement, labels and drained nodes",
                "没有符合条件的节点，请检查放置、标签与已排空的节点",
            ),
            Reason::Unreadable => (
                "no agent understood the job; edit it, or upgrade the agents",
                "没有 agent 能识别该作业，请修改作业或升级 agent",
            ),
            Reason::NoCapacity => (
                "every matching node was full; raise node.max_running or add nodes",
                "符合条件的节点均已满，请提高 node.max_running 或增加节点",
            ),
            Reason::NodeSilent => ("the named node was silent", "指定节点失联"),
            Reason::DeadlinePassed => ("it could not be started in time", "未能在期限内启动"),
            Reason::ClaimUnknown => (
                "the claim was never answered; nothing was started",
                "领取未得到答复，未启动任何命令",
            ),
            Reason::NodeRestarted => ("the node went down before the start", "节点在启动前停机"),
            Reason::SpawnRefused => (
                "the runner refused to start it; see the detail",
                "runner 拒绝启动，见详情",
            ),
            Reason::OutOfMemory => ("it reached its limit of memory", "达到内存上限，被内核终止"),
            Reason::Retrying => ("waiting for the next attempt", "等待下一次尝试"),
            Reason::Queued => ("waiting for the last run to end", "等待上一次运行结束"),
            Reason::WaitingForNode => ("waiting for a node", "等待节点领取"),
            Reason::QueueFull => ("the queue of waiting runs was full", "等待队列已满"),
            Reason::NotClaimed => ("nobody was there to decide it", "当时无人领取"),
            Reason::ClockJump => ("the clock jumped over it", "时钟跳过了该时刻"),
        };
        self.say(en, zh)
    }

    /// What operators want of a node.
    pub(crate) fn duty(&self, duty: Duty) -> &'static str {
        let (en, zh) = match duty {
            Duty::Active => ("active", "启用"),
            Duty::Drained => ("drained", "已排空"),
            Duty::Retired => ("retired", "已退役"),
        };
        self.say(en, zh)
    }

    /// What a node's heartbeats say.
    pub(crate) fn liveness(&self, liveness: Liveness) -> &'static str {
        let (en, zh) = match liveness {
            Liveness::Fresh => ("alive", "存活"),
            Liveness::Late => ("late", "心跳迟到"),
            Liveness::Silent => ("silent", "失联"),
        };
        self.say(en, zh)
    }

    /// What the monitor found.
    pub(crate) fn rule(&self, rule: Rule) -> String {
        let (en, zh) = match rule {
            Rule::NodeSilent => ("node silent", "节点失联"),
            Rule::NodeClock => ("node clock off", "节点时钟偏差"),
            Rule::NodeTzdb => ("node with other time zone tables", "节点时区数据不同"),
            Rule::NodeVersion => ("node with another version", "节点版本不同"),
            Rule::NodeNotClaiming => ("node claims nothing", "节点不领取作业"),
            Rule::NodeDisk => ("disk nearly full", "磁盘将满"),
            Rule::JobFailed => ("job failed", "作业失败"),
            Rule::JobTimedOut => ("job timed out", "作业超时"),
            Rule::JobLost => ("run lost", "运行丢失"),
            Rule::JobMissed => ("fire time missed", "错过触发"),
            Rule::JobCouldNotStart => ("job could not start", "作业无法启动"),
            Rule::JobInterrupted => ("run interrupted", "运行中断"),
            Rule::JobLate => ("run late", "运行迟到"),
            Rule::JobSlow => ("run too slow", "运行过慢"),
            Rule::JobSlower => ("slower than usual", "比平常慢"),
            Rule::JobFaster => ("faster than usual", "比平常快"),
            Rule::JobNoSuccess => ("no success for too long", "长期未成功"),
            Rule::JobStuck => ("run stuck", "运行卡住"),
            Rule::Backlog => ("runs pile up", "运行积压"),
            Rule::StoreUnreachable => ("store unreachable", "存储不可用"),
            Rule::RedisUnreachable => ("Redis unreachable", "Redis 不可用"),
            Rule::TokenExpiring => ("API token ends soon", "API 令牌即将到期"),
            Rule::CertificateExpiring => ("certificate ends soon", "证书即将到期"),
            Rule::MonitorSilent => ("monitor silent", "监控失联"),
        };
        self.say(en, zh).to_owned()
    }

    /// What an incident is about.
    pub(crate) fn subject_kind(&self, kind: SubjectKind) -> &'static str {
        let (en, zh) = match kind {
            SubjectKind::Node => ("node", "节点"),
            SubjectKind::Job => ("job", "作业"),
            SubjectKind::Monitor => ("monitor", "监控"),
            SubjectKind::Token => ("API token", "API 令牌"),
            SubjectKind::Endpoint => ("endpoint", "端点"),
            SubjectKind::Cluster => ("cluster", "集群"),
        };
        self.say(en, zh)
    }

    /// What probably made a node silent.
    pub(crate) fn cause(&self, cause: &Cause) -> String {
        let (en, zh) = match cause {
            Cause::Left => ("it was stopped in order", "曾正常停止"),
            Cause::Together { silent, watched } => {
                return self.say(
                    format!("{silent} of {watched} nodes went together"),
                    format!("{watched} 个节点中有 {silent} 个同时失联"),
                );
            }
            Cause::Memory { available_percent } => {
                return self.say(
                    format!("out of memory ({available_percent} % free)"),
                    format!("内存耗尽（可用 {available_percent}%）"),
                );
            }
            Cause::SlowLink { round_trip_ms } => {
                return self.say(
                    format!("cut off (the database answered after {round_trip_ms} ms)"),
                    format!("网络中断（数据库往返 {round_trip_ms} 毫秒）"),
                );
            }
            Cause::NotClaiming { reason } => {
                return self.say(
                    format!("it had stopped taking runs: {reason}"),
                    format!("此前已停止领取作业：{reason}"),
                );
            }
            Cause::Unknown => (
                "agent or host down, or cut off",
                "agent 或主机停机，或网络中断",
            ),
        };
        self.say(en, zh).to_owned()
    }

    /// What a stuck run does not get beyond.
    pub(crate) fn stuck_step(&self, step: StuckStep) -> &'static str {
        let (en, zh) = match step {
            StuckStep::Starting => ("start its command", "没有启动命令"),
            StuckStep::Waiting => ("go on although nothing holds it", "已无须等待却没有继续"),
            StuckStep::Ending => ("end", "没有结束"),
        };
        self.say(en, zh)
    }

    /// A role.
    pub(crate) fn role(&self, role: Role) -> &'static str {
        let (en, zh) = match role {
            Role::Owner => ("owner", "所有者"),
            Role::Admin => ("admin", "管理员"),
            Role::Operator => ("operator", "运维"),
            Role::Editor => ("editor", "编辑"),
            Role::Viewer => ("viewer", "只读"),
        };
        self.say(en, zh)
    }

    /// A permission.
    pub(crate) fn verb(&self, verb: Verb) -> &'static str {
        let (en, zh) = match verb {
            Verb::View => ("see jobs and runs", "查看作业与运行"),
            Verb::ReadOutput => ("read output", "读取输出"),
            Verb::Run => ("run jobs by hand", "手动运行作业"),
            Verb::Kill => ("end runs", "终止运行"),
            Verb::Pause => ("enable and disable jobs", "启用与停用作业"),
            Verb::Edit => ("create and change jobs", "创建与修改作业"),
            Verb::RunAs => ("choose the user a command runs as", "选择命令的运行用户"),
            Verb::ManageNodes => ("drain and retire nodes", "排空与退役节点"),
            Verb::ManageGroups => ("manage groups", "管理分组"),
            Verb::ManageCalendars => ("manage calendars", "管理日历"),
            Verb::ManageUsers => ("manage people", "管理人员"),
            Verb::ManageOwners => ("make owners and admins", "任命所有者与管理员"),
            Verb::ReadAudit => ("read the audit log", "查看审计日志"),
            Verb::ManageAlerts => ("acknowledge and mute alerts", "确认与静音告警"),
        };
        self.say(en, zh)
    }

    /// An overlap policy.
    pub(crate) fn overlap(&self, overlap: Overlap) -> String {
        match overlap {
            Overlap::Skip => self.say("skip the new one", "跳过新的").to_owned(),
            Overlap::Replace => self.say("end the old one", "终止旧的").to_owned(),
            Overlap::Allow(runs) => self.say(
                format!("up to {runs} at once"),
                format!("最多同时 {runs} 个"),
            ),
            Overlap::Queue(ticks) => self.say(
                format!("let up to {ticks} wait"),
                format!("最多 {ticks} 个排队"),
            ),
        }
    }

    /// What becomes of ticks inside a blackout.
    pub(crate) fn on_blackout(&self, on_blackout: OnBlackout) -> &'static str {
        match on_blackout {
            OnBlackout::Skip => self.say("is skipped", "跳过"),
            OnBlackout::Shift => self.say("fires once, right after it", "在其结束后立即触发一次"),
        }
    }

    /// A misfire policy.
    pub(crate) fn misfire(&self, misfire: Misfire) -> String {
        match misfire {
            Misfire::Skip => self.say("record as missed", "记为错过").to_owned(),
            Misfire::Once => self.say("run the newest", "运行最新一次").to_owned(),
            Misfire::All(ticks) => self.say(
                format!("run the newest {ticks}"),
                format!("运行最新 {ticks} 次"),
            ),
        }
    }

    /// A placement.
    pub(crate) fn placement(&self, placement: Placement) -> String {
        match placement {
            Placement::One => self.say("any one node", "任一节点").to_owned(),
            Placement::EveryNode => self.say("every node", "所有节点").to_owned(),
            Placement::Some(nodes) => {
                self.say(fill_in("{} {node|nodes}", nodes), format!("{nodes} 个节点"))
            }
        }
    }
}
