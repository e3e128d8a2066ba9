//! Accounts, grants, tokens, groups and the audit log.

super::catalogue! {
    /// Accounts, grants, tokens, groups and the audit log.
    People {
        title: "People", "人员";
        new: "New account", "新建账户";
        grants: "Roles", "角色";
        role: "Role", "角色";
        in_all: "{} everywhere", "{}（全部分组）";
        in_group: "{} in {}", "{}（{} 组）";
        no_role: "no role", "无角色";
        last_sign_in: "Last sign-in", "最近登录";
        second_step: "Second step", "两步验证";
        locked: "Locked", "已锁定";
        usable: "Usable", "可用";
        create: "Create account", "创建账户";
        initial_password: "First password", "初始密码";
        lock: "Lock", "锁定";
        unlock: "Unlock", "解锁";
        lock_story: "Nobody signs in with it any more, and its sessions and tokens end at once.", "无法再登录，其会话与令牌立即失效。";
        new_password: "Set a password", "设置密码";
        set_password: "Set password", "设置密码";
        grants_story: "A role everywhere holds in every group; a role in one group adds to it.", "“全部”的角色在所有分组生效；单个分组的角色为额外授权。";
        save_grants: "Save roles", "保存角色";
        matrix: "What each role may do", "各角色的权限";
        tokens: "API tokens", "API 令牌";
        tokens_none: "No tokens yet.", "还没有令牌。";
        token_name: "What it is for", "用途";
        token_scope: "May do at most what this role may", "权限上限（角色）";
        token_all: "everything its owner may", "与所有者相同";
        token_expires: "Expires", "过期";
        token_lasts: "Works for", "有效期";
        token_used: "Last used", "最近使用";
        token_create: "Create token", "创建令牌";
        token_revoke: "Revoke", "吊销";
        token_new: "Your new token", "新令牌";
        token_new_story: "It is shown only now. Send it as “Authorization: Bearer …”.", "仅在此刻显示。请以 “Authorization: Bearer …” 方式发送。";
        days: "{} {day|days}", "{} 天";
        forever: "until it is revoked", "直到吊销";
        groups_title: "Groups", "分组";
        groups_story: "A group is the unit that permissions are given on. Every job is in one.", "分组是授权的单位，每个作业都属于一个分组。";
        group_new: "New group", "新建分组";
        group_create: "Create group", "创建分组";
        group_jobs: "Jobs", "作业";
        group_name_rule: "a group name has 1 to 190 characters; got {}", "分组名须为 1 到 190 个字符，收到 {} 个";
        group_keep_runs: "Keep so many runs of each job", "每个作业保留的运行数";
        group_keep_days: "Keep runs for so many days", "运行保留天数";
        group_keep_all: "as the cluster", "同集群";
        group_keep_rule: "{} is no limit; write a number from 1 to {}, or nothing", "{} 不是有效的上限，请填 1 到 {} 的数字，或留空";
        group_mail_to: "Mail about its jobs goes to", "作业邮件发送至";
        group_as_all: "as for all", "同全局";
        group_quiet_hours: "Quiet hours", "静默时段";
        group_mail_help: "Empty is as for all, - is nobody and never. In quiet hours what can wait is held back and goes out as one mail when they end.", "留空表示同全局，- 表示不发送、不静默。静默时段内可以等待的通知会保留，结束时合并为一封邮件。";
        group_taken: "another group has this name; choose another", "已有同名分组，请换一个";
        audit_title: "Audit log", "审计日志";
        audit_who: "Who", "谁";
        audit_what: "What", "操作";
        audit_object: "To what", "对象";
        audit_object_hint: "job 17", "作业 17";
        audit_change: "Change", "更改";
        audit_fields: "{} {field|fields}", "{} 个字段";
        audit_actor: "By", "操作人";
        audit_sealed: "{} {entry is|entries are} sealed as a chain; “admin audit verify” finds what was changed since. Note its end elsewhere:", "{} 条记录已串联封存；“admin audit verify” 可查出此后的改动。请在别处记下链尾：";
        audit_empty: "No entries.", "没有记录。";
        name_taken: "another account has this name; choose another", "已有同名账户，请换一个";
    }
}
