//! What went wrong, and what to do.

super::catalogue! {
    /// What went wrong, and what to do.
    Faults {
        sign_in_title: "Sign in first", "请先登录";
        sign_in_story: "Nobody is signed in here.", "当前没有登录。";
        forbidden_title: "Not permitted", "没有权限";
        forbidden_story: "This needs the permission “{}”, which your account does not have here.", "此操作需要“{}”权限，而您的账户在此处没有该权限。";
        forbidden_advice: "Someone with one of these roles can do it, or grant it to you: {}.", "拥有以下角色之一的人可以执行，或向您授权：{}。";
        foreign_title: "This form was not yours", "表单来源不符";
        foreign_story: "It was sent from another site, or the page is older than your session. Nothing was changed.", "该表单来自其他站点，或页面早于当前会话。没有做任何更改。";
        foreign_advice: "Open the page again and repeat what you wanted to do.", "请重新打开页面再操作一次。";
        not_found_title: "Not found", "未找到";
        not_found_story: "There is nothing called “{}” here, or nothing that you may see.", "这里没有“{}”，或者您无权查看。";
        not_found_advice: "It may have been deleted, or the address was mistyped. Look for it in the list of jobs.", "它可能已被删除，或地址有误。请在作业列表中查找。";
        method_title: "Not that way", "方法不允许";
        method_story: "This address exists, but not for that kind of request. Nothing was changed.", "该地址存在，但不接受这种请求方式。没有做任何更改。";
        invalid_title: "That cannot be done", "无法执行";
        invalid_advice: "Nothing was changed. Go back, correct it and try again.", "没有做任何更改。请返回修改后重试。";
        conflict_title: "Somebody was faster", "已被他人修改";
        conflict_story: "You started from version {}, but version {} is current now.", "您基于版本 {} 编辑，但当前版本已是 {}。";
        conflict_advice: "Load the current version and make your change again.", "请加载当前版本后重新修改。";
        too_many_title: "Too many tries", "尝试次数过多";
        too_many_story: "Wait {} s, then try again.", "请等待 {} 秒后重试。";
        unavailable_title: "The store does not answer", "存储无响应";
        unavailable_story: "The database cannot be reached at the moment. Commands that run are not affected; their results wait on their nodes.", "当前无法连接数据库。正在运行的命令不受影响，结果会暂存在各节点上。";
        unavailable_advice: "Whether your change was made is not known: try again in a moment, it is safe.", "您的更改是否生效尚不确定：请稍后重试，重试是安全的。";
        internal_title: "Something broke here", "内部错误";
        internal_story: "This is our fault, not yours. The program's log tells the story.", "这是我们的问题，与您无关。详情见程序日志。";
        internal_advice: "If it happens again, send the log to whoever runs this installation.", "若再次出现，请将日志交给系统维护者。";
        go_home: "To the overview", "返回总览";
    }
}
