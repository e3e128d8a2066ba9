//! Setting up, signing in, and one's own account.

super::catalogue! {
    /// Setting up, signing in, and one's own account.
    Account {
        setup_title: "Set up Carillon", "初始化 Carillon";
        setup_intro: "Nobody has an account yet. Make yours; it will own this installation.", "目前还没有任何账户。请创建您的账户，它将拥有本系统。";
        setup_code: "Set-up code", "初始化代码";
        setup_code_help: "The program printed it to its log when it started, on the line “set-up code”.", "程序启动时已将其打印到日志中（“set-up code” 一行）。";
        setup_submit: "Create the owner", "创建所有者账户";
        sign_in_title: "Sign in", "登录";
        user_name: "User name", "用户名";
        password: "Password", "密码";
        remember: "Keep me signed in for 30 days", "30 天内保持登录";
        sign_in_submit: "Sign in", "登录";
        code_title: "Second step", "第二步验证";
        code_label: "Code from your authenticator", "验证器中的代码";
        code_help: "Six digits, or one of your recovery codes.", "六位数字，或一个恢复代码。";
        code_submit: "Continue", "继续";
        title: "Your account", "我的账户";
        roles_title: "What you may do", "我的权限";
        password_title: "Change password", "修改密码";
        password_current: "Current password", "当前密码";
        password_new: "New password", "新密码";
        password_help: "At least 12 characters. A sentence is fine; nothing else is demanded.", "至少 12 个字符，可以是一句话，没有其他要求。";
        password_submit: "Change password", "修改密码";
        sessions_title: "Where you are signed in", "登录会话";
        session_this: "this one", "当前会话";
        session_since: "Since", "开始于";
        session_seen: "Last seen", "最近活动";
        session_address: "Address", "地址";
        session_browser: "Browser", "浏览器";
        session_revoke: "Sign out", "退出";
        sessions_revoke_others: "Sign out everywhere else", "退出其他所有会话";
        totp_title: "Two-step sign-in", "两步验证";
        totp_off_intro: "A second step protects the account when the password leaks. Scan the picture with an authenticator or type the key, then prove it with a code.", "即使密码泄露，第二步验证也能保护账户。请用验证器应用扫描图片或输入密钥，再输入一个代码确认。";
        totp_picture: "QR code of the key below", "下方密钥的二维码";
        totp_secret: "Key", "密钥";
        totp_link: "Open in an authenticator", "在验证器中打开";
        totp_enable: "Turn on", "开启";
        totp_is_on: "Two-step sign-in is on.", "两步验证已开启。";
        totp_disable: "Turn off", "关闭";
        recovery_title: "Recovery codes", "恢复代码";
        recovery_intro: "Each works once, when your authenticator is lost. They are shown only now: write them down.", "验证器丢失时可用，每个仅能使用一次。仅在此刻显示，请妥善记录。";
        recovery_left: "{} recovery {code|codes} left", "剩余 {} 个恢复代码";
        recovery_done: "I have written them down", "我已记录";
        preferences_title: "Display", "显示";
        zone: "Time zone", "时区";
        zone_help: "Times are shown in this zone. Until you choose one, your browser's is used.", "时间按此时区显示。未选择时使用浏览器的时区。";
        wrong_credentials: "user name and password do not match; check both and try again", "用户名与密码不匹配，请核对后重试";
        wrong_code: "this code is not valid now; wait for the next one and try again", "代码无效，请等待下一个代码后重试";
        wrong_setup_code: "this is not the set-up code; copy it from the program's log", "初始化代码不正确，请从程序日志中复制";
        throttled: "too many tries; wait {} s and try again", "尝试次数过多，请等待 {} 秒后重试";
        wrong_password: "this is not your current password", "当前密码不正确";
        step_up_title: "Confirm that it is you", "请确认是您本人";
        step_up_story: "What you are about to do is sensitive, and this session has not proved for five minutes who it is. What you entered is kept and goes on from here.", "此操作较为敏感，且本会话已超过五分钟未验证身份。您填写的内容已保留，确认后继续。";
        step_up_password: "Your password", "您的密码";
        password_short: "the password has {} {character|characters}, at least {} are needed; make it a sentence", "密码有 {} 个字符，至少需要 {} 个，可以用一句话";
        password_long: "the password has {} {character|characters}, at most {} are kept; shorten it", "密码有 {} 个字符，最多 {} 个，请缩短";
        password_common: "this password is on every attacker's list; choose another", "该密码过于常见，请换一个";
        name_rule: "a user name has 1 to 64 letters, digits, or . _ - @; got {}", "用户名须为 1 到 64 个字母、数字或 . _ - @，收到 {}";
        session_expired: "Your session has ended. Sign in, and you are back where you were.", "会话已结束。登录后将回到原来的页面。";
    }
}
